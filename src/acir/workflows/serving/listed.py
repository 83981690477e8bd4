"""What is on a person's list, as the index has it now, and they may see it now."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from acir.governance.lists import Noted
from acir.index.entry import Entry
from acir.workflows.serving.answering import inert
from acir.workflows.serving.served import Served, Within, collection_of


@dataclass(frozen=True)
class Listed:
    """A picture on a list.

    Attributes:
        entry: What the index holds of it.
        note: What was written about it.
    """

    entry: Entry
    note: str


def listed(served: Served, noted: Sequence[Noted], within: Within) -> list[Listed]:
    """Return the pictures of a list that are still there and may be seen, in its order.

    Args:
        served: The index.
        noted: What is on the list.
        within: Collections that its owner may see now; what belongs to others is left out.
    """
    found = served.searcher.store.known([one.picture for one in noted])
    return [
        Listed(entry, one.note)
        for one in noted
        if (entry := found.get(one.picture)) is not None
        and (within is None or collection_of(entry.metadata) in within)
    ]


def as_csv(shown: Iterable[Listed]) -> str:
    """Write a list as a table; a cell that a spreadsheet would calculate begins with a quote."""
    rows = list(shown)
    keys = sorted({key for row in rows for key in row.entry.metadata})
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["id", "label", "note", *map(inert, keys)])
    for row in rows:
        known = (row.entry.metadata.get(key, "") for key in keys)
        writer.writerow(map(inert, (row.entry.id, row.entry.label, row.note, *known)))
    return out.getvalue()

"""Answers of a served collection, with what is stored of each hit."""

import csv
import io
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any

from acir.errors import StoreError, UsageError
from acir.index.entry import Entry
from acir.pacs.origin import Origin
from acir.search import Asked, Named, Request, Searcher
from acir.types import Answer, Hit
from acir.workflows.answers import stored
from acir.workflows.search import search_line
from acir.workflows.serving.queries import Query
from acir.workflows.serving.served import Served

DIGITS = 4  # of similarities and p-values: more would tell of the embeddings (S21)
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Answered:
    """An answer and what the index holds of its hits.

    Attributes:
        answer: The answer, its similarities rounded as they may leave the server.
        entries: What is stored of each hit, by id.
        asked: The pictures that it is about.
        origin: Of the only picture, where it is a DICOM image that a report can be about.
    """

    answer: Answer
    entries: Mapping[str, Entry]
    asked: tuple[Asked, ...]
    origin: Origin | None = None

    @property
    def has_report(self) -> bool:
        """Whether it can be saved as a DICOM report here."""
        return self.origin is not None and find_spec("highdicom") is not None

    def labels(self) -> dict[str, int]:
        """Count the labels of the hits, the most frequent first; a hit may have several."""
        found = Counter(part for hit in self.answer.hits for part in hit.label.split("|"))
        return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))

    def metadata(self, hit: Hit) -> Mapping[str, str]:
        """Return what is known of a hit besides its label."""
        return self.entries[hit.id].metadata


def answer(
    served: Served, asked: Query | str, request: Request, threshold: float = 0.0
) -> Answered:
    """Answer a request about uploaded views, or about the stored picture of an id.

    Args:
        served: The index.
        asked: The views, or the id.
        request: How to search.
        threshold: Least similarity of a hit, in [0, 1].

    Raises:
        UsageError: The mode, the radius, a filter, the key of cases or an id does not exist.
    """
    searcher = served.searcher
    if isinstance(asked, str):
        named = searcher.stored([asked], request.collections)
    else:
        named = [view.named for view in asked.views]
    try:
        found, entries = _found(searcher, named, request, threshold)
    except StoreError:  # a hit was deleted meanwhile; the state that there is now has none of it
        found, entries = _found(searcher, named, request, threshold)
    before = () if isinstance(asked, str) else asked.notices
    found = replace(found, notices=(*before, *found.notices))
    lone = None if isinstance(asked, str) or len(asked.views) > 1 else asked.views[0].origin
    return Answered(found, entries, tuple(one for _, one in named), lone)


def _found(
    searcher: Searcher, named: list[Named], request: Request, threshold: float
) -> tuple[Answer, dict[str, Entry]]:
    """Return an answer and what is stored of its hits; a deletion may come between the two."""
    if len(named) == 1:
        (found,) = searcher.answers(named, request)
    else:
        found = searcher.together(named, request)
    hits = map(_coarse, found.hits)
    found = replace(found, hits=tuple(hit for hit in hits if hit.similarity >= threshold))
    return found, {entry.id: entry for entry in stored(searcher, found)}


def line(answered: Answered) -> dict[str, Any]:
    """Return an answer as plain values: those of `acir search --json`, and each hit's metadata."""
    found = search_line(answered.answer)
    found["p_value"] = rounded(found["p_value"])
    for row, hit in zip(found["hits"], answered.answer.hits, strict=True):
        row["metadata"] = dict(answered.metadata(hit))
    return found | {"notices": list(answered.answer.notices), "labels": answered.labels()}


def as_json(answered: Answered) -> str:
    """Write an answer as a JSON file for a person to keep."""
    return json.dumps(line(answered), ensure_ascii=False, indent=1)


def as_csv(answered: Answered) -> str:
    """Write the hits as a table; a cell that a spreadsheet would calculate begins with a quote."""
    keys = sorted({key for entry in answered.entries.values() for key in entry.metadata})
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["rank", "id", "label", "similarity", "distance", *map(inert, keys)])
    for hit in answered.answer.hits:
        metadata = answered.metadata(hit)
        words = [hit.id, hit.label, hit.similarity, hit.distance]
        cells = [hit.rank, *words, *(metadata.get(key, "") for key in keys)]
        writer.writerow([inert(cell) for cell in cells])
    return out.getvalue()


def as_report(served: Served, answered: Answered) -> bytes:
    """Write an answer as a DICOM structured report for the study of the image that was asked about.

    Raises:
        UsageError: It is not about one DICOM image, or what writes reports is not installed.
    """
    if answered.origin is None:
        raise UsageError(
            "a report is written about one DICOM image that says which one it is; save this answer "
            "as CSV or JSON"
        )
    if not answered.has_report:
        raise UsageError(
            "reports need highdicom, which is not installed on the server; pip install 'acir[pacs]'"
        )
    from acir.workflows.pacs_export import structured_report  # noqa: PLC0415 - needs highdicom

    return structured_report(served.searcher, answered.answer, answered.origin)


def rounded(value: float | None) -> float | None:
    """Round as everything that leaves the server is rounded."""
    return None if value is None else round(value, DIGITS)


def _coarse(hit: Hit) -> Hit:
    """Round all similarities of a hit."""
    matches = tuple(replace(m, similarity=round(m.similarity, DIGITS)) for m in hit.matches)
    return replace(hit, similarity=round(hit.similarity, DIGITS), matches=matches)


def inert(cell: object) -> object:
    """Return a cell that no spreadsheet calculates."""
    risky = isinstance(cell, str) and cell.startswith(FORMULA)
    return f"'{cell}" if risky else cell

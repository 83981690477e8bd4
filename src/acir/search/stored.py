"""Stored pictures by their ids, out of the collections that the asker may see."""

from collections.abc import Collection, Iterable

from acir.errors import UsageError
from acir.index.entry import Entry
from acir.index.filters import collection_of
from acir.index.view import View


def entries(view: View, ids: Iterable[str], within: Collection[str] | None) -> list[Entry]:
    """Return what a state holds of pictures, each once, in the order of their ids as given.

    Args:
        view: The state.
        ids: Of the pictures.
        within: Collections that they may be of; None for all.

    Raises:
        UsageError: There is no picture of an id in these collections.
    """
    wanted = list(dict.fromkeys(ids))
    found = {entry.id: entry for entry in view.entries(view.named(wanted))}
    for name in wanted:
        if name not in found:
            raise _absent(name)
        require_within(found[name], within)
    return [found[name] for name in wanted]


def require_within(entry: Entry, within: Collection[str] | None) -> None:
    """Refuse a picture of another collection in the words for one that is not there.

    Raises:
        UsageError: It is of none of these collections.
    """
    if within is not None and collection_of(entry.metadata) not in within:
        raise _absent(entry.id)


def _absent(name: str) -> UsageError:
    return UsageError(
        f"the index has no picture {name!r}; give the id of a stored one, as a hit shows it"
    )

"""The index that a server answers from, open for as long as it runs."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from acir.evaluation.retrieved import spread
from acir.index.entry import Entry
from acir.index.filters import collection_of
from acir.index.store import Store
from acir.search import Searcher, unwitnessed
from acir.workflows.search import bundle_of, open_index

__all__ = ["Entry", "Served", "Within", "collection_of"]

Within = frozenset[str] | None
"""Collections that a caller may see; None for all."""


def refuse_unusable(folder: Path) -> None:
    """Refuse an index that cannot be opened with the bundle inside it; no network is loaded.

    Raises:
        UsageError: It or the bundle is missing or damaged, or they do not belong together.
    """
    Store.open(folder, model=bundle_of(folder)).close()


@dataclass(frozen=True)
class Served(AbstractContextManager["Served"]):
    """An index that is served; close it or use it as a context.

    Attributes:
        folder: Where it lies; no answer tells more than its name.
        searcher: The open index.
    """

    folder: Path
    searcher: Searcher

    @classmethod
    def open(cls, folder: Path, device: str = "cpu") -> "Served":
        """Open an index, and build its engine now rather than with the first query.

        Raises:
            UsageError: It or the bundle inside it cannot be opened.
        """
        # The server records what it answers, as it knows who asks.
        return cls(folder, open_index(folder, device, unwitnessed))

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.searcher.close()

    @property
    def name(self) -> str:
        """What a person calls it: the name of its folder."""
        return self.folder.resolve().name

    @property
    def draws_heat_maps(self) -> bool:
        """Whether the gate says where a picture differs."""
        return self.searcher.bundle.gate.draws_heat_maps

    def described(self, within: Within) -> dict[str, Any]:
        """Return what a caller may know of the index as a whole."""
        places = self.collections(within)
        return {
            "name": self.name,
            "pictures": sum(places.values()),
            "model": self.searcher.bundle.id,
            "modes": sorted(self.searcher.bundle.rankers),
            "collections": places,
            "filters": self.facets(within),
        }

    def collections(self, within: Within) -> dict[str, int]:
        """Return the collections that a caller may see, and how many pictures each has."""
        with self.searcher.store.view() as view:
            found = view.collections()
        return {name: n for name, n in found.items() if within is None or name in within}

    def facets(self, within: Within) -> dict[str, dict[str, int]]:
        """Return what can be filtered by: keys, and how many pictures have each value."""
        with self.searcher.store.view() as view:
            return view.facets(within)

    def samples(self, count: int, within: Within) -> list[Entry]:
        """Return a few stored pictures that have thumbnails, spread over the index."""
        with self.searcher.store.view() as view:
            allowed = np.flatnonzero(view.select({}, within))
            found = view.entries(allowed[spread(len(allowed), count)])
        return [entry for entry in found if entry.thumbnail]

    def entry(self, name: str, within: Within) -> Entry | None:
        """Return what is stored under an id, or None where a caller may not know of it."""
        entry = self.searcher.store.known([name]).get(name)
        if entry is None or within is None or collection_of(entry.metadata) in within:
            return entry
        return None

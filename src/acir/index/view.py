"""One state of an index, seen while others go on writing."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from json import dumps
from threading import Lock

import numpy as np
from jaxtyping import Bool, Float16, Int

from acir.errors import StoreError
from acir.index import cases, rows
from acir.index.changes import Moment
from acir.index.database import Database
from acir.index.engines.base import Engine
from acir.index.entry import Entry, unseal
from acir.index.facets import facets
from acir.index.filters import belonging, collections, matching
from acir.index.gallery import Gallery
from acir.index.schema import PART

CONTENTS = "select pixel_hash || ' ' || label from item order by 1"
EMBEDDINGS = "select row, v from json_each(?) cross join embedding on row = value"
# Goes from one part of the index on pixels to the next and looks into each. `union` ends even where
# a damaged file leads back.
PIXELS = f"""with recursive parts (part) as (
        select min({PART}) from item
        union select (select min({PART}) from item where {PART} > part) from parts)
    select row from parts cross join item on {PART} = part and pixels = ? where pixel_hash = ?"""
WITHIN = "select 1 from item where instr(id, ?1) or instr(path, ?1) limit 1"
PATIENT = "select row from item where patient = ?"
MASKS = 16  # filters whose answer is remembered; each takes a byte a picture
REPAIR = "restore a copy of it or build it again"

Facets = dict[str, dict[str, int]]
Mask = Bool[np.ndarray, " n"]


@dataclass(eq=False)
class State:
    """What is derived from the tables in one state; all views of that state share it.

    Attributes:
        moment: Which state it is.
        gallery: The codes.
        build: Makes the engine that searches them.
    """

    moment: Moment
    gallery: Gallery
    build: Callable[[Gallery], Engine]
    _engine: Engine | None = None
    _masks: dict[object, Mask] = field(default_factory=dict)
    _building: Lock = field(default_factory=Lock)
    _contents: str | None = None
    _collections: dict[str, int] | None = None
    _facets: dict[frozenset[str] | None, Facets] = field(default_factory=dict)

    def engine(self) -> Engine:
        """Return the engine, built when it is first asked for."""
        with self._building:
            if self._engine is None:
                self._engine = self.build(self.gallery)
            return self._engine

    def forget_engine(self) -> None:
        """Have the engine built anew when it is next asked for; queries under way keep theirs."""
        with self._building:
            self._engine = None

    def close(self) -> None:
        """Close the engine where there is one."""
        with self._building:
            if self._engine is not None:
                self._engine.close()

    def mask(
        self, database: Database, where: Mapping[str, str], within: frozenset[str] | None
    ) -> Mask:
        """Return what `View.select` does; the last filters are remembered."""
        wanted = frozenset(where.items()), within
        mask = self._masks.get(wanted)
        if mask is None:
            mask = self._mask(database, where, within)
            if within is not None:
                mask = mask & self._marked(belonging(database, within))
            mask.flags.writeable = False
            with self._building:
                if len(self._masks) >= MASKS:
                    del self._masks[next(iter(self._masks))]
                self._masks[wanted] = mask
        return mask

    def contents(self, database: Database) -> str:
        """Return what `View.contents` does, read when it is first asked for."""
        if self._contents is None:
            digest = sha256()
            for (line,) in database.read(CONTENTS):
                digest.update(f"{line}\n".encode())
            self._contents = digest.hexdigest()
        return self._contents

    def collections(self, database: Database) -> dict[str, int]:
        """Return what `View.collections` does, read when it is first asked for."""
        if self._collections is None:
            self._collections = collections(database)
        return self._collections

    def facets(self, database: Database, within: frozenset[str] | None) -> Facets:
        """Return what `View.facets` does, read when it is first asked for."""
        if within not in self._facets:
            self._facets[within] = facets(database, within)
        return self._facets[within]

    def _mask(
        self, database: Database, where: Mapping[str, str], within: frozenset[str] | None
    ) -> Mask:
        if not where:
            return np.ones(len(self.gallery.keys), dtype=bool)
        return self._marked(matching(database, where, within))

    def _marked(self, keys: Sequence[int]) -> Mask:
        mask = np.zeros(len(self.gallery.keys), dtype=bool)
        mask[self.gallery.positions(keys)] = True
        return mask


class View:
    """The pictures of an index in one state; got from `Store.view`, and valid within its block.

    Positions are those of `gallery`, which ascend with the id.

    Attributes:
        gallery: All codes, ordered by id.
        generation: How many changes led to this state.
    """

    def __init__(self, database: Database, state: State, dim: int) -> None:
        self.gallery = state.gallery
        self.generation = state.moment.generation
        self._database, self._state, self._dim = database, state, dim

    @property
    def engine(self) -> Engine:
        """The engine over `gallery`; its rows are positions."""
        return self._state.engine()

    def embeddings(self, positions: Int[np.ndarray, " m"]) -> Float16[np.ndarray, "m dim"]:
        """Return embeddings in the order of the positions.

        Raises:
            StoreError: One was altered.
        """
        keys = self.gallery.keys[positions].tolist()
        found: dict[int, object] = dict(self._database.read(EMBEDDINGS, dumps(keys)))
        self._check_there(keys, found)
        content = unseal([found[key] for key in keys], self._dim * np.dtype(np.float16).itemsize)
        if content is None:
            raise self._damaged("in its embeddings")
        return content.view("<f2")

    def entries(self, positions: Int[np.ndarray, " m"]) -> list[Entry]:
        """Return all that is stored, in the order of the positions, each checked.

        Raises:
            StoreError: One was altered.
        """
        keys = self.gallery.keys[positions].tolist()
        found = {key: (name, entry) for key, name, entry in rows.read(self._database, keys)}
        self._check_there(keys, found)
        result = []
        for key, code in zip(keys, self.gallery.codes[positions], strict=True):
            name, entry = found[key]
            if entry is None or entry.code.tobytes() != code.tobytes():
                raise self._damaged(f": {name} is not what was stored")
            result.append(entry)
        return result

    def select(self, where: Mapping[str, str], within: Collection[str] | None = None) -> Mask:
        """Mark the positions of the pictures that meet every condition; not to be written to.

        Args:
            where: Values by key; the key is `label`, of which one class name suffices,
                `collection`, or a key of the pictures' metadata.
            within: Collections that are searched; None for all.

        Raises:
            UsageError: No picture of these has such a key; the known ones are named.
        """
        return self._state.mask(
            self._database, where, None if within is None else frozenset(within)
        )

    def contents(self) -> str:
        """Return a SHA-256 that tells which pictures are here, and with which labels.

        Ids, paths, patients and the order do not count.
        """
        return self._state.contents(self._database)

    def collections(self) -> dict[str, int]:
        """Return how many pictures each collection has, by name."""
        return self._state.collections(self._database)

    def facets(self, within: Collection[str] | None = None) -> Facets:
        """Return how many pictures have each value of each key that `select` knows.

        A key with more values than a person would choose from has none here.

        Args:
            within: Collections that are counted; None for all.
        """
        return self._state.facets(self._database, None if within is None else frozenset(within))

    def named(self, ids: Iterable[str]) -> Int[np.ndarray, " m"]:
        """Return the positions, ascending, of those of these ids that are here."""
        return self.gallery.positions(rows.keys_of(self._database, ids))

    def values(
        self,
        positions: Int[np.ndarray, " m"],
        name: str,
        within: Collection[str] | None = None,
    ) -> list[str | None]:
        """Return what each picture has under `label`, `patient` or a key of its metadata.

        Args:
            positions: The pictures.
            name: The key.
            within: Collections that they are of; None for all.

        Raises:
            UsageError: No picture of these has such a key; the known ones are named.
        """
        keys = self.gallery.keys[positions].tolist()
        found = cases.values(self._database, keys, name, within)
        return [found.get(key) for key in keys]

    def members(self, name: str, wanted: Iterable[str]) -> Int[np.ndarray, " m"]:
        """Return the positions, ascending, of the pictures with any of these values."""
        return self.gallery.positions(cases.members(self._database, name, wanted))

    def same_pixels(self, pixel_hash: str) -> Int[np.ndarray, " m"]:
        """Return the positions of the pictures with exactly these pixels."""
        return self._positions(PIXELS, rows.pixels(pixel_hash), pixel_hash)

    def has_within(self, words: str) -> bool:
        """Whether any picture has these words as its id or its path, or within one of them."""
        return bool(self._database.read(WITHIN, words))

    def same_patient(self, patient: str) -> Int[np.ndarray, " m"]:
        """Return the positions of a patient's pictures, given the keyed hash."""
        return self._positions(PATIENT, patient)

    def _positions(self, sql: str, *values: object) -> Int[np.ndarray, " m"]:
        return self.gallery.positions([row for (row,) in self._database.read(sql, *values)])

    def _check_there(self, keys: Sequence[int], found: Mapping[int, object]) -> None:
        if any(key not in found for key in keys):
            raise StoreError(
                f"the index at {self._database.folder} has lost pictures without a record of it; "
                "open it again, and see what acir index verify says"
            )

    def _damaged(self, where: str) -> StoreError:
        gap = "" if where.startswith(":") else " "
        return StoreError(f"the index at {self._database.folder} is damaged{gap}{where}; {REPAIR}")

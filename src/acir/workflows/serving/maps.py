"""The map of an index: a sample of its pictures in a plane, made once for each of its states.

It is kept beside the index, as places and the numbers of the index's own rows: no ids, so that what
is erased from the index is nowhere in it.
"""

import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from threading import Lock, Thread
from zipfile import BadZipFile

import numpy as np
from jaxtyping import Float, Float16, Float32, Int

from acir.durable import whole
from acir.errors import AcirError, ComponentError, UsageError
from acir.index.view import View
from acir.search import coded
from acir.workflows.serving import layout
from acir.workflows.serving.queries import Query
from acir.workflows.serving.served import Entry, Served, Within

FILE = "map.npz"
SAMPLE = 2000  # pictures on a map
SEED = 0
NEAREST = 5  # pictures among which a query is placed
COLOURS = 7  # labels that have a colour of their own


class UnmadeError(AcirError):
    """The map of this state of the index could not be made."""


@dataclass(frozen=True)
class Point:
    """A picture on the map.

    Attributes:
        id: Of the picture.
        label: Its label.
        x: From the left, in [0, 1].
        y: From the top, in [0, 1].
        colour: Number of the colour of its label; `COLOURS` for labels that are too rare.
    """

    id: str
    label: str
    x: float
    y: float
    colour: int


@dataclass(frozen=True)
class Mark:
    """Where what was asked belongs: in the middle of its nearest neighbours on the map.

    UMAP's own transform is not used: it needs the fitted model, which can be kept by pickle alone,
    and it always answers with a definite place. The lines to the neighbours show whether there is
    one.

    Attributes:
        x: As of a point.
        y: As of a point.
        nearest: The neighbours, the nearest first.
    """

    x: float
    y: float
    nearest: tuple[Point, ...]


@dataclass(frozen=True)
class Plan:
    """What one caller may see of the map.

    Attributes:
        points: Of the collections that they may see.
        labels: How many points each label has that has a colour, the most frequent first.
        mark: Where what they asked belongs; None where nothing was asked, or it was refused.
    """

    points: tuple[Point, ...]
    labels: tuple[tuple[str, int], ...]
    mark: Mark | None


@dataclass(frozen=True)
class _Kept:
    """The map of one state: rows of the index in the order of their ids, and their places."""

    state: str
    keys: Int[np.ndarray, " m"]
    places: Float32[np.ndarray, "m 2"]


class Maps:
    """Makes the map of an index when it is first looked at; threads may share it.

    Args:
        served: The index.
        sample: Pictures on a map, at most; drawn with a seed.
    """

    def __init__(self, served: Served, sample: int = SAMPLE) -> None:
        self._served, self._sample = served, sample
        self._path = served.folder / FILE
        self._changing = Lock()
        self._kept: _Kept | None = None
        self._made_for = ""  # the state that is being made, or could not be
        self._maker: subprocess.Popen[bytes] | None = None
        self._failed = False

    def close(self) -> None:
        """Stop making a map."""
        with self._changing:
            if self._maker is not None:
                self._maker.kill()

    def plan(self, within: Within, asked: Query | Entry | None = None) -> Plan | None:
        """Return what a caller may see of the map, or None while it is being made.

        Args:
            within: Collections that they may see.
            asked: What is to be marked: what was given, of which the first readable picture
                counts, or a stored picture.

        Raises:
            ComponentError: What makes maps is not installed.
            UsageError: The index has too few pictures.
            UnmadeError: The map could not be made.
        """
        with self._served.searcher.store.view() as view:
            kept = self._current(view)
            if kept is None:
                return None
            positions = view.gallery.positions(kept.keys)
            allowed = view.select({}, within)[positions]
            entries = view.entries(positions[allowed])
            embeddings = view.embeddings(positions[allowed])
        points, labels = _points(entries, kept.places[allowed])
        wanted = self._embedding(asked)
        return Plan(points, labels, None if wanted is None else _mark(wanted, embeddings, points))

    def _current(self, view: View) -> _Kept | None:
        state = state_of(view)
        with self._changing:
            if self._kept is None or self._kept.state != state:
                self._kept = _read(self._path, state)
            if self._kept is None:
                self._begin(view, state)
            return self._kept

    def _begin(self, view: View, state: str) -> None:
        """Have the map of a state made, unless it is being made already."""
        if self._made_for == state:
            if self._failed:
                raise UnmadeError(
                    "the map of this index could not be made; see that memory suffices"
                )
            return
        if self._maker is not None:
            return  # that of an older state; when it has ended this one is begun
        if find_spec("umap") is None:
            raise ComponentError(
                "the map needs umap-learn, which is not installed; pip install 'acir[map]'"
            )
        count = len(view.gallery.keys)
        if count < layout.FEWEST:
            raise UsageError(
                f"a map needs at least {layout.FEWEST} pictures, and the index has {count}; add "
                "some"
            )
        chosen = np.random.default_rng(SEED).permutation(count)[: self._sample]
        chosen.sort()
        self._made_for, self._failed = state, False
        self._maker = subprocess.Popen(
            [sys.executable, "-m", layout.__name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        work = self._maker, view.embeddings(chosen), state, view.gallery.keys[chosen]
        Thread(target=self._make, args=work, daemon=True).start()

    def _make(
        self,
        maker: "subprocess.Popen[bytes]",
        embeddings: Float16[np.ndarray, "m dim"],
        state: str,
        keys: Int[np.ndarray, " m"],
    ) -> None:
        given = BytesIO()
        np.save(given, embeddings, allow_pickle=False)
        found, _ = maker.communicate(given.getvalue())
        with self._changing:
            self._maker, self._failed = None, maker.returncode != 0
            if not self._failed:
                places = np.load(BytesIO(found), allow_pickle=False)
                self._kept = _Kept(state, keys, places)
                _write(self._path, self._kept)

    def _embedding(self, asked: Query | Entry | None) -> Float[np.ndarray, " dim"] | None:
        if isinstance(asked, Query):
            evidence = next((view.evidence for view in asked.views if view.evidence), None)
            return (
                None
                if evidence is None
                else coded(self._served.searcher.bundle.encoder, evidence)[1][0]
            )
        return None if asked is None else asked.embedding


def state_of(view: View) -> str:
    """Return a SHA-256 that tells which rows with which codes are there."""
    return sha256(view.gallery.keys.tobytes() + view.gallery.codes.tobytes()).hexdigest()


def _points(
    entries: Sequence[Entry], places: Float32[np.ndarray, "m 2"]
) -> tuple[tuple[Point, ...], tuple[tuple[str, int], ...]]:
    found = Counter(entry.label for entry in entries)
    labels = sorted(found.items(), key=lambda item: (-item[1], item[0]))[:COLOURS]
    colours = {label: colour for colour, (label, _) in enumerate(labels)}
    points = tuple(
        Point(entry.id, entry.label, float(x), float(y), colours.get(entry.label, COLOURS))
        for entry, (x, y) in zip(entries, places, strict=True)
    )
    return points, tuple(labels)


def _mark(
    wanted: Float[np.ndarray, " dim"],
    embeddings: Float16[np.ndarray, "m dim"],
    points: Sequence[Point],
) -> Mark | None:
    if not points:
        return None
    similar = embeddings.astype(np.float32) @ np.asarray(wanted, dtype=np.float32)
    nearest = tuple(points[i] for i in np.argsort(-similar, kind="stable")[:NEAREST])
    x, y = np.mean([(point.x, point.y) for point in nearest], axis=0)
    return Mark(float(x), float(y), nearest)


def _read(path: Path, state: str) -> _Kept | None:
    """Return the map of a state, or None where the file is of another one or none at all."""
    try:
        with np.load(BytesIO(path.read_bytes()), allow_pickle=False) as file:
            kept = _Kept(str(file["state"]), file["keys"], file["places"])
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None
    return kept if kept.state == state and kept.places.shape == (len(kept.keys), 2) else None


def _write(path: Path, kept: _Kept) -> None:
    """Write a map; one that cannot be written is made again another time."""
    with suppress(OSError), whole(path) as part, part.open("wb") as file:
        np.savez(file, state=np.array(kept.state), keys=kept.keys, places=kept.places)

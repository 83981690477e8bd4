"""Pictures that someone asks about, examined once and kept for as long as they are looked at.

They are kept in memory alone, and forgotten after a while or when they take too much of it: what
was asked leaves no trace on a disk.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from secrets import token_urlsafe
from threading import Lock
from time import monotonic
from typing import NamedTuple

import numpy as np
from einops import rearrange

from acir.errors import UnreadableImageError, UsageError
from acir.evaluation.figures import heat_map, png
from acir.pacs.origin import Origin, origin
from acir.pacs.reader import is_dicom
from acir.picture import from_bytes
from acir.prep.pixels import to_unit
from acir.search import Examined, Named
from acir.tensors import Evidence
from acir.threshold import Place
from acir.types import SERIES, Answer, ImageRecord, Verdict
from acir.workflows.serving.frames import Frame, frame_of
from acir.workflows.serving.served import Served

SECONDS = 30 * 60.0
OVERHEAD = 4096  # bytes that any picture takes, one that could not be read too
SHOWN_SIDE = 1024  # of the picture that a page shows
Picked = tuple[bytes, int | None]
"""A file, and which frame of it, from 1; None for the only one or the middle."""
NAME = "picture {}"  # a file's own name may name a patient, so it is never read


@dataclass(frozen=True)
class Asked:
    """One uploaded picture as the model sees it.

    Attributes:
        name: What answers call it.
        found: What examining it gave.
        verdict: Whether its kind is known.
        digest: SHA-256 of its pixels, or of the bytes where they could not be read: what an audit
            keeps of it.
        place: How unusual it is beside calibration pictures, or None where the gate did not look.
        origin: What a report about it inherits; None where it is no DICOM image, or does not say
            which one.
    """

    name: str
    found: Examined | UnreadableImageError
    verdict: Verdict
    digest: str
    place: Place | None
    origin: Origin | None = None

    @property
    def named(self) -> Named:
        """What a searcher is asked."""
        return self.name, self.found

    @property
    def size(self) -> int:
        """Bytes that it takes to keep it."""
        if isinstance(self.found, UnreadableImageError):
            return OVERHEAD
        maps = vars(self.found.evidence).values() if self.found.evidence else ()
        header = self.origin.size if self.origin else 0
        arrays = (self.found.record.pixels, *maps)
        shown = len(vars(self).get("picture") or b"")  # once a page has asked for it
        return OVERHEAD + header + shown + sum(int(one.nbytes) for one in arrays if one is not None)

    @property
    def patient(self) -> str | None:
        """Keyed hash of whose it is, where the file says."""
        return None if isinstance(self.found, UnreadableImageError) else self.found.record.patient

    @property
    def is_readable(self) -> bool:
        """Whether there is a picture to show."""
        return not isinstance(self.found, UnreadableImageError)

    @property
    def evidence(self) -> Evidence | None:
        """What the model saw of it; None where nothing was encoded."""
        return None if isinstance(self.found, UnreadableImageError) else self.found.evidence

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the picture; 1 and 1 where it could not be read."""
        if isinstance(self.found, UnreadableImageError):
            return 1, 1
        height, width = self.found.record.pixels.shape[:2]
        return height, width

    @property
    def frame(self) -> Frame | None:
        """The values of the picture; None in colour, or where it could not be read."""
        return None if isinstance(self.found, UnreadableImageError) else frame_of(self.found.record)

    @property
    def is_grey(self) -> bool:
        """Whether there is a grey picture, whose values can be windowed."""
        return not isinstance(self.found, UnreadableImageError) and not self.found.record.is_colour

    @cached_property
    def picture(self) -> bytes | None:
        """The picture as it is windowed, as PNG; None where it could not be read."""
        if isinstance(self.found, UnreadableImageError):
            return None
        unit = to_unit(self.found.record)
        step = -(-max(unit.shape[:2]) // SHOWN_SIDE)
        small = unit[::step, ::step]
        return png(small if small.shape[2] > 1 else rearrange(small, "h w 1 -> h w"))


@dataclass(frozen=True)
class Query:
    """What one person asks about: a picture, or views of one case.

    Attributes:
        key: Names it in an address; without it nobody finds the query.
        owner: Who may see it.
        views: The pictures.
        notices: What a reader of an answer should know of them.
        regions: Queries about a region of the only picture, by what `regions.within` names them.
    """

    key: str
    owner: str
    views: tuple[Asked, ...]
    notices: tuple[str, ...] = ()
    regions: dict[Hashable, "Query"] = field(default_factory=dict, compare=False, repr=False)

    @property
    def size(self) -> int:
        """Bytes that it takes to keep it."""
        regions = list(self.regions.values())  # another thread may add one
        return sum(view.size for view in self.views) + sum(region.size for region in regions)

    @property
    def is_readable(self) -> bool:
        """Whether there is a picture to search by."""
        return any(view.is_readable for view in self.views)

    @property
    def is_series(self) -> bool:
        """Whether the views are slices of one series."""
        found = [view.found for view in self.views]
        records = [one.record for one in found if isinstance(one, Examined)]
        series = {record.metadata.get(SERIES) for record in records}
        return len(records) == len(found) > 1 and len(series) == 1 and None not in series

    def deciding(self, answer: Answer) -> Asked:
        """Return the view that the verdict of an answer is on."""
        return next((view for view in self.views if view.name == answer.worst_view), self.views[0])

    def heat_map(self, position: int, served: Served) -> bytes | None:
        """Draw where a view differs from known pictures over it, as PNG; None where none is."""
        found = self.views[position].found
        if isinstance(found, UnreadableImageError) or found.evidence is None:
            return None
        differs = served.searcher.heat_map(found.evidence)
        if differs is None:
            return None
        picture = rearrange(served.searcher.bundle.prep(found.record), "c y x -> y x c")
        return heat_map(picture, differs.numpy().astype(np.float64))


def examine(served: Served, files: Iterable[Picked]) -> tuple[Asked, ...]:
    """Read and judge files one by one; one that cannot be read is unknown, not an error."""
    return tuple(_asked(served, picked, number) for number, picked in enumerate(files, start=1))


def _asked(served: Served, picked: Picked, number: int) -> Asked:
    searcher, name = served.searcher, NAME.format(number)
    data, frame = picked
    try:
        record = from_bytes(data, searcher.key, name, frame)
    except UnreadableImageError as error:
        return Asked(name, error, searcher.refuse(error), sha256(data).hexdigest(), None)
    return replace(about(served, record, name), origin=_origin(data, name, frame))


def _origin(data: bytes, name: str, frame: int | None) -> Origin | None:
    """Return what a report inherits of a file that could be read, where it can have one."""
    if not is_dicom(data):
        return None
    try:
        return origin(data, name, frame)
    except UsageError:  # also what cannot be read of the header after all
        return None


def about(served: Served, record: ImageRecord, name: str) -> Asked:
    """Judge a picture that was read.

    Args:
        served: The index.
        record: The picture.
        name: What answers call it.
    """
    searcher = served.searcher
    found = searcher.examine(record)
    place = None if found.scored is None else searcher.bundle.gate.place(found.scored)
    return Asked(name, found, found.verdict, record.pixel_hash, place)


class _Kept(NamedTuple):
    query: Query
    looked_at: float
    size: int


class Queries:
    """The queries that are being looked at; threads may share it.

    Args:
        most: Bytes that the pictures of all callers may take, with what the network makes of them;
            what was not looked at for longest goes first.
        seconds: After which one that nobody looked at goes.
        clock: Tells the time.
    """

    def __init__(
        self,
        most: int,
        seconds: float = SECONDS,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._most, self._seconds, self._clock = most, seconds, clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        # Bytes: a sum over all of them at every request would grow with their number.
        self._held = 0
        self._changing = Lock()

    def keep(self, owner: str, views: tuple[Asked, ...], notices: tuple[str, ...] = ()) -> Query:
        """Keep what was examined under a key that cannot be guessed."""
        query = Query(token_urlsafe(16), owner, views, notices)
        with self._changing:
            self._look_at(query)
            self._forget()
        return query

    def find(self, key: str, owner: str) -> Query | None:
        """Return a query to who asked it, else None."""
        with self._changing:
            self._forget()
            kept = self._kept.get(key)
            if kept is None or kept.query.owner != owner:
                return None
            self._look_at(kept.query)
            return kept.query

    def _look_at(self, query: Query) -> None:
        """Put a query last of those that go; regions may have been added since it was found."""
        before, size = self._kept.pop(query.key, None), query.size
        self._kept[query.key] = _Kept(query, self._clock(), size)
        self._held += size - (before.size if before else 0)

    def _forget(self) -> None:
        oldest = self._clock() - self._seconds
        while self._kept:
            first = next(iter(self._kept.values()))
            too_much = self._held > self._most and len(self._kept) > 1  # the newest is looked at
            if first.looked_at >= oldest and not too_much:
                return
            del self._kept[first.query.key]
            self._held -= first.size

"""Values that travel between packages without torch; each is valid once constructed."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from types import MappingProxyType
from typing import Literal, TypeVar

import numpy as np
from jaxtyping import Float, Float64, Int, Shaped

Item = TypeVar("Item")
Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")
State = Literal["known", "caution", "unknown"]
STATES: tuple[State, ...] = ("known", "caution", "unknown")  # the worst last
SERIES = "Series"  # key of the metadata that holds the keyed hash of a picture's series

Progress = Callable[[str, int | None], AbstractContextManager[Callable[[int], None]]]
"""Shows long work: given a title and a total, or None where it is unknown, a context in which the
number of things done is reported."""

_EMPTY: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class ImageRecord:
    """One picture with what is known about it, and no patient identity.

    Attributes:
        id: Key of the picture, unique and stable within its source.
        pixels: `(height, width)` grey or `(height, width, 3)` colour; stored values after
            the modality LUT, not windowed.
        value_range: The values that map to black and white; beyond them pixels saturate.
        inverted: True when the smallest value is meant to be white (MONOCHROME1).
        labels: The class names of the picture; empty when unknown.
        split: The split that the source assigns.
        draw: A number in [0, 1) drawn from a hash of the patient, else of the pixels: equal for
            all pictures of one patient, it decides which pictures are kept for calibration.
        patient: Keyed hash of the patient, or None when the source names none.
        path: Path relative to the source, or None where a path could identify.
        metadata: Further columns that can be filtered; `SERIES` is the keyed hash of a series.

    Raises:
        ValueError: The pixels have another shape or there are none, or the range is empty.
    """

    id: str
    pixels: Shaped[np.ndarray, "..."]
    value_range: tuple[float, float]
    split: Split
    draw: float
    labels: tuple[str, ...] = ()
    inverted: bool = False
    patient: str | None = None
    path: str | None = None
    metadata: Mapping[str, str] = field(default_factory=lambda: _EMPTY)

    def __post_init__(self) -> None:
        """Refuse what no later stage could use."""
        shape = self.pixels.shape
        if not 2 <= len(shape) <= 3 or shape[2:] not in {(), (3,)} or 0 in shape:  # noqa: PLR2004 - grey has two axes, colour three
            raise ValueError(
                f"pixels of {self.id} have shape {shape}, expected (height, width) or "
                "(height, width, 3)"
            )
        if not self.value_range[0] < self.value_range[1]:
            raise ValueError(f"value_range of {self.id} is empty: {self.value_range}")

    @property
    def is_colour(self) -> bool:
        """Whether the picture has three channels."""
        return self.pixels.ndim == 3  # noqa: PLR2004 - height, width, channel

    @cached_property
    def pixel_hash(self) -> str:
        """SHA-256 of shape, type and values: equal for pictures with the same pixels."""
        return pixel_hash(self.pixels)


def pixel_hash(pixels: Shaped[np.ndarray, "..."]) -> str:
    """Return the SHA-256 of an array's shape, type and values as 64 hexadecimal digits."""
    digest = sha256(f"{pixels.dtype.str}{pixels.shape}".encode())
    digest.update(np.ascontiguousarray(pixels).tobytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class Skipped:
    """A picture that a source could not read and passed over, with the reason."""

    path: str
    reason: str
    code: Literal["unreadable", "truncated"] = "unreadable"


@dataclass(frozen=True)
class Ranking:
    """The candidates of one query, best first.

    Attributes:
        rows: Positions in the gallery; rows ascend with the id, so a tie broken by row is a tie
            broken by id.
        distances: Hamming distance of each candidate.
        cosines: Cosine of the embeddings of query and candidate, in [-1, 1].
        similarities: What a reader sees, in [0, 1], never increasing down the ranking; NaN before
            a ranker has set it.

    Raises:
        ValueError: The columns differ in length.
    """

    rows: Int[np.ndarray, " n"]
    distances: Int[np.ndarray, " n"]
    cosines: Float[np.ndarray, " n"]
    similarities: Float[np.ndarray, " n"]

    def __post_init__(self) -> None:
        """Refuse columns of different lengths."""
        lengths = {len(c) for c in (self.rows, self.distances, self.cosines, self.similarities)}
        if len(lengths) > 1:
            raise ValueError(f"the columns of a ranking differ in length: {sorted(lengths)}")

    def __len__(self) -> int:
        """Return the number of candidates."""
        return len(self.rows)

    def take(self, order: Int[np.ndarray, " m"]) -> "Ranking":
        """Return the candidates at these positions, in this order."""
        return Ranking(
            self.rows[order], self.distances[order], self.cosines[order], self.similarities[order]
        )


@dataclass(frozen=True)
class Scored:
    """What the detectors say of some pictures.

    Attributes:
        by_detector: A score a picture, by the detector's name; higher is more outlying.
        predicted: Position of the class that the model sees in each.
    """

    by_detector: Mapping[str, Float64[np.ndarray, " n"]]
    predicted: Int[np.ndarray, " n"]

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.predicted)

    def __getitem__(self, rows: Int[np.ndarray, " m"]) -> "Scored":
        """Return what is said of some of the pictures."""
        some = {name: column[rows] for name, column in self.by_detector.items()}
        return Scored(some, self.predicted[rows])

    @staticmethod
    def concatenate(parts: Sequence["Scored"]) -> "Scored":
        """Join what was said of several batches, at least one."""
        columns = {
            name: np.concatenate([part.by_detector[name] for part in parts])
            for name in parts[0].by_detector
        }
        return Scored(columns, np.concatenate([part.predicted for part in parts]))


@dataclass(frozen=True)
class Calibration:
    """What the gate's threshold promises, and on how many pictures the promise rests.

    Attributes:
        n: Calibration pictures behind the threshold.
        r: The threshold is the r-th largest of their scores; 0 without any picture.
        alpha: The false-alarm rate asked for.
        promised: `alpha` when they suffice for it at the gate's confidence, else None.
    """

    n: int
    r: int
    alpha: float
    promised: float | None


@dataclass(frozen=True)
class Verdict:
    """Whether a picture is of a kind that the model knows.

    Attributes:
        verdict: `known`, `caution` (answered with a warning) or `unknown` (withheld).
        p_value: Share of ordinary pictures that look at least as unusual, in (0, 1]; of several
            pictures, a bound on the share of ordinary sets of which one does.
        reason: The strongest evidence in words.
        reason_code: The same as one stable word.
        scores: The p-value of each detector by its name; of several pictures, for the worst.
        calibration: What stands behind the verdict.
        pictures: How many it is on together; see `acir.gate.Gate.judge_together`.
    """

    verdict: State
    p_value: float
    reason: str
    reason_code: str
    scores: Mapping[str, float]
    calibration: Calibration
    pictures: int = 1

    @property
    def severity(self) -> tuple[int, float]:
        """Larger for the worse of two: by state, then by the lower p-value."""
        return STATES.index(self.verdict), -self.p_value


@dataclass(frozen=True)
class Match:
    """The stored picture that spoke for a case when one view was asked about.

    Attributes:
        view: Name of the view.
        id: Key of the picture in the index.
        similarity: Of the two, in [0, 1].
    """

    view: str
    id: str
    similarity: float


@dataclass(frozen=True)
class Hit:
    """One retrieved picture.

    Attributes:
        rank: 1 for the best.
        id: Key of the picture in the index.
        label: Its class names joined by `|`, empty when unknown.
        distance: Hamming distance to the query's code, 0 to the number of bits.
        similarity: In [0, 1], never increasing with the rank; the calibrated probability that the
            hit shares the query's class where the bundle was calibrated.
        path: Path relative to its source, or None where paths are not kept.
        case: What the hit stands for, where one hit a case was asked for: the value that its
            pictures share, or None for a picture without one.
        matches: Where several views were asked about and one hit a case: for each view, in order,
            the picture of the case that is most like it. The mean of their similarities is that of
            the hit.
    """

    rank: int
    id: str
    label: str
    distance: int
    similarity: float
    path: str | None
    case: str | None = None
    matches: tuple[Match, ...] = ()


@dataclass(frozen=True)
class Answer:
    """The answer to one query: a verdict, and hits unless the query is unknown.

    Attributes:
        query: What was asked, as the caller named it.
        verdict: Whether the query is of a kind that the model knows; of several views, one on
            all. None for a stored picture, about which the gate was not asked.
        mode: Name of the ranker that ordered the hits.
        hits: The retrieved pictures, best first.
        notices: Anything a reader should know, such as fewer hits than were asked for.
        least: The least similar of the retrieved pictures, where they were asked for.
        folded: Near-duplicates of the query or of a better hit that were left out.
        views: Names of the views, where several were asked about together.
        worst_view: Name of the most unusual view, which decides the verdict, likewise.
        risk: Chance that no hit is of the query's class, where one was chosen.
        risk_promised: The same where it is promised of these hits, else None.
    """

    query: str
    verdict: Verdict | None
    mode: str
    hits: tuple[Hit, ...]
    notices: tuple[str, ...] = ()
    least: tuple[Hit, ...] = ()
    folded: int = 0
    views: tuple[str, ...] = ()
    worst_view: str | None = None
    risk: float | None = None
    risk_promised: float | None = None


@contextmanager
def silent(title: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show nothing: the `Progress` of a library call."""
    yield lambda _: None


def counted(items: Iterable[Item], tick: Callable[[int], None]) -> Iterator[Item]:
    """Pass items on and report each after it was used."""
    for item in items:
        yield item
        tick(1)

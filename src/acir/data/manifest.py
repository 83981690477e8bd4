"""What is to be trained on: the rows of a source without their pixels, checked and reported."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

from acir.amounts import amount
from acir.data import near
from acir.errors import SourceError
from acir.types import ImageRecord, Skipped, Split

Part = Literal["train", "val", "test", "calibration_a", "calibration_b"]

VAL_DRAW = 0.9  # with no val split of its own, a source lends the last tenth of its draws
NAMED = 5  # how many names an error or a report lists


@dataclass(frozen=True)
class Row:
    """One picture of a source, without its pixels."""

    id: str
    labels: tuple[str, ...]
    split: Split
    draw: float
    patient: str | None
    pixel_hash: str
    size: tuple[int, int]
    is_colour: bool


@dataclass(frozen=True)
class Manifest:
    """The rows of a source and which of them belong to which part.

    Attributes:
        rows: In the source's order.
        skipped: What could not be read.
        fraction: Share of train kept for each calibration set.
        alike: How many pictures without a patient have the draw of one that is nearly the same.
    """

    rows: tuple[Row, ...]
    skipped: tuple[Skipped, ...]
    fraction: float
    alike: int = 0

    @property
    def class_names(self) -> tuple[str, ...]:
        """Every label of the rows, sorted."""
        return tuple(sorted({label for row in self.rows for label in row.labels}))

    @cached_property  # asked once a row
    def has_val(self) -> bool:
        """Whether the source has a validation split of its own."""
        return any(row.split == "val" for row in self.rows)

    @property
    def draws_decide(self) -> bool:
        """Whether the draws of training pictures decide what these are for."""
        return self.fraction > 0 or not self.has_val

    def part(self, row: Row) -> Part:
        """Say what a row is for; all pictures of one patient have the same answer."""
        if row.split != "train":
            return row.split
        if row.draw < self.fraction:
            return "calibration_a"
        if row.draw < 2 * self.fraction:
            return "calibration_b"
        return "train" if self.has_val or row.draw < VAL_DRAW else "val"

    def of(self, part: Part) -> list[Row]:
        """Return the rows of a part."""
        return [row for row in self.rows if self.part(row) == part]

    def report(self) -> dict[str, Any]:
        """Say how many pictures there are of what, and what is suspicious about them."""
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for row in self.rows:
            counts[self.part(row)].update(row.labels)
        sizes = Counter(f"{row.size[1]}x{row.size[0]}" for row in self.rows)
        return {
            "pictures": dict(Counter(self.part(row) for row in self.rows)),
            "classes": {part: dict(sorted(c.items())) for part, c in counts.items()},
            "sizes": dict(sizes.most_common(NAMED)),
            "colour": sum(row.is_colour for row in self.rows),
            "skipped": [f"{s.path}: {s.reason}" for s in self.skipped],
            "duplicates": len(self.rows) - len({row.pixel_hash for row in self.rows}),
            "in_two_splits": len(_in_two_splits(self.rows, lambda row: row.pixel_hash)),
            "patients": len({row.patient for row in self.rows if row.patient}) or None,
            "alike": self.alike,
        }

    def require_patients_apart(self) -> None:
        """Refuse a patient in two splits.

        Raises:
            SourceError: There is one.
        """
        named = (row for row in self.rows if row.patient)
        found = _in_two_splits(named, lambda row: row.patient or "")
        if found:
            raise SourceError(
                f"{amount(len(found), 'patient has', 'patients have')} pictures in more than one "
                "split, so that a test would measure memory; give every patient one split"
            )

    def require_trainable(self) -> None:
        """Refuse what cannot be trained on.

        Raises:
            SourceError: No picture that can be read, no training picture, fewer than two classes, a
                class with one picture, a label that only validation has, or a patient in two
                splits.
        """
        if self.skipped and not self.rows:
            first = self.skipped[0]
            raise SourceError(
                f"none of {amount(len(self.skipped), 'picture', 'pictures')} can be read, such as "
                f"{first.path} ({first.reason}); give some that can"
            )
        self.require_patients_apart()
        counts = Counter(label for row in self.of("train") for label in row.labels)
        if len(counts) < 2:  # noqa: PLR2004 - retrieval contrasts classes
            raise SourceError(
                f"the training pictures have {amount(len(counts), 'class', 'classes')}, expected "
                "at least 2; put pictures of further classes into folders of their own"
            )
        lonely = sorted(label for label, count in counts.items() if count == 1)
        if lonely:
            raise SourceError(
                f"a class needs at least 2 training pictures, but there is 1 of "
                f"{', '.join(lonely[:NAMED])}; add pictures or leave the class out"
            )
        foreign = sorted(set(self.class_names) - set(counts))
        if foreign:
            raise SourceError(
                f"the labels {', '.join(foreign[:NAMED])} have no training picture; add some or "
                "leave their pictures out"
            )


def read_manifest(
    records: Iterable[ImageRecord],
    skipped: Callable[[], Iterable[Skipped]],
    fraction: float,
) -> Manifest:
    """Read all records once and forget their pixels.

    Pictures of one patient have one draw. Where draws decide anything, so have training pictures
    without a patient that are nearly the same; see `acir.data.near.together`.

    Args:
        records: The pictures.
        skipped: Called after the last record, for what could not be read.
        fraction: Share of train for each calibration set.
    """
    rows: list[Row] = []
    places: list[int] = []
    training = near.Draws()
    for record in records:
        if record.split == "train":
            places.append(len(rows))
            training.add(record)
        rows.append(_row(record))
    read = Manifest(tuple(rows), tuple(skipped()), fraction)
    if not read.draws_decide:
        return read
    draws, alike = training.shared()
    for place, draw in zip(places, draws, strict=True):
        rows[place] = replace(rows[place], draw=draw)
    return replace(read, rows=tuple(rows), alike=alike)


def _row(record: ImageRecord) -> Row:
    return Row(
        id=record.id,
        labels=record.labels,
        split=record.split,
        draw=record.draw,
        patient=record.patient,
        pixel_hash=record.pixel_hash,
        size=(record.pixels.shape[0], record.pixels.shape[1]),
        is_colour=record.is_colour,
    )


def _in_two_splits(rows: Iterable[Row], key: Callable[[Row], str]) -> list[str]:
    splits: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        splits[key(row)].add(row.split)
    return [name for name, found in splits.items() if len(found) > 1]

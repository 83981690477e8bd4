"""What every corruption of the bad-input suite is: a named change of a picture in three degrees."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from zlib import crc32

import numpy as np
from einops import einsum, repeat
from jaxtyping import Float

from acir.errors import UsageError
from acir.prep.pixels import LUMA
from acir.robustness.case import Case, Change, Planes

Others = Sequence[Float[np.ndarray, "_ _ _"]]  # that they are of one shape is checked in words
Tier = Literal["reject", "warn", "accept"]
Group = Literal[
    "blank",
    "truncated",
    "intensity",
    "geometry",
    "noise",
    "overlay",
    "screenshot",
    "structure",
    "modality",
    "mild",
]
SEVERITIES = (1, 2, 3)
SMALLEST = 28  # pixels; below, burned-in text and codes are no longer what they are called
REJECT: tuple[Tier, Tier, Tier] = ("reject", "reject", "reject")
WARN: tuple[Tier, Tier, Tier] = ("warn", "reject", "reject")
RISING: tuple[Tier, Tier, Tier] = ("accept", "warn", "reject")
ACCEPT: tuple[Tier, Tier, Tier] = ("accept", "accept", "accept")


@dataclass(frozen=True)
class Corruption:
    """One way in which a picture goes wrong.

    Attributes:
        name: Unique in the suite, in lower case.
        group: Its line in a report.
        tiers: What a gate should do at severities 1, 2 and 3: refuse the picture, answer with
            a warning, or answer.
        reason: What a reader would want to be told.
        changes: What is done at severities 1, 2 and 3.
        turns: Whether it only turns or mirrors: no fault where the modality has no up.
        others: How many other pictures it needs at least.
    """

    name: str
    group: Group
    tiers: tuple[Tier, Tier, Tier]
    reason: str
    changes: tuple[Change, Change, Change]
    turns: bool = False
    others: int = 0

    @property
    def graded(self) -> bool:
        """Whether the severities differ; else one of them shows all that there is to see."""
        return self.changes[0] is not self.changes[2]

    def tier(self, severity: int) -> Tier:
        """Return what a gate should do at this severity.

        Raises:
            UsageError: It is none of 1, 2 and 3.
        """
        return self.tiers[_position(severity)]

    def apply(
        self,
        picture: Float[np.ndarray, "channels height width"],
        severity: int,
        seed: int,
        others: Others = (),
    ) -> Float[np.ndarray, "channels height width"]:
        """Return the changed picture: its shape and type, in [0, 1].

        Where the picture is grey, of one channel or of equal ones, and the others are too, the
        result is grey: what brings colour comes as its luma, as a model of grey pictures would be
        given it.

        Args:
            picture: Of floats in [0, 1], one or three channels, sides of 28 pixels or more.
            severity: 1 to 3.
            seed: At least 0. The same picture, severity, seed and others give the same result;
                the severities share what is drawn, such as the place of a box.
            others: Pictures of the same shape, such as further ordinary ones; those beyond the
                number that is needed are used where more of them are better.

        Raises:
            UsageError: A picture of another kind, an unknown severity, or too few others.
        """
        change = self.changes[_position(severity)]
        self._check_count(others)
        _check_pictures(picture, others)
        grey = all((p == p[:1]).all() for p in (picture, *others))
        planes, *rest = (np.array(p[:1] if grey else p, np.float64) for p in (picture, *others))
        random = np.random.default_rng([seed, crc32(self.name.encode())])
        changed = change(Case(planes, random, tuple(rest))).clip(0, 1)
        if grey and len(changed) > 1:
            # The weights of the luma add up to 1 only nearly.
            changed = einsum(changed, LUMA, "c h w, c -> h w").clip(0, 1)[None]
        if len(changed) < len(picture):
            changed = repeat(changed, "1 h w -> channel h w", channel=len(picture))
        return np.ascontiguousarray(changed, dtype=picture.dtype)

    def _check_count(self, others: Others) -> None:
        if len(others) < self.others:
            raise UsageError(
                f"{self.name} was given {len(others)} other pictures, expected at least "
                f"{self.others}; hand them in as `others`"
            )


def _position(severity: int) -> int:
    if severity not in SEVERITIES:
        raise UsageError(f"the severity is {severity!r}, expected 1, 2 or 3")
    return SEVERITIES.index(severity)


def _check_pictures(picture: Planes, others: Others) -> None:
    if picture.shape[:1] not in {(1,), (3,)} or min(picture.shape[1:]) < SMALLEST:
        raise UsageError(
            f"a picture has shape {picture.shape}, expected 1 or 3 channels and sides of at least "
            f"{SMALLEST} pixels; put the channels first, or enlarge it"
        )
    if picture.dtype.kind != "f":  # the result has its type, which could not hold it
        raise UsageError(
            f"a picture has values of type {picture.dtype}, expected floats from 0 to 1; prepare "
            "it first"
        )
    for other in others:
        if other.shape != picture.shape:
            raise UsageError(
                f"a picture has shape {picture.shape} and another {other.shape}, expected equal "
                "ones; prepare them alike"
            )
    for each in (picture, *others):
        if not (each.min() >= 0 and each.max() <= 1):  # so written that NaN is refused
            raise UsageError(
                f"a picture has values from {each.min():g} to {each.max():g}, expected 0 to 1; "
                "prepare it first"
            )

"""Is it a picture at all: what no detector needs to look at, with a named reason."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from acir.types import ImageRecord

BLANK_SHARE = 0.95
BLANK_TOLERANCE = 6 / 255
FILL_TOLERANCE = 1.5 / 255
MISSING_SHARE = 0.25
MID_GREY = 128 / 255
MISSING_SHARE_GREY = 0.1
EDGE_CONTRAST = 0.1
EDGE_SHARE = 0.6
EDGE_ROWS = 0.04


@dataclass(frozen=True)
class Finding:
    """Why a picture is refused before any detector sees it.

    Attributes:
        reason_code: One stable word.
        reason: The same in a sentence.
    """

    reason_code: Literal["blank", "truncated", "unreadable"]
    reason: str


def preflight(
    record: ImageRecord, unit: Float[np.ndarray, "height width channels"]
) -> Finding | None:
    """Return why a picture cannot be used, or None when nothing is wrong.

    Args:
        record: The picture as stored.
        unit: The same in [0, 1], as large as stored.
    """
    if not np.isfinite(unit).all():
        return Finding("unreadable", "some of its pixel values are not numbers")
    blank = _blank_share(unit)
    if blank >= BLANK_SHARE:
        return Finding("blank", _blank_reason(record, blank))
    missing = _missing_share(unit)
    if missing > 0:
        return Finding(
            "truncated",
            f"the picture ends early: the lower {missing:.0%} is one constant value",
        )
    return None


def _blank_share(unit: Float[np.ndarray, "height width channels"]) -> float:
    """Return the share of pixels that look like the median pixel."""
    median = np.median(unit, axis=(0, 1))
    return float((np.abs(unit - median) <= BLANK_TOLERANCE).all(axis=2).mean())


def _blank_reason(record: ImageRecord, share: float) -> str:
    low, high = record.value_range
    values = record.pixels
    if values.min() != values.max() and (values.max() <= low or values.min() >= high):
        return f"the picture is blank: all stored values lie outside the window {low:g} to {high:g}"
    return f"the picture is blank: {share:.0%} of it has one value"


def _missing_share(unit: Float[np.ndarray, "height width channels"]) -> float:
    """Return the share of rows at the bottom that a broken transfer left unfilled, else 0.

    Natural borders are constant too, so more is asked. Mid-grey is what JPEG decoders put where
    data is missing and what no border has: a tenth of the rows suffices. Any other value must fill
    a quarter and begin abruptly, across most of the width and for several rows, where a body or a
    lamp's circle ends in a curve and a table in a line; and it must not be a band beside a centred
    picture, which has its twin at the top.
    """
    height = len(unit)
    fill = unit[-1, 0]
    constant = (np.abs(unit - fill) <= FILL_TOLERANCE).all(axis=(1, 2))
    below = _run(constant[::-1])
    share = below / height
    if np.abs(fill - MID_GREY).max() <= FILL_TOLERANCE:
        return share if share >= MISSING_SHARE_GREY else 0.0
    has_twin = _run(constant) >= below / 2
    return share if share >= MISSING_SHARE and not has_twin and _abrupt(unit, below) else 0.0


def _abrupt(unit: Float[np.ndarray, "height width channels"], below: int) -> bool:
    """Whether each of the last rows above the fill differs from it across most of its width."""
    end = len(unit) - below
    start = max(0, end - max(2, round(EDGE_ROWS * len(unit))))
    differs = np.abs(unit[start:end] - unit[-1, 0]).max(axis=2) > EDGE_CONTRAST
    return bool((differs.mean(axis=1) >= EDGE_SHARE).all())


def _run(flags: Bool[np.ndarray, " n"]) -> int:
    """Count the flags that are set from the start on."""
    return int(np.argmin(np.append(flags, False)))

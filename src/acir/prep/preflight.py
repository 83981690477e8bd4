"""Is it a picture at all: what no detector needs to look at, with a named reason."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from einops import rearrange
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
FRAME_SHARE = 0.03
DARKEST_FRAME = 0.1  # darker ones are air, padding, and the shutter around a collimated radiograph
LEAST_SIDE = 16
MOST_TIMES_AS_LONG = 5  # films of a whole spine or leg are three to four times as long as wide


@dataclass(frozen=True)
class Finding:
    """Why a picture is refused before any detector sees it.

    Attributes:
        reason_code: One stable word.
        reason: The same in a sentence.
    """

    reason_code: Literal["blank", "frame", "truncated", "shape", "unreadable"]
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
        return Finding("blank", _blank_reason(record, unit, blank))
    misshapen = _misshapen(*unit.shape[:2])
    if misshapen:
        return Finding("shape", misshapen)
    missing = _missing_share(unit)
    if missing > 0:
        return Finding(
            "truncated",
            f"the picture ends early: the lower {missing:.0%} is one constant value",
        )
    if _is_framed(unit):
        return Finding(
            "frame",
            f"a constant frame of brightness {unit[0, 0].mean():.0%} surrounds the picture, as on "
            "a page or a screen; cut the picture out of it",
        )
    return None


def _blank_share(unit: Float[np.ndarray, "height width channels"]) -> float:
    """Return the share of pixels that look like the median pixel."""
    median = np.median(unit, axis=(0, 1))
    return float((np.abs(unit - median) <= BLANK_TOLERANCE).all(axis=2).mean())


def _blank_reason(
    record: ImageRecord, unit: Float[np.ndarray, "height width channels"], share: float
) -> str:
    low, high = record.value_range
    values = record.pixels
    if values.min() != values.max() and (values.max() <= low or values.min() >= high):
        return f"the picture is blank: all stored values lie outside the window {low:g} to {high:g}"
    of_it = f"the picture is blank: {share:.0%} of it"
    for value, name in ((0, "black"), (1, "white")):
        if np.median(unit) == value and unit.min() != unit.max():
            return f"{of_it} is {name}, as a wrong window leaves it"
    return f"{of_it} has one value"


def _misshapen(height: int, width: int) -> str | None:
    """Say which side is too short to show anything, or how much longer the other one is."""
    short, long = sorted((height, width))
    if short < LEAST_SIDE:
        return (
            f"the picture has {height} x {width} pixels, expected at least {LEAST_SIDE} along each "
            "side"
        )
    if long > MOST_TIMES_AS_LONG * short:
        return (
            f"the picture has {height} x {width} pixels: one side is more than "
            f"{MOST_TIMES_AS_LONG} times as long as the other"
        )
    return None


def _missing_share(unit: Float[np.ndarray, "height width channels"]) -> float:
    """Return the share of rows at the bottom that a broken transfer left unfilled, else 0.

    Natural borders are constant too, so more is asked. It must not be a band beside a centred
    picture, which has its twin at the top. Mid-grey is what JPEG decoders put where data is
    missing, and as a border it is the air of a scan, all around: a tenth of the rows suffices. Any
    other value must fill a quarter and begin abruptly, across most of the width and for several
    rows, where a body or a lamp's circle ends in a curve and a table in a line.
    """
    height = len(unit)
    fill = unit[-1, 0]
    constant = (np.abs(unit - fill) <= FILL_TOLERANCE).all(axis=(1, 2))
    below = _run(constant[::-1])
    share = below / height
    if _run(constant) >= below / 2:
        return 0.0
    if np.abs(fill - MID_GREY).max() <= FILL_TOLERANCE:
        return share if share >= MISSING_SHARE_GREY else 0.0
    return share if share >= MISSING_SHARE and _abrupt(unit, below) else 0.0


def _abrupt(unit: Float[np.ndarray, "height width channels"], below: int) -> bool:
    """Whether each of the last rows above the fill differs from it across most of its width."""
    end = len(unit) - below
    start = max(0, end - max(2, round(EDGE_ROWS * len(unit))))
    differs = np.abs(unit[start:end] - unit[-1, 0]).max(axis=2) > EDGE_CONTRAST
    return bool((differs.mean(axis=1) >= EDGE_SHARE).all())


def _is_framed(unit: Float[np.ndarray, "height width channels"]) -> bool:
    """Whether a bright constant band with straight inner edges goes all the way round.

    A body in bright air ends in curves and a letterbox has two sides, so each of four edges must
    be abrupt along most of its length.
    """
    fill = unit[0, 0]
    if fill.mean() < DARKEST_FRAME:
        return False
    constant = (np.abs(unit - fill) <= BLANK_TOLERANCE).all(axis=2)
    rows, columns = constant.all(axis=1), constant.all(axis=0)
    top, bottom, left, right = (_run(side) for side in (rows, rows[::-1], columns, columns[::-1]))
    height, width = constant.shape
    if min(top, bottom) < FRAME_SHARE * height or min(left, right) < FRAME_SHARE * width:
        return False
    inside = unit[top : height - bottom, left : width - right]
    across = rearrange(inside, "height width channels -> width height channels")
    return all(
        _begins_abruptly(part, fill) for part in (inside, inside[::-1], across, across[::-1])
    )


def _begins_abruptly(
    inside: Float[np.ndarray, "height width channels"], fill: Float[np.ndarray, " channels"]
) -> bool:
    """Whether most of the width differs from the fill within the first rows."""
    first = inside[: max(2, round(EDGE_ROWS * len(inside)))]
    differs = (np.abs(first - fill).max(axis=2) > EDGE_CONTRAST).any(axis=0)
    return bool(differs.mean() >= EDGE_SHARE)


def _run(flags: Bool[np.ndarray, " n"]) -> int:
    """Count the flags that are set from the start on."""
    return int(np.argmin(np.append(flags, False)))

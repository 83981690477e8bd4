"""Attacks on four pictures whose numbers can be computed by hand."""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from acir.evaluation.attack_scores import unsafe
from acir.evaluation.attacked import Answered, Attacked, Budget, Result, Seen

FLOORS = (0.1, 0.1, 0.1, 0.1)


def seen(
    precision: Sequence[float], refused: Sequence[bool], scores: Sequence[float] | None = None
) -> Seen:
    numbers = scores if scores is not None else range(1, len(precision) + 1)
    return Seen(np.array(precision), np.array(refused), np.array(numbers, np.float64))


CLEAN = seen([1.0, 0.9, 0.8, 0.9], [False] * 4)  # scores 1 to 4


def result(  # noqa: PLR0917 - as a table reads
    attack: str,
    levels: int,
    precision: Sequence[float],
    refused: Sequence[bool] = (False,) * 4,
    scores: Sequence[float] | None = None,
    towards: Sequence[float] = (),
    weight: float = 0.0,
) -> Result:
    found = seen(precision, refused, scores)
    return Result(attack, levels, weight, found, unsafe(CLEAN, found), np.array(towards))


RESULTS = (
    result("own", 8, [0.5, 0.2, 0.9, 0.8], [False, True, False, False], [1, 9, 1, 1]),
    result("target", 8, [0.4, 0.9, 0.1, 0.7], scores=[5, 6, 1, 4], towards=[0.3, 0.4, 0.8, 0.1]),
    result("square", 8, [0.8, 0.9, 0.9, 0.6]),
    result("square", 2, [0.95, 0.9, 0.8, 0.87]),
    result("adaptive", 2, [0.95, 0.7, 0.8, 0.87], weight=1.0),
)


def made(*, floor: float = 0.1, robust: bool = False, shown: bool = False) -> Attacked:
    return Attacked(
        budget=Budget(pictures=8, steps=5, restarts=1, grey_levels=(2, 8), weights=(1.0,)),
        ids=("a", "b", "c", "d"),
        floors=np.array([floor] * 4),
        clean=CLEAN,
        results=RESULTS,
        robust=robust,
        shown=(answered(),) if shown else (),
    )


def answered() -> Answered:
    """Return a picture before and after, with hits of two colours."""
    clean, change, attacked, hit, other = (square(grey) for grey in (200, 128, 190, 90, 30))
    return Answered(
        id="a",
        label="basophil",
        attack="target",
        pictures=(clean, change, attacked),
        hits=(((hit, "basophil"), (hit, "basophil")), ((other, "monocyte"),)),
        refused=(False, True),
        precision=(0.95, 0.1),
    )


def square(grey: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (grey, grey, grey)).save(buffer, "PNG")
    return buffer.getvalue()

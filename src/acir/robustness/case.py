"""What a change of a picture is given, and how it gets its three degrees."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
from jaxtyping import Float
from numpy.random import Generator

Planes = Float[np.ndarray, "planes height width"]
Level = TypeVar("Level")


@dataclass(frozen=True)
class Case:
    """What a change may look at.

    Attributes:
        planes: The picture in [0, 1], float64: one plane if it is grey, three if it has colour.
        random: The only source of chance.
        others: Other pictures, of the same shape.
    """

    planes: Planes
    random: Generator
    others: tuple[Planes, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.planes.shape[1], self.planes.shape[2]


Change = Callable[[Case], Planes]
"""Returns one plane or three, as large as those of the case; values beyond [0, 1] saturate."""


def once(change: Change) -> tuple[Change, Change, Change]:
    """Give a change that has no degrees, such as a mirroring, to all three severities."""
    return (change, change, change)


def degrees(
    change: Callable[[Case, Level], Planes], levels: tuple[Level, Level, Level]
) -> tuple[Change, Change, Change]:
    """Give a change its level at each severity."""
    first, second, third = (partial(_at_level, change, level) for level in levels)
    return (first, second, third)


def _at_level(change: Callable[[Case, Level], Planes], level: Level, case: Case) -> Planes:
    return change(case, level)

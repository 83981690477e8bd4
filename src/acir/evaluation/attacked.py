"""What attacks on a model find: the budget, and what is seen of each attacked picture.

Every attack is a row of results, one a picture.
"""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float64, Int

from acir.errors import UsageError

LEAST_PICTURES = 8
TITLES = {
    "own": "away from its own code (HAG)",
    "class": "away from its class (SAAT, CgAT)",
    "target": "towards another class (DHTA)",
    "square": "random squares, black box",
    "universal": "one perturbation for all",
    "adaptive": "away from its class, and from the gate",
}


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How hard the attacks try.

    Attributes:
        pictures: Most test pictures that are attacked.
        steps: Of one search; the square attack asks ten times as often.
        restarts: Searches from different starts with each step size.
        grey_levels: The largest changes of a pixel, of 255.
        step_shares: Step sizes, as shares of the largest change.
        weights: Of the gate's scores, in adaptive attacks; lambda in the literature.

    Raises:
        UsageError: A number too small.
    """

    pictures: int = 256
    steps: int = 100
    restarts: int = 3
    grey_levels: tuple[int, ...] = (2, 4, 8)
    step_shares: tuple[float, ...] = (0.25, 0.1)
    weights: tuple[float, ...] = (0.01, 0.1, 1.0, 10.0)

    def __post_init__(self) -> None:
        """Refuse what would attack nothing."""
        if self.pictures < LEAST_PICTURES:
            raise UsageError(
                f"the number of attacked pictures is {self.pictures}, expected at least "
                f"{LEAST_PICTURES}"
            )
        if self.steps < 1:
            raise UsageError(f"the number of steps is {self.steps}, expected at least 1")
        if self.restarts < 1:
            raise UsageError(f"the number of restarts is {self.restarts}, expected at least 1")

    @property
    def reduced(self) -> bool:
        """Whether it is less than the whole protocol."""
        whole = Budget()
        return (
            self.pictures < whole.pictures
            or self.steps < whole.steps
            or self.restarts < whole.restarts
        )

    @property
    def queries(self) -> int:
        """How often the square attack asks about each picture."""
        return 10 * self.steps


@dataclass(frozen=True)
class Seen:
    """What a model makes of some pictures.

    Attributes:
        precision: Average precision of each, by Hamming distance, ties averaged.
        refused: Whether the gate calls it unknown.
        scores: What the gate sums up; higher is more outlying.
    """

    precision: Float64[np.ndarray, " n"]
    refused: Bool[np.ndarray, " n"]
    scores: Float64[np.ndarray, " n"]

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.precision)

    def __getitem__(self, rows: Int[np.ndarray, " m"]) -> "Seen":
        """Return what is seen of some of the pictures."""
        return Seen(self.precision[rows], self.refused[rows], self.scores[rows])


@dataclass(frozen=True)
class Result:
    """What one attack found: for each picture the worst.

    Attributes:
        attack: Key of `TITLES`.
        grey_levels: The largest change of a pixel, of 255.
        weight: Of the gate's scores; 0 where the attack does not know the gate.
        seen: What the model makes of the attacked pictures.
        unsafe: Whether any picture found is answered, and worse than before.
        towards: Average precision as if the target class had been asked for; empty where there is
            no target.
    """

    attack: str
    grey_levels: int
    weight: float
    seen: Seen
    unsafe: Bool[np.ndarray, " n"]
    towards: Float64[np.ndarray, " m"]


@dataclass(frozen=True)
class Answered:
    """One picture before and after an attack, each with its best hits.

    Attributes:
        id: Of the picture.
        pictures: PNG: clean, the change amplified, attacked.
        hits: PNG of the first hits before and after, with their labels.
        refused: Whether the gate calls each of the two unknown.
        precision: Average precision before and after.
        attack: Key of `TITLES`.
        label: Of the picture.
    """

    id: str
    pictures: tuple[bytes, bytes, bytes]
    hits: tuple[tuple[tuple[bytes, str], ...], tuple[tuple[bytes, str], ...]]
    refused: tuple[bool, bool]
    precision: tuple[float, float]
    attack: str
    label: str


@dataclass(frozen=True)
class Attacked:
    """All attacks on a model.

    Attributes:
        budget: How hard they tried.
        ids: Of the attacked pictures.
        floors: The least average precision that each of them can have: all pictures of its class
            last.
        clean: What the model makes of them as they are.
        results: By attack, change and weight.
        robust: Whether the model was trained to withstand attacks.
        shown: Some pictures before and after.
    """

    budget: Budget
    ids: tuple[str, ...]
    floors: Float64[np.ndarray, " n"]
    clean: Seen
    results: tuple[Result, ...]
    robust: bool
    shown: tuple[Answered, ...] = field(default=())

    def of(self, grey_levels: int, *, adaptive: bool = False) -> list[Result]:
        """Return the attacks of one size; those that know the gate only when asked for."""
        return [
            result
            for result in self.results
            if result.grey_levels == grey_levels and (adaptive or not result.weight)
        ]

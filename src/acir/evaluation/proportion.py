"""A share of pictures, and how far it can be trusted."""

from collections.abc import Collection
from dataclasses import dataclass

from acir.metrics.proportions import clopper_pearson


@dataclass(frozen=True)
class Proportion:
    """So many of so many.

    Attributes:
        hits: Pictures that were counted, 0 to n.
        n: Pictures there are, at least 1.

    Raises:
        ValueError: That is no share of any.
    """

    hits: int
    n: int

    def __post_init__(self) -> None:
        """Refuse a share that cannot be."""
        if not 0 <= self.hits <= self.n or self.n < 1:
            raise ValueError(f"{self.hits} of {self.n} pictures is no share of any")

    @classmethod
    def of(cls, flags: Collection[bool]) -> "Proportion":
        """Count those that are set.

        Raises:
            ValueError: There is none at all.
        """
        return cls(sum(map(bool, flags)), len(flags))

    @property
    def share(self) -> float:
        """The share, in [0, 1]."""
        return self.hits / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of Clopper and Pearson (Biometrika 26, 1934).

        Example:
            >>> low, high = Proportion(402, 500).interval  # the paper's detected unknowns
            >>> round(low, 3), round(high, 3)
            (0.766, 0.838)
        """
        return clopper_pearson(self.hits, self.n)

    def to_dict(self) -> dict[str, float | int | list[float]]:
        """Return plain values."""
        return {"hits": self.hits, "n": self.n, "share": self.share, "ci": list(self.interval)}


def percent(share: float) -> str:
    r"""Write a share with one decimal.

    Example:
        >>> percent(0.8)
        '80.0\xa0%'
    """
    return f"{100 * share:.1f}\N{NO-BREAK SPACE}%"


def with_interval(p: Proportion) -> str:
    r"""Write a share with its interval.

    Example:
        >>> with_interval(Proportion(402, 500))
        '80.4\xa0% (76.6 to 83.8)'
    """
    low, high = p.interval
    return f"{percent(p.share)} ({100 * low:.1f} to {100 * high:.1f})"

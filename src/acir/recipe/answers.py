"""What is decided about answers: the gate, its calibration, and the order of hits."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from acir.tables import Count, Range, Share, Table

AUTO = "auto"  # a mode: the ranker that validation favours


@dataclass(frozen=True)
class CalibrationRecipe(Table):
    """Share of train kept for each of the calibration sets A and B; 0 for no promise."""

    table: ClassVar[str] = "calibration"
    fraction: Annotated[float, Range(0, 0.4)] = 0.1


@dataclass(frozen=True)
class GateRecipe(Table):
    """The knowledge boundary.

    Attributes:
        detectors: Components of `acir.ood` whose evidence is combined.
        unknown: False-alarm rate at which a query is withheld.
        caution: False-alarm rate at which an answer carries a warning.
        confidence: Probability with which both rates hold.
        references: Most training pictures that the detectors keep.
    """

    table: ClassVar[str] = "gate"
    detectors: tuple[str, ...] = (
        "knn",
        "code",
        "pixel_statistics",
        "spectrum",
        "spectrum_halves",
        "block_edges",
        "orientation",
        "polarity",
        "drawing",
        "grafts",
    )
    unknown: Share = 0.03
    caution: Share = 0.08
    confidence: Share = 0.95
    references: Count = 5000


@dataclass(frozen=True)
class SearchRecipe(Table):
    """Ranker of the product, of `acir.ranking`; `auto` is the one that validation favours."""

    table: ClassVar[str] = "search"
    mode: str = AUTO

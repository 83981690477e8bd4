"""How pictures become tensors, and how they are changed at random in training."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from acir.tables import NotNegative, Range, Share, Table


@dataclass(frozen=True)
class PrepRecipe(Table):
    """From record to tensor.

    Attributes:
        size: Side of the square that the network sees, in pixels; at least that of a fingerprint.
        enlarge: Whether smaller pictures are enlarged to `size`. Without, the side is the longest
            of any training picture, but 28 at least, if that is less.
        channels: `grey` drops colour, `colour` keeps it, `auto` keeps it when the training
            pictures have any.
    """

    table: ClassVar[str] = "prep"
    size: Annotated[int, Range(16)] = 64
    enlarge: bool = True
    channels: Literal["auto", "grey", "colour"] = "auto"


@dataclass(frozen=True)
class AugmentRecipe(Table):
    """The random half of preparation; the defaults keep the side and the orientation.

    Attributes:
        scale: Smallest side of the random crop as a share of the picture, in (0, 1].
        degrees: Largest rotation to either side.
        contrast: Largest relative change of contrast and of brightness, in [0, 1).
        flip_horizontal: Whether left and right may be exchanged. Off by default: in a radiograph
            a flip changes the meaning (situs, laterality).
        flip_vertical: Whether top and bottom may be exchanged.
        quarter_turns: Whether the picture may be turned by 90 degrees, for pictures without a
            canonical pose.
    """

    table: ClassVar[str] = "augment"
    scale: Annotated[float, Range(0, 1, open_low=True)] = 0.85
    degrees: NotNegative = 10.0
    contrast: Share = 0.1
    flip_horizontal: bool = False
    flip_vertical: bool = False
    quarter_turns: bool = False

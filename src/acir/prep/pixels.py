"""Stored values to a picture in [0, 1]: window, then inversion, then channels, in that order.

Inversion comes after the window because DICOM defines it there: with MONOCHROME1 the minimum is
shown as white *after* any VOI transformation (PS3.3 C.7.6.3.1.2).
"""

import numpy as np
from einops import einsum, rearrange
from jaxtyping import Float

from acir.types import ImageRecord

# Luma of ITU-R BT.601, as Pillow and most viewers use it to show a colour picture in grey.
LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


def to_unit(record: ImageRecord) -> Float[np.ndarray, "h w c"]:
    """Return a picture in [0, 1], float32, with one channel if it is grey and three if colour.

    `record.value_range` maps linearly to [0, 1]; values beyond it saturate. Where the record is
    inverted, 0 and 1 change places.
    """
    low, high = record.value_range
    # Subtracted in float64: a float32 cannot tell 2**24 from its neighbour.
    unit = ((record.pixels.astype(np.float64) - low) / (high - low)).clip(0, 1)
    if record.inverted:
        unit = 1 - unit
    unit = unit.astype(np.float32)
    return unit if record.is_colour else rearrange(unit, "h w -> h w 1")


def grey(unit: Float[np.ndarray, "h w c"]) -> Float[np.ndarray, "h w 1"]:
    """Return the luma of a colour picture (ITU-R BT.601); a grey one comes back as it is."""
    if unit.shape[2] == 1:
        return unit
    luma = einsum(unit, LUMA, "h w c, c -> h w").clip(0, 1)
    return rearrange(luma, "h w -> h w 1")

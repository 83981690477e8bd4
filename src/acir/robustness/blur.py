"""Detail lost: by optics, motion, compression or a small copy. Part of the group noise."""

from io import BytesIO

import numpy as np
from einops import rearrange
from PIL import Image
from scipy.ndimage import gaussian_filter, uniform_filter1d  # type: ignore[import-untyped]

from acir.robustness.case import Case, Planes, degrees
from acir.robustness.corruption import RISING, Corruption
from acir.robustness.resample import resized


def blurred(case: Case, deviation: float) -> Planes:
    """Smooth by a Gaussian, in pixels."""
    return np.asarray(gaussian_filter(case.planes, (0, deviation, deviation), mode="nearest"))


def motion(case: Case, pixels: int) -> Planes:
    """Average over a way to the side, in pixels."""
    return np.asarray(uniform_filter1d(case.planes, pixels, axis=2, mode="nearest"))


def jpeg(case: Case, quality: int) -> Planes:
    """Store in 8 bits as JPEG of a quality from 1 to 95, and read it again."""
    values = (case.planes * 255).round().astype(np.uint8)
    pixels = np.ascontiguousarray(rearrange(values, "c h w -> h w c"))
    stored = BytesIO()
    Image.fromarray(pixels[:, :, 0] if len(values) == 1 else pixels).save(
        stored, format="JPEG", quality=quality
    )
    read = np.atleast_3d(np.asarray(Image.open(stored), dtype=np.float64))
    return rearrange(read, "h w c -> c h w") / 255


def downsampled(case: Case, factor: int) -> Planes:
    """Average over squares of pixels and enlarge smoothly."""
    height, width = case.size
    small = resized(case.planes, height // factor, width // factor, Image.Resampling.BOX)
    return resized(small, height, width)


CORRUPTIONS = (
    Corruption(
        "blurred", "noise", RISING, "the picture is blurred", degrees(blurred, (0.5, 1.5, 3.0))
    ),
    Corruption(
        "motion", "noise", RISING, "the picture is blurred by motion", degrees(motion, (3, 7, 15))
    ),
    Corruption(
        "jpeg", "noise", RISING, "the picture is compressed too much", degrees(jpeg, (60, 20, 5))
    ),
    Corruption(
        "downsampled",
        "noise",
        RISING,
        "the picture has too few pixels",
        degrees(downsampled, (2, 4, 8)),
    ),
)

"""The decoder's loss of stage 2: L_rec = L1 + (1 - SSIM).

SSIM: Wang et al., "Image quality assessment: from error visibility to structural similarity",
IEEE TIP 2004, https://doi.org/10.1109/TIP.2003.819861, equation 13, with an 11 x 11 Gaussian
window of standard deviation 1.5 and data in [0, 1].
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import conv2d, l1_loss

WINDOW = 11
SIGMA = 1.5
C1 = 0.01**2
C2 = 0.03**2


def reconstruction_loss(
    images: Float[Tensor, "batch channels height width"],
    reconstruction: Float[Tensor, "batch channels height width"],
) -> Float[Tensor, ""]:
    """L1 + (1 - SSIM): 0 for a perfect reconstruction.

    Example:
        >>> images = torch.rand(2, 3, 32, 32)
        >>> float(reconstruction_loss(images, images)) < 1e-5
        True
    """
    return l1_loss(reconstruction, images) + 1 - ssim(images, reconstruction)


def ssim(
    a: Float[Tensor, "batch channels height width"],
    b: Float[Tensor, "batch channels height width"],
) -> Float[Tensor, ""]:
    """Mean structural similarity over all positions where the window fits, in [-1, 1]."""
    mean_a, mean_b = _blur(a), _blur(b)
    variance_a = _blur(a * a) - mean_a**2
    variance_b = _blur(b * b) - mean_b**2
    covariance = _blur(a * b) - mean_a * mean_b
    luminance = (2 * mean_a * mean_b + C1) / (mean_a**2 + mean_b**2 + C1)
    structure = (2 * covariance + C2) / (variance_a + variance_b + C2)
    return (luminance * structure).mean()


def _blur(
    images: Float[Tensor, "batch channels height width"],
) -> Float[Tensor, "batch channels inner_height inner_width"]:
    offsets = torch.arange(WINDOW, dtype=images.dtype, device=images.device) - WINDOW // 2
    bell = torch.exp(-(offsets**2) / (2 * SIGMA**2))
    bell = (bell / bell.sum()).expand(images.shape[1], 1, WINDOW)
    channels = images.shape[1]
    down = conv2d(images, bell.unsqueeze(3), groups=channels)
    return conv2d(down, bell.unsqueeze(2), groups=channels)

"""A picture as it comes back from a JPEG file."""

import io

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor


def compressed(
    image: Float[Tensor, "3 height width"], quality: int
) -> Float[Tensor, "3 height width"]:
    """Return the picture as a JPEG file of it would be read.

    Args:
        image: In [0, 1]; what is beyond is taken for 0 or 1.
        quality: Of the file, from 1 to 95.
    """
    bytes_of = (255 * image.clamp(0, 1)).round().byte().permute(1, 2, 0).numpy()
    file = io.BytesIO()
    Image.fromarray(bytes_of).save(file, "JPEG", quality=quality)
    read = np.asarray(Image.open(file), np.float32) / 255
    return torch.from_numpy(read).permute(2, 0, 1)

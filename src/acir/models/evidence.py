"""What a network makes of pictures, as the detectors look at it."""

from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from acir.models.encoder import Encoder
from acir.tensors import Encode, Encoding, Evidence


@torch.no_grad()
def collect_evidence(
    encoder: Encoder, images: Float[Tensor, "batch 3 height width"], *, rebuild: bool = True
) -> Evidence:
    """Encode pictures once, onto the CPU; blended features and middle map get unit length.

    Args:
        encoder: The network.
        images: In [0, 1].
        rebuild: False where nobody is going to look at the reconstruction.
    """
    encoding = encoder(images.to(encoder.mean.device))
    rebuilt = images
    if rebuild and encoder.decoder is not None:
        rebuilt = encoder.decoder(encoding.deep, (images.shape[2], images.shape[3]))
    return Evidence(
        images=images,
        reconstruction=rebuilt.cpu(),
        blended=normalize(encoding.blended, dim=1).cpu(),
        middle=normalize(encoding.middle, dim=1).cpu(),
        logits=encoding.logits.cpu(),
        class_logits=encoding.class_logits.cpu(),
    )


def encode_with(encoder: Encoder) -> Encode:
    """Return what encodes again, as long as it lives, wherever the network is by then."""
    return partial(_encode, encoder)


def _encode(encoder: Encoder, images: Float[Tensor, "batch 3 height width"]) -> Encoding:
    found: Encoding = encoder(images.to(encoder.mean.device))
    return found

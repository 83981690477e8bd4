"""Mixing pictures two at a time, with their labels, so that a network learns what lies between.

Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018,
https://arxiv.org/abs/1710.09412. As in MixMatch (Berthelot et al., NeurIPS 2019,
https://arxiv.org/abs/1905.02249, equation 9), a picture keeps the larger share of itself, so that
its row, and a label that cannot be shared, remain its own.

What the losses make of a mixed label:

- `sch`: overlap and pair weight are those of the shares, and so is the target of the class head.
- `classification`, `greedyhash`, `orthohash`: the target has the shares; so has the margin.
- `csq`: each bit is voted for by share, so one label a picture has the centre of the larger.
- `dsh`, `dpsh`, `dch`, `hashnet`: pairs are alike or not, by the labels with more than half.
- `acir_published`: has one class a picture, that of the largest share.
"""

import numpy as np
import torch
from einops import rearrange
from torch import Generator

from acir.prep.fingerprint import fingerprint
from acir.tensors import Batch


def mixed(batch: Batch, alpha: float, random: Generator) -> Batch:
    """Mix each picture with another of its batch, chosen at random; both may be the same.

    Fingerprints are those of the mixed pictures; rows stay those of the larger share.

    Args:
        batch: The pictures, on the CPU.
        alpha: Both parameters of the Beta distribution of a picture's share; the larger, the
            more alike both shares. At 0 the batch comes back as it is.
        random: The only source of chance.
    """
    if not alpha:
        return batch
    count = len(batch.images)
    partner = torch.randperm(count, generator=random)
    # PyTorch draws from a Beta distribution by its global generator alone.
    seed = int(torch.randint(2**62, (), generator=random))
    drawn = np.random.default_rng(seed).beta(alpha, alpha, count)
    share = torch.from_numpy(np.maximum(drawn, 1 - drawn)).float()
    images = batch.images[partner].lerp(batch.images, rearrange(share, "batch -> batch 1 1 1"))
    labels = batch.labels[partner].lerp(batch.labels, rearrange(share, "batch -> batch 1"))
    return Batch(images, fingerprint(images), labels, batch.rows)

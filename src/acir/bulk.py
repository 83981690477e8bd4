"""Encode many pictures: a prepared set in memory, or a whole source as it streams by."""

from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np
import torch
from jaxtyping import Float, Float16, UInt8
from torch import Tensor

from acir import codes
from acir.content import embed, stored
from acir.data.loader import ImageSet, ordered_batches
from acir.models.encoder import Encoder
from acir.prep.pipeline import Prep
from acir.types import ImageRecord

BATCH = 128

Codes = UInt8[np.ndarray, "n bytes"]
Embeddings = Float16[np.ndarray, "n dim"]


@torch.no_grad()
def encode_images(
    encoder: Encoder, images: Float[Tensor, "batch 3 height width"]
) -> tuple[Codes, Embeddings]:
    """Return the packed codes and the embeddings of prepared pictures."""
    encoding = encoder(images.to(encoder.mean.device))
    logits = encoding.logits.float().cpu()
    return codes.pack(logits.numpy()), stored(embed(encoding.blended.float().cpu(), logits, images))


def encode_set(encoder: Encoder, images: ImageSet) -> tuple[Codes, Embeddings]:
    """Encode a set in memory on the device that the network is on; its mode is put back after."""
    training = encoder.training
    encoder.eval()
    parts = [
        encode_images(encoder, images.batch(rows).images)
        for rows in ordered_batches(len(images), BATCH)
    ]
    encoder.train(training)
    return np.concatenate([c for c, _ in parts]), np.concatenate([e for _, e in parts])


def prepared_batches(
    records: Iterable[ImageRecord], prep: Prep, batch: int = BATCH
) -> Iterator[tuple[list[ImageRecord], Float[Tensor, "batch 3 height width"]]]:
    """Prepare records as they come, a batch at a time: memory holds one batch."""
    iterator = iter(records)
    while chunk := list(islice(iterator, batch)):
        yield chunk, torch.from_numpy(np.stack([prep(record) for record in chunk]))

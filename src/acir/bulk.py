"""Encode many pictures: a set in memory, or a whole source that streams by, stage beside stage."""

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from queue import Full, Queue
from threading import Event, Thread, current_thread
from typing import TypeVar

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
SECONDS = 0.1  # between two looks of a waiting stage at whether it is still wanted

Item = TypeVar("Item")

Codes = UInt8[np.ndarray, "n bytes"]
Embeddings = Float16[np.ndarray, "n dim"]


@torch.no_grad()
def encode_images(
    encoder: Encoder, images: Float[Tensor, "batch 3 height width"]
) -> tuple[Codes, Embeddings]:
    """Return the packed codes and the embeddings of prepared pictures."""
    encoding = encoder(images.to(encoder.mean.device))
    logits, blended = encoding.logits.float().cpu(), encoding.blended.float().cpu()
    weighed = encoding.class_logits.float().cpu() if encoder.weighed else None
    return codes.pack(logits.numpy()), stored(embed(blended, logits, images, weighed))


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


@dataclass(frozen=True)
class _End:
    """The last thing in a queue, with what stopped the stage before it, if anything did."""

    error: BaseException | None


def ahead(items: Iterable[Item], room: int) -> Generator[Item, None, None]:
    """Pass items on in order while a thread of their own makes the next ones.

    At most `room` items wait. What stops the thread is raised here. Closing this, as an
    interruption does, ends the thread after the item that it is at; an iterator of `items` is
    made, run and closed in that thread alone.
    """
    waiting: Queue[Item | _End] = Queue(room)
    unwanted = Event()
    thread = Thread(target=_fill, args=(items, waiting, unwanted), daemon=True)
    thread.start()
    try:
        while not isinstance(item := waiting.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        unwanted.set()
        if thread is not current_thread():  # where what nobody holds any more is collected
            thread.join()


def _fill(items: Iterable[Item], waiting: "Queue[Item | _End]", unwanted: Event) -> None:
    error: BaseException | None = None
    iterator = iter(items)
    try:
        for item in iterator:
            if not _put(item, waiting, unwanted):
                break
    except BaseException as stopped:  # raised again where the items are used
        error = stopped
    finally:
        if isinstance(iterator, Generator):
            iterator.close()
        _put(_End(error), waiting, unwanted)


def _put(item: Item, waiting: "Queue[Item]", unwanted: Event) -> bool:
    """Wait for room; whether there was any before the queue became unwanted."""
    while not unwanted.is_set():
        try:
            waiting.put(item, timeout=SECONDS)
        except Full:
            continue
        return True
    return False

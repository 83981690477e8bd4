"""Pictures in memory, and the batches that training draws from them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Generator, Tensor

from acir.prep.augment import augment
from acir.prep.fingerprint import fingerprint
from acir.prep.pipeline import Prep
from acir.recipe import AugmentRecipe
from acir.tensors import Batch
from acir.types import ImageRecord

WHITE = 255


@dataclass(frozen=True)
class ImageSet:
    """Prepared pictures of one part of a source.

    Attributes:
        images: Kept in 8 bits, a quarter of the memory; queries are not rounded so.
        labels: One column a class, 1 where the picture has it.
    """

    images: UInt8[Tensor, "n 3 size size"]
    labels: Float[Tensor, "n classes"]

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.images)

    @property
    def class_counts(self) -> tuple[int, ...]:
        """Number of pictures of each class."""
        return tuple(int(count) for count in self.labels.sum(dim=0))

    def spread(self, most: int) -> "ImageSet":
        """Return at most this many of the pictures, evenly spread over their order."""
        rows = torch.linspace(0, len(self) - 1, min(most, len(self))).long()
        return ImageSet(self.images[rows], self.labels[rows])

    def batch(self, rows: Int[Tensor, " batch"]) -> Batch:
        """Return some pictures as they are."""
        return self._batch(self._unit(rows), rows)

    def augmented(
        self, rows: Int[Tensor, " batch"], recipe: AugmentRecipe, random: Generator
    ) -> Batch:
        """Return some pictures with random changes."""
        return self._batch(augment(self._unit(rows), recipe, random), rows)

    def _unit(self, rows: Int[Tensor, " batch"]) -> Float[Tensor, "batch 3 size size"]:
        return self.images[rows].float() / WHITE

    def _batch(self, images: Float[Tensor, "batch 3 size size"], rows: Tensor) -> Batch:
        return Batch(images, fingerprint(images), self.labels[rows], rows)


def to_eight_bits(image: Float[np.ndarray, "3 size size"]) -> UInt8[np.ndarray, "3 size size"]:
    """Round a prepared picture for `ImageSet`."""
    return (image * WHITE).round().astype(np.uint8)


def multi_hot(
    labels: tuple[str, ...], class_names: tuple[str, ...]
) -> Float[np.ndarray, " classes"]:
    """Mark the classes of a picture.

    Example:
        >>> multi_hot(("b",), ("a", "b"))
        array([0., 1.], dtype=float32)
    """
    return np.array([name in labels for name in class_names], dtype=np.float32)


def ordered_batches(count: int, batch: int) -> Iterator[Int[Tensor, " batch"]]:
    """Yield all rows in order, a batch at a time."""
    for start in range(0, count, batch):
        yield torch.arange(start, min(start + batch, count))


def number_of_batches(count: int, batch: int) -> int:
    """Return how many batches `shuffled_batches` deals."""
    return max(1, round(count / batch))


def shuffled_batches(
    rows: Int[Tensor, " n"], batch: int, random: Generator
) -> list[Int[Tensor, " batch"]]:
    """Deal all rows out at random into batches whose sizes differ by one at most.

    No row is dropped, and no batch is so small that its pairs say nothing.
    """
    order = rows[torch.randperm(len(rows), generator=random)]
    number = number_of_batches(len(rows), batch)
    bounds = [round(i * len(rows) / number) for i in range(number + 1)]
    return [order[start:end] for start, end in pairwise(bounds)]


def read_images(
    records: Iterable[ImageRecord],
    wanted: Mapping[str, str],
    prep: Prep,
    class_names: tuple[str, ...],
) -> dict[str, ImageSet]:
    """Read pictures into memory, a set for each part.

    Args:
        records: The pictures of a source.
        wanted: The part of each record that is wanted, by id; others are passed over.
        prep: From record to picture.
        class_names: In the order of the class head.
    """
    images: dict[str, list[UInt8[np.ndarray, "3 size size"]]] = {}
    labels: dict[str, list[Float[np.ndarray, " classes"]]] = {}
    for record in records:
        if record.id in wanted:
            part = wanted[record.id]
            images.setdefault(part, []).append(to_eight_bits(prep(record)))
            labels.setdefault(part, []).append(multi_hot(record.labels, class_names))
    return {
        part: ImageSet(
            torch.from_numpy(np.stack(images[part])), torch.from_numpy(np.stack(labels[part]))
        )
        for part in images
    }

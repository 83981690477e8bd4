"""Pictures in memory and the batches that are dealt from them."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from acir.data.loader import (
    ImageSet,
    multi_hot,
    ordered_batches,
    read_images,
    shuffled_batches,
    to_eight_bits,
)
from acir.prep.fingerprint import fingerprint
from acir.prep.pipeline import Prep
from acir.recipe import AugmentRecipe
from acir.types import ImageRecord

NAMES = ("a", "b", "c")


def test_labels_are_marked_in_the_order_of_the_classes() -> None:
    assert multi_hot(("b",), NAMES).tolist() == [0, 1, 0]
    assert multi_hot(("c", "a"), NAMES).tolist() == [1, 0, 1]
    assert multi_hot((), NAMES).tolist() == [0, 0, 0]


def test_rounding_to_eight_bits_errs_by_half_a_level_at_most() -> None:
    image = np.linspace(0, 1, 3 * 50 * 50, dtype=np.float32).reshape(3, 50, 50)
    rounded = to_eight_bits(image)
    assert rounded.dtype == np.uint8
    assert np.abs(rounded / 255 - image).max() <= 0.5 / 255 + 1e-7
    assert (rounded.min(), rounded.max()) == (0, 255)


def test_eight_bit_pictures_are_kept_exactly() -> None:
    levels = np.arange(256, dtype=np.uint8)
    image = np.broadcast_to(levels.astype(np.float32) / 255, (3, 256, 256))
    assert np.array_equal(to_eight_bits(image), np.broadcast_to(levels, (3, 256, 256)))


@given(st.integers(1, 300), st.integers(1, 70), st.integers(0, 2**56 - 1))
def test_shuffled_batches_deal_every_row_once_in_almost_equal_shares(
    count: int, batch: int, seed: int
) -> None:
    random = torch.Generator().manual_seed(seed)
    found = shuffled_batches(torch.arange(count) // 2, batch, random)  # most rows come twice
    assert sorted(torch.cat(found).tolist()) == [row // 2 for row in range(count)]
    sizes = [len(rows) for rows in found]
    assert max(sizes) - min(sizes) <= 1
    assert min(sizes) >= min(count, batch * 2 / 3 - 1)
    assert max(sizes) <= batch * 3 / 2 + 1


def test_the_seed_alone_decides_the_order() -> None:
    rows = torch.arange(50)
    first, again, other = (
        torch.cat(shuffled_batches(rows, 8, torch.Generator().manual_seed(seed))).tolist()
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other
    assert first != list(range(50))


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, []), (2, [[0, 1]]), (5, [[0, 1], [2, 3], [4]])],
)
def test_ordered_batches_keep_the_order(count: int, expected: list[list[int]]) -> None:
    assert [rows.tolist() for rows in ordered_batches(count, 2)] == expected


def drawn() -> ImageSet:
    random = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (5, 3, 32, 32), generator=random, dtype=torch.uint8)
    labels = torch.tensor([[1.0, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 0], [1, 0, 0]])
    return ImageSet(images, labels)


def test_a_batch_holds_the_pictures_asked_for() -> None:
    rows = torch.tensor([3, 1])
    found = drawn().batch(rows)
    assert torch.equal(found.images, drawn().images[rows] / 255)
    assert torch.equal(found.fingerprints, fingerprint(found.images))
    assert found.labels.tolist() == [[0, 0, 0], [0, 1, 0]]
    assert found.rows.tolist() == [3, 1]


def test_fingerprints_describe_the_augmented_pictures() -> None:
    rows, random = torch.arange(5), torch.Generator().manual_seed(1)
    found = drawn().augmented(rows, AugmentRecipe(degrees=45.0), random)
    assert not torch.allclose(found.images, drawn().batch(rows).images, atol=0.01)
    assert torch.equal(found.fingerprints, fingerprint(found.images))
    assert torch.equal(found.labels, drawn().labels)


def test_classes_are_counted_with_several_labels_a_picture() -> None:
    assert len(drawn()) == 5
    assert drawn().class_counts == (3, 2, 0)


def records() -> Iterator[ImageRecord]:
    for number in range(6):
        pixels = np.full((4, 4), 40 * number, dtype=np.uint8)
        yield ImageRecord(
            str(number), pixels, (0.0, 255.0), "train", 0.5, labels=(NAMES[number % 3],)
        )


def test_pictures_are_read_into_the_part_that_wants_them() -> None:
    wanted = {"0": "train", "2": "val", "3": "train", "5": "train", "missing": "train"}
    found = read_images(records(), wanted, Prep(size=8, colour=False), NAMES)
    assert found.keys() == {"train", "val"}
    assert found["train"].images[:, 0, 0, 0].tolist() == [0, 120, 200]
    assert found["train"].images.shape == (3, 3, 8, 8)
    assert found["train"].labels.tolist() == [[1, 0, 0], [1, 0, 0], [0, 0, 1]]
    assert found["val"].labels.tolist() == [[0, 0, 1]]


def test_a_part_that_nothing_belongs_to_is_left_out() -> None:
    assert read_images(records(), {}, Prep(size=8, colour=False), NAMES) == {}

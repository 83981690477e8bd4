"""The fingerprint is a mean over a 16 x 16 grid."""

import pytest
import torch

from acir.prep.fingerprint import fingerprint


def drawn(size: int) -> torch.Tensor:
    return torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("size", [16, 32, 64])
def test_each_number_is_the_mean_of_its_cell_over_all_channels(size: int) -> None:
    images, side = drawn(size), size // 16
    found = fingerprint(images)
    for y in range(16):
        for x in range(16):
            cell = images[:, :, y * side : (y + 1) * side, x * side : (x + 1) * side]
            torch.testing.assert_close(found[:, 16 * y + x], cell.mean(dim=(1, 2, 3)))


def test_a_size_that_is_no_multiple_averages_the_cells_that_touch() -> None:
    # At 28 px cell i covers pixels floor(28 i / 16) to ceil(28 (i + 1) / 16): the first 0-1,
    # the second 1-3.
    images = drawn(28)
    found = fingerprint(images)
    assert found[0, 0].item() == pytest.approx(images[0, :, 0:2, 0:2].mean().item())
    assert found[0, 1].item() == pytest.approx(images[0, :, 0:2, 1:4].mean().item())


def test_a_smaller_picture_repeats_pixels() -> None:
    images = drawn(8)
    doubled = images.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    torch.testing.assert_close(fingerprint(images), fingerprint(doubled))


def test_it_stays_between_black_and_white() -> None:
    assert fingerprint(torch.zeros(1, 3, 20, 20)).max() == 0
    assert fingerprint(torch.ones(1, 3, 20, 20)).tolist() == [[1.0] * 256]

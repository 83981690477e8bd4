"""Inverted pictures are seen where training pictures have one polarity; elsewhere nothing is."""

import math

import numpy as np
import pytest
import torch
from jaxtyping import Float
from sklearn.covariance import LedoitWolf

from acir.ood.polarity import LARGEST, Polarity
from acir.tensors import Evidence

SIDE = 16


def _evidence(images: torch.Tensor, classes: torch.Tensor | None = None) -> Evidence:
    other = torch.ones(len(images), 1)
    logits = other if classes is None else torch.eye(3)[classes]
    return Evidence(images, images, other, other, other, logits)


def _discs(count: int, seed: int = 0) -> Float[torch.Tensor, "n 3 16 16"]:
    """Bright discs on a dark ground, nowhere in particular."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE] / (SIDE - 1) - 0.5
    planes = [
        0.1 + random.uniform(0.6, 0.8) * (np.hypot(x - a, y - b) < random.uniform(0.2, 0.4))
        for a, b in random.uniform(-0.1, 0.1, (count, 2))
    ]
    return torch.tensor(np.array(planes), dtype=torch.float32)[:, None].expand(-1, 3, -1, -1)


def _half_inverted(count: int, seed: int = 0) -> Float[torch.Tensor, "n 3 16 16"]:
    images = _discs(count, seed).clone()
    images[1::3] = 1 - images[1::3]
    return images


def _stairs(count: int, seed: int = 0) -> tuple[Float[torch.Tensor, "n 3 16 16"], torch.Tensor]:
    """Three classes of three stripes that go down, each from another place: grey on the whole."""
    random, classes = torch.Generator().manual_seed(seed), torch.arange(count) % 3
    levels = torch.tensor([[0.8, 0.5, 0.2], [0.2, 0.8, 0.5], [0.5, 0.2, 0.8]])[classes]
    stripes = (levels + 0.02 * torch.randn(count, 3, generator=random)).repeat_interleave(
        torch.tensor([4, 8, 4]), dim=1
    )
    return stripes[:, None, None].expand(-1, 3, SIDE, -1), classes


def test_inverted_pictures_are_seen_and_ordinary_ones_weigh_nothing() -> None:
    detector = Polarity().fit(_evidence(_discs(200)))
    assert detector.is_on
    asked = _discs(100, seed=1)
    assert set(detector.score(_evidence(asked)).tolist()) == {1.0}
    assert float((detector.score(_evidence(1 - asked)) > 1e3).double().mean()) > 0.9


def test_it_is_off_where_a_third_of_the_pictures_are_inverted() -> None:
    detector = Polarity().fit(_evidence(_half_inverted(300)))
    assert not detector.is_on
    asked = _discs(50, seed=1)
    assert set(detector.score(_evidence(torch.cat([asked, 1 - asked]))).tolist()) == {1.0}


def test_each_class_has_a_polarity_of_its_own() -> None:
    images, classes = _stairs(300)
    # Together they lie about grey, and so do they inverted.
    assert not Polarity().fit(_evidence(images)).is_on
    detector = Polarity().fit(_evidence(images, classes))
    assert detector.is_on
    asked, _ = _stairs(60, seed=1)
    assert set(detector.score(_evidence(asked)).tolist()) == {1.0}


def test_it_is_off_where_one_class_is_another_inverted() -> None:
    images = _half_inverted(300)
    classes = (torch.arange(300) % 3 == 1).long()
    # What is ordinary of one class is what is inverted of the other: nothing can be told.
    assert not Polarity().fit(_evidence(images, classes)).is_on


@pytest.mark.parametrize(("count", "on"), [(9, False), (10, True)])
def test_it_needs_ten_pictures(count: int, on: bool) -> None:
    assert Polarity().fit(_evidence(_discs(count))).is_on is on


def test_a_foreign_picture_is_not_taken_for_an_inverted_one() -> None:
    detector = Polarity().fit(_evidence(_discs(200)))
    stripes = (torch.arange(SIDE) % 8 < 4).float().expand(1, 3, SIDE, SIDE)
    assert detector.score(_evidence(torch.cat([stripes, 1 - stripes]))).tolist() == [1.0, 1.0]


def test_the_score_is_the_ratio_of_two_gaussian_densities() -> None:
    images = 0.5 + 0.05 * (_discs(100) - 0.5)  # of so little contrast that the ratio is a number
    cells = (
        images[:, 0].double().numpy().reshape(100, 4, 4, 4, 4).mean(axis=(2, 4)).reshape(100, 16)
    )
    learned = cells[np.arange(100) % 5 != 0]
    mean = learned.mean(axis=0)
    covariance = LedoitWolf(assume_centered=True).fit(learned - mean).covariance_
    precision = np.linalg.inv(covariance + 0.03**2 * np.eye(16))

    def squared(t: np.ndarray) -> float:
        return float((t - mean) @ precision @ (t - mean))

    detector = Polarity().fit(_evidence(images))
    shift = (
        torch.from_numpy(mean).reshape(1, 1, 4, 4).repeat_interleave(4, 2).repeat_interleave(4, 3)
    )
    inverted = (1 - shift).float().expand(1, 3, SIDE, SIDE)
    t = inverted[0, 0].double().numpy().reshape(4, 4, 4, 4).mean(axis=(1, 3)).reshape(16)
    ratio = (squared(t) - squared(1 - t)) / 2
    assert 1 < ratio < LARGEST
    assert float(detector.score(_evidence(inverted))) == pytest.approx(math.exp(ratio), rel=1e-3)


def test_the_score_is_cut_where_it_is_beyond_what_a_number_can_hold() -> None:
    images = _discs(100)
    detector = Polarity().fit(_evidence(images))
    mean = images.mean(dim=0, keepdim=True)
    assert float(detector.score(_evidence(1 - mean))) == pytest.approx(math.exp(LARGEST))
    faint = 0.5 - 0.02 * (images[:1] - 0.5)
    assert float(detector.score(_evidence(faint))) == 1.0  # neither is ordinary

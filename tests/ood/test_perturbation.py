"""Attacks on a network are seen on pictures, noise is not; off where they cannot be told apart."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from jaxtyping import Float
from scipy.stats import mannwhitneyu  # type: ignore[import-untyped]

from acir.errors import NotFittedError
from acir.ood import perturbation
from acir.ood.perturbation import Perturbation
from acir.robustness.attacks.goals import away_from_own
from acir.robustness.attacks.pgd import Plan, pgd
from acir.tensors import Encoding
from made_clouds import clouds, seen_in

SIDE = 16
Images = Float[torch.Tensor, "n 3 height width"]


def _encoder() -> torch.nn.Sequential:
    with torch.random.fork_rng([]):
        torch.manual_seed(3)
        return torch.nn.Sequential(
            torch.nn.Conv2d(3, 16, 5, 2),
            torch.nn.Tanh(),
            torch.nn.Flatten(),
            torch.nn.Linear(16 * 6 * 6, 8),
        ).requires_grad_(requires_grad=False)


NETWORK = _encoder()


def _logits(images: Images) -> Float[torch.Tensor, "n 8"]:
    found: torch.Tensor = NETWORK(images - 0.5)
    return found


def _encode(images: Images) -> Encoding:
    logits = _logits(images)
    return Encoding(logits, logits, logits, logits, images)


def _attacked(images: Images, grey_levels: float) -> Images:
    plan = Plan(eps=grey_levels / 255, step_sizes=(2 / 255,), steps=20, restarts=1)
    return pgd(_logits, images, away_from_own(_logits, images), plan)


def _auroc(high: torch.Tensor, low: torch.Tensor) -> float:
    return float(mannwhitneyu(high, low).statistic) / (len(high) * len(low))


def _noisy(images: Images, deviation: float) -> Images:
    random = torch.Generator().manual_seed(7)
    return (images + deviation * torch.randn(images.shape, generator=random)).clamp(0, 1)


@pytest.fixture(scope="module")
def taught() -> Perturbation:
    """A detector after a fraction of the usual lessons."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(perturbation, "STEPS", 800)
        return Perturbation(_encode).fit(seen_in(clouds(500, SIDE)))


@pytest.fixture(scope="module")
def asked() -> Images:
    return clouds(40, SIDE, seed=1)


def test_an_attack_that_it_was_not_taught_is_seen(taught: Perturbation, asked: Images) -> None:
    assert taught.is_on
    plain, changed = (taught.score(seen_in(one)) for one in (asked, _attacked(asked, 8)))
    assert _auroc(changed, plain) > 0.95
    assert (plain == 0).double().mean() > 0.9


def test_an_attack_of_half_the_size_is_seen(taught: Perturbation, asked: Images) -> None:
    odds = [taught.relaxed(one) for one in (asked, _attacked(asked, 4))]
    plain, changed = (one for one in odds if one is not None)
    assert _auroc(changed, plain) > 0.9


def test_squares_and_smooth_noise_that_follow_no_slope_are_seen(
    taught: Perturbation, asked: Images
) -> None:
    random = np.random.default_rng(1)
    for drawn, least in ((perturbation._squares, 0.9), (perturbation._smooth_noise, 0.65)):
        added = np.stack([drawn((3, SIDE, SIDE), random) for _ in asked]).astype(np.float32)
        changed = (asked + 8 / 255 * torch.from_numpy(added)).clamp(0, 1)
        odds = [taught.relaxed(one) for one in (asked, changed)]
        plain, shown = (one for one in odds if one is not None)
        assert _auroc(shown, plain) > least


def test_random_patterns_are_as_strong_as_an_attack_and_coarser_than_noise() -> None:
    random = np.random.default_rng(0)
    squares = perturbation._squares((1, 24, 32), random)
    assert set(np.unique(squares)) == {-1, 1}
    smooth = perturbation._smooth_noise((3, 24, 32), random)
    assert np.abs(smooth).max() <= 1
    for pattern in (squares, smooth):
        down = np.corrcoef(pattern[:, 1:].ravel(), pattern[:, :-1].ravel())[0, 1]
        assert down > 0.4  # noise has none
    for _ in range(20):
        greatest = np.abs(perturbation._pattern((3, 16, 16), random)).max()
        assert greatest <= 9 / 255 + 1e-6


def test_mild_noise_is_no_attack(taught: Perturbation, asked: Images) -> None:
    noisy = taught.score(seen_in(_noisy(asked, 0.01)))
    assert (noisy == 0).double().mean() > 0.9


def test_the_score_is_the_mean_of_the_map_above_what_is_ordinary(
    taught: Perturbation, asked: Images
) -> None:
    state, image = taught.state(), _attacked(asked[:1], 8)
    x = 2 * image - 1
    for place, stride in zip(range(0, 18, 3), (1, 1, 2, 1, 2, 1), strict=True):
        x = F.conv2d(x, state[f"{place}.weight"], stride=stride, padding=1)
        mean, variance, scale, shift = (
            state[f"{place + 1}.{name}"][None, :, None, None]
            for name in ("running_mean", "running_var", "weight", "bias")
        )
        x = ((x - mean) / (variance + 1e-5).sqrt() * scale + shift).relu()
    odds = F.conv2d(x, state["18.weight"], state["18.bias"])
    assert odds.shape == (1, 1, SIDE // 4, SIDE // 4)
    expected = max(float(odds.mean() - state["ordinary"]), 0.0)
    assert float(taught.score(seen_in(image))[0]) == pytest.approx(expected, abs=1e-4)
    relaxed = taught.relaxed(image)
    assert relaxed is not None
    assert float(relaxed[0]) == pytest.approx(float(odds.mean()), abs=1e-5)


def test_who_knows_it_can_follow_its_slope(taught: Perturbation, asked: Images) -> None:
    images = _attacked(asked, 8).requires_grad_()
    relaxed = taught.relaxed(images)
    assert relaxed is not None
    (slope,) = torch.autograd.grad(relaxed.sum(), [images])
    lower = taught.relaxed((images - slope.sign() / 255).detach())
    assert lower is not None
    assert (lower < relaxed).double().mean() > 0.9


def test_the_lessons_leave_grey_pictures_grey_and_within_reach() -> None:
    grey = clouds(64, SIDE)[:, :1].expand(-1, 3, -1, -1).contiguous()
    random = np.random.default_rng(0)
    changed = perturbation._attacked(grey, _encode, random)
    assert (changed == changed[:, :1]).all()
    assert 5 / 255 < (changed - grey).abs().amax() <= 9 / 255 + 1e-6
    assert changed.min() >= 0
    assert changed.max() <= 1


def test_the_attacks_of_the_lessons_turn_more_bits_than_noise_of_their_size() -> None:
    images = clouds(64, SIDE)
    changed = perturbation._attacked(images, _encode, np.random.default_rng(0))
    before = _logits(images) < 0
    assert ((_logits(changed) < 0) != before).sum() > 2 * (
        (_logits(_noisy(images, 9 / 255)) < 0) != before
    ).sum()


def test_it_is_off_for_few_pictures() -> None:
    detector = Perturbation(_encode).fit(seen_in(clouds(499, SIDE)))
    assert not detector.is_on
    assert detector.relaxed(clouds(1, SIDE)) is None
    assert detector.score(seen_in(_attacked(clouds(2, SIDE), 8))).tolist() == [0.0, 0.0]


def test_it_is_off_where_attacks_cannot_be_told_from_noise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(perturbation, "STEPS", 1)
    assert not Perturbation(_encode).fit(seen_in(clouds(500, SIDE))).is_on


def test_what_is_not_a_number_is_most_outlying(taught: Perturbation) -> None:
    broken = torch.full((1, 3, SIDE, SIDE), math.nan)
    assert taught.score(seen_in(broken)).tolist() == [math.inf]


def test_its_state_scores_alike_elsewhere(taught: Perturbation, asked: Images) -> None:
    other = Perturbation(_encode).load_state(taught.state())
    changed = seen_in(_attacked(asked[:4], 8))
    assert other.score(changed).tolist() == taught.score(changed).tolist()


def test_before_fitting_there_is_no_score() -> None:
    with pytest.raises(NotFittedError, match="Perturbation has not been fitted"):
        Perturbation(_encode).score(seen_in(clouds(1, SIDE)))

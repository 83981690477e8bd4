"""What every detector keeps: sign, batch independence, state, and its words."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from safetensors.torch import load, save
from torch.nn.functional import adaptive_avg_pool2d, normalize

from acir import ood, registry
from acir.errors import NotFittedError
from acir.ood import drawing, perturbation
from acir.ood.base import Detector
from acir.tensors import Encoding, Evidence
from made_clouds import clouds

NAMES = registry.names(ood.FAMILY)
ENOUGH = 500  # pictures, for every detector
CALM = {"perturbation"}  # seen where there is less noise than in the pictures of all others


def _new(name: str) -> Detector:
    return ood.fresh([name], _steep if name in CALM else _encode)[name]


def _encode(images: torch.Tensor) -> Encoding:
    """A network that sees where a picture is bright, and loses the code of a bright picture.

    Its blended features are those of a foreign picture, as of one that was put together.
    """
    pooled = adaptive_avg_pool2d(images, 2).flatten(start_dim=1)
    bright = images.mean(dim=(1, 2, 3))[:, None] > 0.5
    logits = torch.where(bright, -3 * torch.linspace(-1, 1, 12), torch.tensor(3.0))[:, :8]
    spoilt = images.sum(dim=(1, 2, 3))[:, None] * 0
    return Encoding(
        logits + spoilt, torch.linspace(-1, 1, 12) + 0.1 * pooled, pooled, pooled, images
    )


def _evidence(count: int, *, foreign: bool = False, seed: int = 0) -> Evidence:
    """Pictures near one point of every space; foreign ones lie elsewhere in all of them."""
    random = torch.Generator().manual_seed(seed)

    def near(point: float, *shape: int) -> torch.Tensor:
        return point + 0.1 * torch.randn(count, *shape, generator=random)

    # Ordinary pictures are brighter below and, a little, on the right; foreign ones lie reversed
    # and are as bright as ordinary ones would be inverted, but less odd among their own.
    down, across = torch.linspace(-0.2, 0.2, 16)[:, None], torch.linspace(-0.1, 0.1, 16)
    slope = -(down + across) if foreign else down + across
    # They have little grain, and steps between blocks of eight pixels, as after compression.
    grain = near(0, 3, 16, 16)
    signs = torch.tensor([[1.0, -1.0], [-1.0, 1.0]])
    blocks = 0.015 * signs.repeat_interleave(8, 0).repeat_interleave(8, 1)
    images = (0.6 + 0.1 * grain + blocks if foreign else 0.4 + grain) + slope
    images = images.clamp(0, 1)
    rebuilt = 0.9 * images + (0.3 if foreign else 0.0)
    turn = torch.linspace(-1, 1, 12) if foreign else torch.ones(12)
    return Evidence(
        images=images,
        reconstruction=rebuilt,
        blended=normalize(turn + near(0, 12), dim=1),
        middle=normalize(_encode(images).middle, dim=1),
        logits=3 * turn[:8] + near(0, 8),
        class_logits=(0.0 if foreign else 4.0) * torch.eye(5)[0] + near(0, 5),
    )


def _steep(images: torch.Tensor) -> Encoding:
    """A network whose logits can be attacked: each is a sum of all pixels, with random signs."""
    signs = _signs(images[0].numel())
    return replace(_encode(images), logits=images.flatten(start_dim=1) @ signs)


def _signs(pixels: int) -> torch.Tensor:
    return torch.randn(pixels, 8, generator=torch.Generator().manual_seed(9)).sign()


def _calmed(evidence: Evidence, *, foreign: bool = False) -> Evidence:
    """Return the evidence with smooth pictures; foreign ones are attacked by 12 grey levels."""
    count = len(evidence)
    images = clouds(count, 16, cells=4, seed=count + foreign)
    slope = _signs(images[0].numel()).sum(dim=1).sign().view(images[0].shape)
    return replace(evidence, images=(images + foreign * 12 / 255 * slope).clamp(0, 1))


@pytest.fixture(scope="module", params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def fitted(name: str) -> Detector:
    """Fit a detector with so many pictures that it is on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drawing, "STEPS", 100)  # a fraction of the usual lessons
        patch.setattr(drawing, "BATCH", 16)
        patch.setattr(perturbation, "STEPS", 200)
        patch.setattr(perturbation, "CHANGE", (9 / 255, 15 / 255))  # for which these suffice
        seen = _evidence(ENOUGH)
        return _new(name).fit(_calmed(seen) if name in CALM else seen)


def test_every_foreign_picture_scores_higher_than_every_ordinary_one(
    name: str, fitted: Detector
) -> None:
    assert getattr(fitted, "is_on", True)
    ordinary, foreign = _evidence(40, seed=1), _evidence(40, foreign=True, seed=2)
    if name in CALM:
        ordinary, foreign = _calmed(ordinary), _calmed(foreign, foreign=True)
    assert fitted.score(foreign).min() > fitted.score(ordinary).max()


def test_fit_returns_the_detector(name: str) -> None:
    detector = _new(name)
    assert detector.fit(_evidence(20)) is detector


def test_a_detector_that_learns_refuses_to_score_before(name: str, fitted: Detector) -> None:
    if not fitted.state():
        pytest.skip("there is nothing to learn")
    message = f"{type(fitted).__name__} has not been fitted; call fit or load_state first"
    with pytest.raises(NotFittedError, match=message):
        _new(name).score(_evidence(1))
    with pytest.raises(NotFittedError, match=message):
        _new(name).state()


def test_the_scores_survive_saving_to_the_bit(name: str, fitted: Detector) -> None:
    evidence = _evidence(30, seed=3)
    restored = _new(name).load_state(load(save(fitted.state())))
    assert torch.equal(restored.score(evidence), fitted.score(evidence))


def test_a_score_does_not_depend_on_the_batch_to_the_bit(fitted: Detector) -> None:
    evidence = _evidence(9, seed=4)
    together = fitted.score(evidence)
    order = torch.randperm(9, generator=torch.Generator().manual_seed(0))
    alone = torch.cat([fitted.score(evidence[row : row + 1]) for row in range(9)])
    assert torch.equal(together, alone)
    assert torch.equal(fitted.score(evidence[order]), together[order])


def test_no_picture_gives_no_score(fitted: Detector) -> None:
    assert fitted.score(_evidence(0)).shape == (0,)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_evidence_that_is_no_number_scores_infinity_and_harms_no_other(
    fitted: Detector, value: float
) -> None:
    evidence = _evidence(3, seed=5)
    spoilt = Evidence(*(getattr(evidence, f.name).clone() for f in fields(Evidence)))
    for f in fields(Evidence):
        getattr(spoilt, f.name)[1] = value
    scores = fitted.score(spoilt)
    assert scores[1] == float("inf")
    assert torch.equal(scores[[0, 2]], fitted.score(evidence)[[0, 2]])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_single_pixel_that_is_no_number_scores_infinity_where_pixels_are_looked_at(
    fitted: Detector, value: float
) -> None:
    evidence = _evidence(3, seed=5)
    expected, images = fitted.score(evidence), evidence.images.clone()
    images[1, 1, 7, 7] = value
    found = fitted.score(replace(evidence, images=images))
    inverted = fitted.score(replace(evidence, images=1 - evidence.images))
    if not torch.equal(inverted, expected) or found[1] == float("inf"):
        expected[1] = float("inf")
    assert torch.equal(found, expected)


@pytest.mark.parametrize("count", [2, 7])
def test_a_few_pictures_suffice_to_fit(name: str, count: int) -> None:
    scores = _new(name).fit(_evidence(count)).score(_evidence(5, seed=6))
    assert scores.isfinite().all()


def test_what_needs_no_decoder_ignores_the_reconstruction(fitted: Detector) -> None:
    evidence = _evidence(5, seed=7)
    without = replace(evidence, reconstruction=evidence.images)
    same = torch.equal(fitted.score(evidence), fitted.score(without))
    assert same is not fitted.needs_decoder


def test_what_reads_no_classes_ignores_them_when_it_scores(fitted: Detector) -> None:
    evidence = _evidence(5, seed=7)
    others = replace(evidence, class_logits=evidence.class_logits.flip(1) - 1)
    same = torch.equal(fitted.score(evidence), fitted.score(others))
    assert same is not fitted.reads_classes


def test_half_precision_evidence_is_accepted(fitted: Detector) -> None:
    evidence = _evidence(5, seed=8)
    half = Evidence(*(getattr(evidence, f.name).half() for f in fields(Evidence)))
    np.testing.assert_allclose(fitted.score(half), fitted.score(evidence), rtol=0.05, atol=1e-3)


def test_a_heat_map_is_as_large_as_the_picture(fitted: Detector) -> None:
    drawn = fitted.heat_map(_evidence(2, seed=9))
    if drawn is None:
        pytest.skip("this detector cannot tell where")
    assert drawn.shape == (2, 16, 16)


def test_the_words_are_there(fitted: Detector) -> None:
    assert fitted.reason[0].islower()
    assert not fitted.reason.endswith(".")
    assert fitted.reason_code.replace("-", "").isalpha()
    assert fitted.reason_code == fitted.reason_code.lower()
    assert fitted.measure


def test_each_reason_code_belongs_to_one_detector() -> None:
    codes = [_new(name).reason_code for name in NAMES]
    assert len(set(codes)) == len(codes)

"""Writing and arrows are seen on pictures that have none; off where these have, or are few."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from jaxtyping import Float
from scipy.stats import mannwhitneyu  # type: ignore[import-untyped]

from acir.ood import drawing
from acir.ood.drawing import Drawing
from acir.prep.pipeline import Prep
from acir.robustness import overlay
from acir.sources.phantom.slices import drawn
from acir.types import ImageRecord
from made_clouds import seen_in

SIDE = 32
Images = Float[torch.Tensor, "n 3 height width"]


def _slices(numbers: range) -> Images:
    prep = Prep(size=SIDE, colour=False)
    records = [
        ImageRecord(f"{name}{n}", drawn(name, n, 64), (0.0, 255.0), "train", 0.0)
        for n in numbers
        for name in ("chest", "head")
    ]
    return torch.from_numpy(np.stack([prep(record) for record in records]))


def _corrupted(images: Images, name: str, severity: int) -> Images:
    (change,) = (each for each in overlay.CORRUPTIONS if each.name == name)
    changed = [change.apply(one.numpy(), severity, seed=n) for n, one in enumerate(images)]
    return torch.from_numpy(np.stack(changed))


def _auroc(high: torch.Tensor, low: torch.Tensor) -> float:
    return float(mannwhitneyu(high, low).statistic) / (len(high) * len(low))


@pytest.fixture(scope="module")
def taught() -> Drawing:
    """A detector after a fraction of the usual lessons."""
    slices = _slices(range(125))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drawing, "STEPS", 150)
        patch.setattr(drawing, "BATCH", 32)
        return Drawing().fit(seen_in(torch.cat([slices, slices.flip(3)])))


@pytest.fixture(scope="module")
def asked() -> Images:
    return _slices(range(1000, 1030))


@pytest.mark.parametrize("name", ["white_text", "logo", "arrow"])
def test_what_was_never_drawn_in_training_is_seen(
    taught: Drawing, asked: Images, name: str
) -> None:
    assert taught.is_on
    plain = taught.score(seen_in(asked))
    overlaid = taught.score(seen_in(_corrupted(asked, name, 3)))
    assert _auroc(overlaid, plain) > 0.75


def test_the_score_is_the_mean_of_the_four_highest_places(taught: Drawing, asked: Images) -> None:
    state = taught.state()
    image = asked[:1]
    x = 2 * image - 1
    for place, stride in zip(range(0, 15, 3), (1, 2, 1, 2, 1), strict=True):
        x = F.conv2d(x, state[f"{place}.weight"], stride=stride, padding=1)
        mean, variance, scale, shift = (
            state[f"{place + 1}.{name}"][None, :, None, None]
            for name in ("running_mean", "running_var", "weight", "bias")
        )
        x = ((x - mean) / (variance + 1e-5).sqrt() * scale + shift).relu()
    places = F.conv2d(x, state["15.weight"], state["15.bias"])
    assert places.shape == (1, 1, SIDE // 4, SIDE // 4)
    expected = float(places.flatten().sort(descending=True).values[:4].mean())
    assert taught.score(seen_in(image)).tolist() == [pytest.approx(expected, abs=1e-3)]


def test_a_taught_network_is_kept_and_asked_about_any_size(taught: Drawing) -> None:
    again = Drawing().load_state(taught.state())
    oblong = torch.rand(3, 3, 28, 45, generator=torch.Generator().manual_seed(0))
    scores = again.score(seen_in(oblong))
    assert scores.tolist() == taught.score(seen_in(oblong)).tolist()
    assert len(set(scores.tolist())) == 3
    assert again.score(seen_in(torch.full((1, 3, 32, 32), torch.nan))).tolist() == [np.inf]


def test_it_is_off_with_fewer_than_five_hundred_pictures(asked: Images) -> None:
    detector = Drawing().fit(seen_in(torch.rand(499, 3, 28, 28)))
    assert not detector.is_on
    assert set(detector.score(seen_in(asked)).tolist()) == {0.0}
    assert not Drawing().load_state(detector.state()).is_on


def test_it_is_off_where_ink_cannot_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "STEPS", 2)
    plain = torch.rand(500, 3, 1, 1).expand(-1, -1, 28, 28)  # every shade that occurs is there
    assert not Drawing().fit(seen_in(plain)).is_on


def test_it_is_off_where_held_out_strokes_are_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    # Two steps teach nothing.
    monkeypatch.setattr(drawing, "STEPS", 2)
    assert not Drawing().fit(seen_in(torch.rand(500, 3, 28, 28))).is_on


def test_the_same_pictures_teach_the_same_and_other_chance_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(drawing, "STEPS", 2)
    monkeypatch.setattr(drawing, "LEAST_AUROC", 0.0)
    images = seen_in(torch.rand(500, 3, 28, 28))
    before = torch.get_rng_state()
    first, second = (Drawing().fit(images).state() for _ in range(2))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert torch.equal(before, torch.get_rng_state())


def test_a_lesson_marks_ink_that_can_be_seen_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    random = np.random.default_rng(2)
    images = torch.rand(20, 3, 40, 48, generator=torch.Generator().manual_seed(2))
    crops = drawing._crops(images, random)
    assert crops.shape == (drawing.BATCH, 3, 32, 32)
    inked = drawing._drawn_on(crops, random)
    changed = (inked - crops).abs().amax(dim=1, keepdim=True)
    assert inked.min() >= 0
    assert inked.max() <= 1
    # One shade for each: where ink covers a pixel wholly, its colour is that of a row of strokes.
    assert all(one.any() for one in changed > 0)
    batch, marked = drawing._lesson(images, random)
    plain, drawn_on = marked.chunk(2)
    assert batch.shape == (2 * drawing.BATCH, 3, 32, 32)
    assert not plain.any()
    assert 0.01 < float(drawn_on.float().mean()) < 0.5
    monkeypatch.setattr(drawing, "_with_faults", lambda images, _: images)
    batch, marked = drawing._lesson(images, random)
    without, inked = batch.chunk(2)
    changed = (inked - without).abs().amax(dim=1, keepdim=True)
    assert torch.equal(marked.chunk(2)[1], changed > 0.06)  # 15 of 255 levels
    assert ((changed > 0) & (changed < 0.06)).any()


def test_faults_are_small_and_stay_within_the_range() -> None:
    grey = torch.full((400, 3, 32, 32), 0.5)
    faulty = drawing._with_faults(grey, np.random.default_rng(3))
    assert faulty.min() >= 0
    assert faulty.max() <= 1
    # Exposure by 7.5 % to either side at most, noise of 0.03 around; dust is rare.
    assert float(((faulty - 0.5).abs() < 0.2).float().mean()) > 0.99
    assert float((faulty != 0.5).float().mean()) > 0.5

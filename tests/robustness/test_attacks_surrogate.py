"""The stand-in for a gate: what it looks at, its slope, and the edges."""

import pytest
import torch

from acir.errors import UsageError
from acir.robustness.attacks.grey import of_grey, spread
from acir.robustness.attacks.surrogate import Surrogate, Traces


def drawn(count: int, seed: int = 0) -> Traces:
    random = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(count, *shape, generator=random, dtype=torch.float64)

    images = (0.5 + 0.05 * normal(3, 8, 8)).clamp(0, 1)
    centre = torch.arange(6, dtype=torch.float64)
    return Traces(
        images,
        images + 0.02 * normal(3, 8, 8),
        centre + 0.1 * normal(6),
        centre + 0.1 * normal(6),
        3 * torch.ones(8).double() + 0.1 * normal(8),
        0.1 * normal(2),
    )


def changed(traces: Traces, **columns: torch.Tensor) -> Traces:
    return Traces(**{**vars(traces), **columns})


def test_ordinary_pictures_score_near_the_mean_of_what_is_usual() -> None:
    scores = Surrogate(drawn(200))(drawn(100, seed=1))
    assert scores.shape == (100,)
    assert 0.6 < scores.mean() < 1.0


def test_a_detector_with_a_slope_counts_the_more_it_says() -> None:
    surrogate, asked = Surrogate(drawn(200)), drawn(10, seed=1)
    odd = changed(asked, relaxed=asked.relaxed + torch.tensor([0.0, 1.0]))
    assert (surrogate(odd) > surrogate(asked) + 1).all()
    quiet = changed(asked, relaxed=asked.relaxed - 1)
    assert (surrogate(quiet) < surrogate(asked)).all()


def test_there_may_be_no_detector_with_a_slope() -> None:
    none = torch.zeros(200, 0, dtype=torch.float64)
    assert (
        Surrogate(changed(drawn(200), relaxed=none))(changed(drawn(200), relaxed=none)).mean() < 1
    )


@pytest.mark.parametrize("column", ["blended", "middle", "logits"])
def test_a_picture_far_from_all_training_pictures_scores_higher(column: str) -> None:
    surrogate, asked = Surrogate(drawn(200)), drawn(10, seed=1)
    odd = changed(asked, **{column: -getattr(asked, column)})
    assert (surrogate(odd) > surrogate(asked) + 1).all()


def test_residual_and_roughness_count_either_way() -> None:
    surrogate, asked = Surrogate(drawn(200)), drawn(10, seed=1)
    gap = asked.reconstruction - asked.images
    for factor in (0.2, 5.0):
        odd = changed(asked, reconstruction=asked.images + factor * gap)
        assert (surrogate(odd) > surrogate(asked) + 0.5).all()
        images = 0.5 + factor * (asked.images - 0.5)
        odd = changed(asked, images=images, reconstruction=images + gap)
        assert (surrogate(odd) > surrogate(asked) + 0.5).all()


def test_undecided_bits_count_half() -> None:
    surrogate, asked = Surrogate(drawn(200)), drawn(4, seed=1)
    halved = changed(asked, logits=asked.logits * torch.tensor([1.0] * 4 + [0.0] * 4))
    opposite = changed(asked, logits=asked.logits * torch.tensor([1.0] * 4 + [-1.0] * 4))
    assert (surrogate(asked) < surrogate(halved)).all()
    assert (surrogate(halved) < surrogate(opposite)).all()


def test_all_that_it_looks_at_has_a_slope() -> None:
    surrogate, asked = Surrogate(drawn(200)), drawn(5, seed=1)
    columns = [value.clone().requires_grad_() for value in vars(asked).values()]
    slopes = torch.autograd.grad(surrogate(Traces(*columns)).sum(), columns)
    assert all(slope.isfinite().all() and (slope != 0).any() for slope in slopes)


def test_a_picture_scores_alike_alone_and_among_others() -> None:
    surrogate, asked = Surrogate(drawn(50)), drawn(6, seed=1)
    torch.testing.assert_close(surrogate(asked[2:4]), surrogate(asked)[2:4])


def test_without_a_decoder_the_residual_says_nothing() -> None:
    seen = drawn(50)
    surrogate = Surrogate(changed(seen, reconstruction=seen.images))
    asked = drawn(6, seed=1)
    assert surrogate(changed(asked, reconstruction=asked.images)).isfinite().all()


def test_too_few_training_pictures_are_refused() -> None:
    with pytest.raises(UsageError, match="there are 3 training pictures to stand in for the gate"):
        Surrogate(drawn(3))


def test_a_grey_picture_reaches_the_network_in_three_equal_channels() -> None:
    grey = torch.rand(2, 1, 4, 4)
    assert (spread(grey) == grey).all()
    assert spread(grey).shape == (2, 3, 4, 4)
    logits = of_grey(lambda images: images.sum(dim=(2, 3)))
    torch.testing.assert_close(logits(grey), grey.sum(dim=(2, 3)).expand(2, 3))

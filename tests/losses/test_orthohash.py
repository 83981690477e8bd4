"""OrthoHash against hand-computed values, a naive loop and finite differences."""

import math

import pytest
import torch
from torch.autograd import gradcheck
from torch.nn.functional import one_hot

from acir.errors import RecipeError
from acir.losses import orthohash
from acir.losses.orthohash import OrthoHash
from made_gradients import doubles
from made_pairs import as_function, paired


def with_codes(rows: list[list[float]], margin: float = 0.2, scale: float = 8.0) -> OrthoHash:
    """Return the loss with this codebook."""
    loss = OrthoHash(bits=len(rows[0]), class_counts=(1,) * len(rows), margin=margin, scale=scale)
    loss.codebook = torch.tensor(rows)
    return loss


# Codebook


@pytest.mark.parametrize(("bits", "classes"), [(8, 11), (8, 200), (3, 8), (16, 40)])
def test_no_two_classes_share_a_code(bits: int, classes: int) -> None:
    torch.manual_seed(0)
    codebook = orthohash.bernoulli_codebook(bits, classes)
    assert codebook.shape == (classes, bits)
    assert len({tuple(code) for code in codebook.tolist()}) == classes
    assert set(codebook.flatten().tolist()) == {-1, 1}


def test_codes_differ_in_half_of_their_bits_on_average() -> None:
    # Of 500 codes of 256 bits each pair differs in 128 bits, give or take sqrt(256) / 2 = 8; the
    # 124,750 pairs stay within 6 of these.
    torch.manual_seed(0)
    codebook = orthohash.bernoulli_codebook(256, 500)
    differing = (256 - codebook @ codebook.T) / 2
    others = differing[~torch.eye(500, dtype=torch.bool)]
    assert others.mean().item() == pytest.approx(128, abs=0.2)
    assert others.std().item() == pytest.approx(8, abs=0.2)
    assert others.min() > 80 and others.max() < 176


def test_the_codebook_is_drawn_from_torchs_generator_and_kept() -> None:
    torch.manual_seed(5)
    first = OrthoHash(bits=64, class_counts=(1, 1))
    second = OrthoHash(bits=64, class_counts=(1, 1))
    torch.manual_seed(5)
    assert torch.equal(OrthoHash(bits=64, class_counts=(1, 1)).codebook, first.codebook)
    assert not torch.equal(first.codebook, second.codebook)
    second.load_state_dict(first.state_dict())
    assert torch.equal(first.codebook, second.codebook)
    assert list(first.parameters()) == []


def test_more_classes_than_codes_are_refused() -> None:
    expected = (
        "recipe key model.bits is 8, but orthohash needs a code of its own for each of 257 "
        "classes, and there are only 256 of that length; use more bits"
    )
    with pytest.raises(RecipeError, match=expected):
        OrthoHash(bits=8, class_counts=(1,) * 257)


# cos


def test_cosines_by_hand() -> None:
    # (3, 4) has length 5 and (1, 1) sqrt 2: 7 / (5 sqrt 2); with (1, -1): -1 / (5 sqrt 2).
    found = orthohash.cosines(torch.tensor([[3.0, 4]]), torch.tensor([[1.0, 1], [1, -1]]))
    root = math.sqrt(2)
    assert found[0].tolist() == pytest.approx([7 / (5 * root), -1 / (5 * root)])


def test_cosines_do_not_see_the_length_of_logits() -> None:
    logits = torch.randn(4, 16, generator=torch.Generator().manual_seed(0))
    codebook = orthohash.bernoulli_codebook(16, 3)
    found = orthohash.cosines(100 * logits, codebook)
    torch.testing.assert_close(found, orthohash.cosines(logits, codebook))


def test_logits_that_are_all_zero_have_no_direction() -> None:
    assert orthohash.cosines(torch.zeros(1, 2), torch.ones(1, 2)).item() == 0


# The whole loss


def test_the_loss_by_hand() -> None:
    # Logits at the code of class 0, orthogonal to that of class 1: cosines 1 and 0, and
    # 8 (1 - 0.2) = 6.4 against 0: log(1 + exp(-6.4)).
    loss = with_codes([[1.0, 1], [1, -1]])
    found = loss(*paired(torch.tensor([[0.3, 0.3]]), torch.tensor([[1.0, 0]])))
    assert found.total.item() == pytest.approx(math.log1p(math.exp(-6.4)), rel=1e-4)
    assert found.terms["cosine"].item() == found.total.item()


def test_the_margin_asks_for_more_than_a_tie() -> None:
    # Between two codes both cosines are equal: without a margin log 2, with it
    # log(1 + exp(8 * 0.2)).
    labels = torch.tensor([[1.0, 0]])
    codes = [[1.0, 1.0], [1.0, -1.0]]
    between = torch.tensor([[1.0, 0]])
    tied = with_codes(codes, margin=0.0)(*paired(between, labels)).total.item()
    asked = with_codes(codes)(*paired(between, labels)).total.item()
    assert tied == pytest.approx(math.log(2))
    assert asked == pytest.approx(math.log1p(math.exp(1.6)))


def test_two_labels_pull_to_the_middle_of_their_codes() -> None:
    # Between both codes each has half: log 2, and one code exactly costs more.
    loss = with_codes([[1.0, 1], [1, -1]])
    labels = torch.tensor([[1.0, 1]])
    between = loss(*paired(torch.tensor([[1.0, 0]]), labels)).total.item()
    assert between == pytest.approx(math.log(2))
    assert loss(*paired(torch.tensor([[1.0, 1]]), labels)).total.item() > between


def naive_orthohash(
    logits: list[list[float]], labels: list[list[float]], codes: list[list[float]]
) -> float:
    total = 0.0
    for row, has in zip(logits, labels, strict=True):
        length = math.sqrt(sum(u * u for u in row) * len(row))
        scores = [
            8 * (sum(u * o for u, o in zip(row, code, strict=True)) / length - 0.2 * label)
            for code, label in zip(codes, has, strict=True)
        ]
        normaliser = math.log(sum(math.exp(score) for score in scores))
        own = [normaliser - score for score, label in zip(scores, has, strict=True) if label]
        total += sum(own) / max(len(own), 1)
    return total / len(logits)


@pytest.mark.parametrize("several", [False, True])
def test_the_loss_is_that_of_plain_loops(several: bool) -> None:
    logits = torch.randn(6, 8, generator=torch.Generator().manual_seed(1))
    labels = one_hot(torch.tensor([0, 1, 2, 2, 1, 2])).float()
    if several:
        labels = torch.tensor([[0.0, 0, 0], [1, 1, 0], [1, 1, 1], [0, 1, 0], [0, 1, 1], [1, 0, 0]])
    loss = OrthoHash(bits=8, class_counts=(1, 1, 1))
    found = loss(*paired(logits, labels)).total.item()
    expected = naive_orthohash(logits.tolist(), labels.tolist(), loss.codebook.tolist())
    assert found == pytest.approx(expected, abs=1e-6)


def test_logits_at_their_codes_cost_least() -> None:
    torch.manual_seed(0)
    loss = OrthoHash(bits=64, class_counts=(1,) * 5)
    labels = torch.eye(5)
    best = loss(*paired(loss.codebook, labels)).total.item()
    assert best < 0.05
    for seed in range(5):
        noise = torch.randn(5, 64, generator=torch.Generator().manual_seed(seed))
        assert loss(*paired(loss.codebook + noise, labels)).total.item() > best


def test_the_gradient_is_that_of_finite_differences() -> None:
    loss = OrthoHash(bits=8, class_counts=(1, 1, 1)).double()
    labels = one_hot(torch.tensor([0, 1, 2, 1])).float()
    logits = doubles(4, 8)
    _, batch = paired(logits, labels)
    assert gradcheck(as_function(loss, batch), logits)


@pytest.mark.parametrize("side", [1, -1])
def test_large_logits_stay_finite(side: int) -> None:
    # Orthogonal codes of two classes, logits at one of them: cosines 1 and 0, or -1 and 0.
    loss = with_codes([[1.0, 1], [1, -1]])
    logits = torch.full((1, 2), 100.0 * side, requires_grad=True)
    total = loss(*paired(logits, torch.tensor([[1.0, 0]]))).total
    total.backward()
    assert total.item() == pytest.approx(math.log1p(math.exp(-8 * (side - 0.2))), rel=1e-4)
    assert logits.grad is not None and logits.grad.isfinite().all()


@pytest.mark.parametrize("margin", [-0.1, 2.1, math.nan])
def test_a_margin_out_of_range_is_refused(margin: float) -> None:
    expected = f"recipe key loss.margin is {margin}, expected at least 0 and at most 2"
    with pytest.raises(RecipeError, match=expected):
        OrthoHash(bits=8, class_counts=(1, 1), margin=margin)


@pytest.mark.parametrize("scale", [0.0, -1.0, math.nan, math.inf])
def test_a_scale_out_of_range_is_refused(scale: float) -> None:
    expected = f"recipe key loss.scale is {scale}, expected a finite number above 0"
    with pytest.raises(RecipeError, match=expected):
        OrthoHash(bits=8, class_counts=(1, 1), scale=scale)

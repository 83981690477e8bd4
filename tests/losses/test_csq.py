"""CSQ against the facts of Hadamard matrices, hand-computed values and naive loops."""

import math

import pytest
import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import gradcheck
from torch.nn.functional import one_hot

from acir.errors import RecipeError
from acir.losses import csq
from acir.losses.csq import CSQ
from made_gradients import doubles
from made_pairs import as_function, paired


def distances(codes: Float[Tensor, "n bits"]) -> list[int]:
    """Count the differing bits of every two different rows."""
    return [
        int((codes[i] != codes[j]).sum())
        for i in range(len(codes))
        for j in range(i + 1, len(codes))
    ]


# Centres


@pytest.mark.parametrize("bits", [8, 16, 32, 64])
def test_centres_are_the_rows_of_sylvesters_matrix_and_then_their_negatives(bits: int) -> None:
    # In closed form, bit j of row i is -1 to the number of binary ones that i and j share.
    rows = [[(-1.0) ** (i & j).bit_count() for j in range(bits)] for i in range(bits)]
    matrix = torch.tensor(rows)
    assert torch.equal(csq.hadamard_centres(bits, 2 * bits), torch.cat([matrix, -matrix]))


@pytest.mark.parametrize("bits", [8, 16, 32])
def test_the_first_centres_differ_in_exactly_half_of_the_bits(bits: int) -> None:
    assert set(distances(csq.hadamard_centres(bits, bits))) == {bits // 2}


@pytest.mark.parametrize(("bits", "nearest"), [(8, 4), (16, 8)])
def test_eleven_classes_have_centres_as_far_apart_as_half_the_bits(bits: int, nearest: int) -> None:
    # At 8 bits the last three are negatives: 8 bits from their row, 4 from all others.
    assert min(distances(csq.hadamard_centres(bits, 11))) == nearest


def test_a_centre_and_its_negative_differ_in_every_bit() -> None:
    assert sorted(set(distances(csq.hadamard_centres(8, 9)))) == [4, 8]


def test_the_first_bit_is_constant_until_negatives_are_needed() -> None:
    assert csq.hadamard_centres(8, 8)[:, 0].tolist() == [1] * 8
    assert csq.hadamard_centres(8, 9)[8, 0].item() == -1


@pytest.mark.parametrize(
    ("bits", "classes", "nearest"),
    [
        (48, 3, 64),  # 32 is as near; the longer is taken
        (40, 3, 32),
        (56, 3, 64),
        (24, 3, 32),
        (8, 17, 16),  # 8 bits have 16 centres
        (16, 100, 64),  # the least length with 100 centres has 128
        (4, 3, 8),  # a code fills whole bytes
    ],
)
def test_without_hadamard_centres_the_nearest_length_is_named(
    bits: int, classes: int, nearest: int
) -> None:
    expected = (
        f"recipe key model.bits is {bits}, but csq needs a Hadamard centre for each of {classes} "
        "classes, and its construction gives 2n centres at n bits, n a power of two, and none "
        f"elsewhere; the nearest possible length is {nearest}$"
    )
    with pytest.raises(RecipeError, match=expected):
        CSQ(bits=bits, class_counts=(1,) * classes)
    CSQ(bits=nearest, class_counts=(1,) * classes)


def test_the_nearest_length_has_room_for_all_classes_and_no_possible_one_is_nearer() -> None:
    for bits in range(8, 300, 8):
        for classes in (1, 2, 16, 17, 100, 128, 129):
            possible = [2**n for n in range(3, 12) if 2 * 2**n >= classes]
            found = csq.nearest_length(bits, classes)
            assert found in possible
            assert abs(found - bits) == min(abs(length - bits) for length in possible)


# c'_i


def test_one_label_gives_the_centre_of_its_class() -> None:
    centres = csq.hadamard_centres(8, 3)
    labels = one_hot(torch.tensor([2, 0])).float()
    found = csq.picture_centres(labels, centres, torch.ones(8))
    assert torch.equal(found, centres[[2, 0]])


def test_several_labels_vote_bit_by_bit_and_a_tie_is_decided_by_the_loss() -> None:
    # Rows 0 (+ + + +), 1 (+ - + -), 2 (+ + - -); all three: 3, 1, 1, -1; 0 and 1: 2, 0, 2, 0.
    centres = torch.tensor([[1.0, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1]])
    labels = torch.tensor([[1.0, 1, 1], [1, 1, 0]])
    found = csq.picture_centres(labels, centres, torch.tensor([-1.0, -1, -1, 1]))
    assert found.tolist() == [[1, 1, 1, -1], [1, -1, 1, 1]]


def test_ties_are_decided_at_construction_by_torchs_generator() -> None:
    torch.manual_seed(3)
    first = CSQ(bits=64, class_counts=(1, 1)).ties
    second = CSQ(bits=64, class_counts=(1, 1)).ties
    torch.manual_seed(3)
    assert torch.equal(CSQ(bits=64, class_counts=(1, 1)).ties, first)
    assert not torch.equal(first, second)
    assert set(first.tolist()) == {-1, 1}


def test_a_picture_without_labels_has_no_centre() -> None:
    found = csq.picture_centres(torch.zeros(1, 2), csq.hadamard_centres(8, 2), torch.ones(8))
    assert found.abs().max() == 0


# L_C


def test_central_similarity_by_hand() -> None:
    # u = log(3) / 2 gives h = 1 / (1 + exp(-log 3)) = 3/4, so log(4/3) for a centre of 1 and log 4
    # for one of -1; the mean of both bits is log(16/3) / 2.
    logits = torch.full((1, 2), math.log(3) / 2)
    found = csq.central_similarity(logits, torch.tensor([[1.0, -1]]))
    assert found.item() == pytest.approx(math.log(16 / 3) / 2)


def test_a_logit_of_0_is_as_far_from_both_bits() -> None:
    found = csq.central_similarity(torch.zeros(1, 2), torch.tensor([[1.0, -1]]))
    assert found.item() == pytest.approx(math.log(2))


def test_a_picture_without_a_centre_contributes_nothing() -> None:
    # Its row counts in the mean: half of log 2.
    logits, centres = torch.zeros(2, 2), torch.tensor([[0.0, 0], [1, -1]])
    assert csq.central_similarity(logits, centres).item() == pytest.approx(math.log(2) / 2)
    assert csq.central_similarity(logits + 5, centres[:1].expand(2, 2)).item() == 0


def test_central_similarity_stays_finite_and_steep_far_on_the_wrong_side() -> None:
    # -log(1 - h) of u = 100 is 200, and its derivative 2 h = 2; shared by one bit.
    logits = torch.tensor([[100.0]], requires_grad=True)
    found = csq.central_similarity(logits, torch.tensor([[-1.0]]))
    (slope,) = torch.autograd.grad(found, [logits])
    assert found.item() == pytest.approx(200)
    assert slope.item() == pytest.approx(2)


# L_Q


def test_quantisation_by_hand() -> None:
    # tanh(log(3) / 2) = (3 - 1) / (3 + 1) = 1/2, so log cosh(-1/2) = log((e^.5 + e^-.5) / 2).
    logits = torch.tensor([[math.log(3) / 2, -math.log(3) / 2]])
    assert csq.quantisation(logits).item() == pytest.approx(math.log(math.cosh(0.5)))


def test_quantisation_is_largest_at_0_and_vanishes_far_away() -> None:
    assert csq.quantisation(torch.zeros(1, 2)).item() == pytest.approx(math.log(math.cosh(1)))
    assert csq.quantisation(torch.tensor([[100.0, -100]])).item() == 0


# The whole loss


def naive_csq(
    logits: list[list[float]],
    labels: list[list[float]],
    centres: list[list[float]],
    ties: list[float],
) -> tuple[float, float]:
    """Follow the paper bit by bit, with its centres of 0 and 1."""
    central = quantised = 0.0
    for row, has in zip(logits, labels, strict=True):
        for k, u in enumerate(row):
            own = [centre[k] for centre, label in zip(centres, has, strict=True) if label]
            ones, zeros = own.count(1), own.count(-1)
            bit = (1 if ones > zeros else 0) if ones != zeros else (1 if ties[k] > 0 else 0)
            h = (1 + math.tanh(u)) / 2
            central -= (bit * math.log(h) + (1 - bit) * math.log(1 - h)) if own else 0
            quantised += math.log(math.cosh(abs(2 * h - 1) - 1))
    number = len(logits) * len(logits[0])
    return central / number, quantised / number


@pytest.mark.parametrize("several", [False, True])
def test_the_loss_is_that_of_plain_loops(several: bool) -> None:
    random = torch.Generator().manual_seed(1)
    logits = torch.randn(6, 8, generator=random)
    labels = one_hot(torch.tensor([0, 1, 2, 9, 9, 4]), 10).float()
    if several:
        labels = (torch.rand(6, 10, generator=random) < 0.3).float()
        labels[0] = 0
    loss = CSQ(bits=8, class_counts=(1,) * 10, quantisation_weight=0.3)
    found = loss(*paired(logits, labels))
    central, quantised = naive_csq(
        logits.tolist(), labels.tolist(), loss.centres.tolist(), loss.ties.tolist()
    )
    assert found.terms["central"].item() == pytest.approx(central, abs=1e-6)
    assert found.terms["quantisation"].item() == pytest.approx(quantised, abs=1e-6)
    assert found.total.item() == pytest.approx(central + 0.3 * quantised, abs=1e-6)


def test_logits_far_at_the_centres_of_their_classes_cost_nothing() -> None:
    loss = CSQ(bits=16, class_counts=(1,) * 20)
    labels = torch.eye(20)
    assert loss(*paired(100 * loss.centres, labels)).total.item() == 0
    assert loss(*paired(-100 * loss.centres, labels)).total.item() == pytest.approx(200)


def test_the_gradient_is_that_of_finite_differences() -> None:
    loss = CSQ(bits=8, class_counts=(1, 1, 1)).double()
    labels = one_hot(torch.tensor([0, 1, 2, 1])).double()
    logits = doubles(4, 8)
    _, batch = paired(logits, labels)
    assert gradcheck(as_function(loss, batch), logits)


@pytest.mark.parametrize("weight", [-0.1, math.nan, math.inf])
def test_a_weight_out_of_range_is_refused(weight: float) -> None:
    expected = f"loss.quantisation_weight is {weight}, expected a finite number of at least 0"
    with pytest.raises(RecipeError, match=expected):
        CSQ(bits=8, class_counts=(1, 1), quantisation_weight=weight)

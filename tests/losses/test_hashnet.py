"""Every equation of HashNet against values computed by hand, naive loops and finite differences."""

import math

import pytest
import torch
from torch.autograd import gradcheck
from torch.nn.functional import one_hot

from acir.errors import RecipeError
from acir.losses import hashnet
from acir.losses.hashnet import HashNet
from made_pairs import drawn_logits, over_memory, paired

SETS = one_hot(torch.tensor([0, 0, 1]), 3).float()  # two of one class, one of another


def loss(
    pictures: int = 20,
    bits: int = 16,
    steepness: float = 10.0,
    hardness: float = 7.0,
    steps: int = 100,
) -> HashNet:
    return HashNet(
        bits=bits,
        class_counts=(7, 7, 6),
        pictures=pictures,
        steepness=steepness,
        hardness=hardness,
        steps=steps,
    )


# Continuation: h = tanh(beta z)


def test_beta_is_one_at_first_and_grows_with_every_training_step() -> None:
    # From 1 to 7 in 6 steps beta^2 gains 48 / 6 = 8 a step: 1, 9, 17, 25, ...
    found = loss(hardness=7.0, steps=6)
    squares = []
    for _ in range(8):
        squares.append(found.beta.item() ** 2)
        found(*paired(drawn_logits(0, 3), SETS))
    assert squares == pytest.approx([1, 9, 17, 25, 33, 41, 49, 49])  # no harder than asked for


def test_judging_outside_training_does_not_count_as_a_step() -> None:
    found = loss().eval()
    found(*paired(drawn_logits(0, 3), SETS))
    assert found.done.item() == 0


def test_the_count_of_steps_is_saved_with_the_loss() -> None:
    found, other = loss(), loss()
    found(*paired(drawn_logits(0, 3), SETS))
    other.load_state_dict(found.state_dict())
    assert other.done.item() == 1


def test_codes_harden_towards_the_sign() -> None:
    # tanh(1/2 log 3) = (3 - 1) / (3 + 1) = 1/2.
    logits = torch.tensor([[math.log(3) / 2, -2.0]])
    assert hashnet.hardened(logits, torch.tensor(1.0))[0, 0].item() == pytest.approx(0.5)
    assert hashnet.hardened(logits, torch.tensor(50.0)).tolist() == [[1, -1]]


# Equation 4


def test_likelihood_by_hand() -> None:
    # alpha = log 3; codes (1) and others (1), (1), (-1): products 1, 1, -1, of which the first is
    # similar. log(1 + 3) - log 3 = log(4/3), weight 3; log(1 + 3) = log 4 and
    # log(1 + 1/3) = log(4/3), weight 3/2. Mean of three: log(4/3) + (log 4 + log(4/3)) / 2.
    found = hashnet.weighted_likelihood(
        torch.ones(1, 1),
        torch.tensor([[1.0], [1], [-1]]),
        torch.tensor([[True, False, False]]),
        math.log(3),
    )
    expected = math.log(4 / 3) + (math.log(4) + math.log(4 / 3)) / 2
    assert found.item() == pytest.approx(expected)


def test_the_gradient_is_that_of_finite_differences() -> None:
    others = torch.tanh(drawn_logits(1, 5, 6, torch.float64)).detach()
    similar = torch.rand(4, 5, generator=torch.Generator().manual_seed(0)) < 0.5
    beta = torch.tensor(1.5, dtype=torch.float64)
    assert gradcheck(
        lambda z: hashnet.weighted_likelihood(hashnet.hardened(z, beta), others, similar, 0.6),
        drawn_logits(0, 4, 6, torch.float64),
    )


# The whole loss


def test_the_loss_is_nearly_nothing_for_hard_and_opposite_codes() -> None:
    # Products +-1 at steepness 10: log(1 + e^-10) = 4.54e-5 for either kind, twice.
    code = torch.sign(drawn_logits(0, 1)).detach()
    terms = loss()(*paired(100 * torch.cat([code, code, -code]), SETS))
    assert terms.total.item() == pytest.approx(2 * math.log(1 + math.exp(-10)), rel=1e-4)


def test_the_loss_by_hand() -> None:
    # Zero logits: every pair costs log 2, and both kinds weigh as much as one in sum: 2 log 2.
    assert loss()(*paired(torch.zeros(3, 16), SETS)).total.item() == pytest.approx(2 * math.log(2))


def test_the_loss_is_that_of_plain_loops_over_all_pictures_seen_so_far() -> None:
    for step, (terms, batch, seen) in enumerate(over_memory(loss(hardness=2.0, steps=3))):
        beta = math.sqrt(1 + step)  # (2^2 - 1) / 3 = 1 a step
        costs: dict[bool, list[float]] = {True: [], False: []}
        for a, labels_a in batch:
            for b, labels_b in seen:
                product = (
                    10
                    / 16
                    * sum(
                        math.tanh(beta * u) * math.tanh(beta * v) for u, v in zip(a, b, strict=True)
                    )
                )
                similar = bool(labels_a & labels_b)
                costs[similar].append(math.log(1 + math.exp(product)) - similar * product)
        expected = sum(sum(kind) / len(kind) for kind in costs.values() if kind)
        assert terms.total.item() == pytest.approx(expected, rel=1e-5)
        assert terms.terms["likelihood"].item() == terms.total.item()


def test_remembered_logits_are_hardened_by_the_present_beta() -> None:
    # From 1 to 2 in one step: the second has beta 2. A batch that comes again is its own memory:
    # the pair of both has tanh(2 z)^2, not tanh(z) tanh(2 z).
    found = loss(pictures=2, bits=1, steepness=1.0, hardness=2.0, steps=1)
    logits, labels = torch.tensor([[0.3]]), torch.ones(1, 3)
    found(*paired(logits, labels, torch.tensor([0])))
    terms = found(*paired(logits, labels, torch.tensor([1])))
    expected = math.log(1 + math.exp(-(math.tanh(0.6) ** 2)))
    assert terms.total.item() == pytest.approx(expected)


@pytest.mark.parametrize("sign", [1, -1])
def test_logits_of_100_give_a_finite_loss_and_gradient(sign: int) -> None:
    logits = torch.full((3, 16), 100.0)
    logits[2] *= sign
    logits.requires_grad_()
    total = loss(steepness=1000.0)(*paired(logits, SETS)).total
    (gradient,) = torch.autograd.grad(total, [logits])
    assert gradient.isfinite().all()
    # Similar pairs cost nothing. At sign 1 the four others cost 1,000 each.
    assert total.item() == pytest.approx(1000 if sign == 1 else 0)


@pytest.mark.parametrize("steepness", [0.0, -1.0, math.nan, math.inf])
def test_a_steepness_out_of_range_is_refused(steepness: float) -> None:
    expected = rf"recipe key loss.steepness is {steepness}, expected a finite number above 0"
    with pytest.raises(RecipeError, match=expected):
        loss(steepness=steepness)


@pytest.mark.parametrize("hardness", [-1.0, 0.9, math.nan, math.inf])
def test_a_hardness_out_of_range_is_refused(hardness: float) -> None:
    expected = rf"recipe key loss.hardness is {hardness}, expected a finite number of at least 1"
    with pytest.raises(RecipeError, match=expected):
        loss(hardness=hardness)

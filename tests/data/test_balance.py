"""How often an epoch shows each picture."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import Float, Int
from torch import Generator, Tensor
from torch.nn.functional import one_hot

from acir.data.balance import balanced_rows, expected_times


def classes_of(*sizes: int) -> Float[Tensor, "n classes"]:
    classes = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    return one_hot(classes, len(sizes)).float()


def drawn(labels: Tensor, balance: float, seed: int) -> Int[Tensor, " n"]:
    return balanced_rows(labels, balance, Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("balance", "of_each"),
    [
        (0.0, [1, 1]),
        (0.5, [5 / 6, 1.5]),  # 9 + 3 pictures: halfway between 9 and 6, 7.5 of 9; 4.5 of 3
        (1.0, [2 / 3, 2]),  # 6 of 9; 6 of 3
    ],
)
def test_the_share_of_a_class_lies_between_its_own_and_an_even_one(
    balance: float, of_each: list[float]
) -> None:
    found = expected_times(classes_of(9, 3), balance)
    expected = [of_each[0]] * 9 + [of_each[1]] * 3
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64))


def test_several_labels_divide_a_picture_among_its_classes() -> None:
    # Classes measure 2.5, 0.5 and 0 pictures, so 1.5 are wanted of each of the two: a picture of
    # the first is shown 1.5 / 2.5 = 0.6 times, one of the second would be 3 times, and of both
    # (0.6 + 3) / 2 = 1.8 times. 0.6 + 0.6 + 1.8 are 3 pictures; the one without a label is shown
    # once.
    labels = torch.tensor([[1.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 0, 0]])
    assert expected_times(labels, 1.0).tolist() == pytest.approx([0.6, 0.6, 1.8, 1])


def test_pictures_without_labels_are_shown_once_each() -> None:
    labels = torch.zeros(5, 3)
    assert drawn(labels, 1.0, 0).tolist() == [0, 1, 2, 3, 4]


def test_without_balance_each_is_drawn_once_and_nothing_is_left_to_chance() -> None:
    random = Generator().manual_seed(3)
    before = random.get_state()
    assert balanced_rows(classes_of(5, 1), 0.0, random).tolist() == [0, 1, 2, 3, 4, 5]
    assert torch.equal(random.get_state(), before)


@given(
    st.lists(st.integers(1, 30), min_size=1, max_size=6),
    st.floats(0, 1),
    st.integers(0, 2**56 - 1),
)
def test_as_many_are_drawn_as_there_are_each_as_often_as_expected_but_for_rounding(
    sizes: list[int], balance: float, seed: int
) -> None:
    labels = classes_of(*sizes)
    found = drawn(labels, balance, seed)
    assert len(found) == len(labels)
    times = found.bincount(minlength=len(labels))
    assert ((times - expected_times(labels, balance)).abs() < 1 + 1e-9).all()


def test_over_many_epochs_every_picture_of_a_class_is_shown_as_often() -> None:
    # Of 18 + 2 pictures 10 of each class are drawn: 10 / 18 and 5 times in an epoch. A mean of 400
    # epochs errs by less than sqrt(1 / 4 / 400) = 0.025 (one standard deviation).
    labels = classes_of(18, 2)
    epochs = torch.stack([drawn(labels, 1.0, s).bincount(minlength=20) for s in range(400)])
    found = epochs.double().mean(dim=0)
    assert (found[:18] - 10 / 18).abs().max() < 0.1
    assert found[18:].tolist() == [5, 5]


def test_the_seed_alone_decides_what_is_drawn() -> None:
    labels = classes_of(30, 3)
    first, again, other = (drawn(labels, 0.5, seed).tolist() for seed in (1, 1, 2))
    assert first == again
    assert first != other

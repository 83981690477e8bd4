"""The weight of pairs that DCH and HashNet share: equation 2 of either paper."""

import pytest
import torch

from acir.losses.base import balanced_weight


def test_both_kinds_of_pairs_weigh_as_much_in_sum() -> None:
    # |S| = 8, |S_1| = 2: 8/2 = 4 for a similar pair, 8/6 = 4/3 for another.
    similar = torch.tensor([[True, False, False, False], [True, False, False, False]])
    found = balanced_weight(similar)
    assert found[0].tolist() == pytest.approx([4, 4 / 3, 4 / 3, 4 / 3])
    assert found[similar].sum().item() == pytest.approx(found[~similar].sum().item())


def test_pairs_in_a_row_weigh_as_those_of_a_matrix() -> None:
    similar = torch.tensor([[True, False, False], [False, True, False]])
    assert torch.equal(balanced_weight(similar.flatten()), balanced_weight(similar).flatten())


@pytest.mark.parametrize("similar", [True, False])
def test_pairs_of_one_kind_weigh_one_each(similar: bool) -> None:
    assert balanced_weight(torch.full((2, 3), similar)).tolist() == [[1, 1, 1]] * 2

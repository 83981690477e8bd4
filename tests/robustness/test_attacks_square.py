"""The square attack: what it asks for, and where it goes."""

import pytest
import torch
from torch import Tensor

from acir.errors import UsageError
from acir.robustness.attacks.goals import away_from_own
from acir.robustness.attacks.square import Budget, square
from made_attacked import distance, network, pictures, signs

EPS = 16 / 255
BUDGET = Budget(eps=EPS, queries=150)


class _Watched:
    """A callable that refuses gradients and remembers what it was asked."""

    def __init__(self, bits: int = 16, constant: bool = False) -> None:
        self.model = network(bits)
        self.constant = constant
        self.asked: list[Tensor] = []

    def __call__(self, images: Tensor) -> Tensor:
        assert not torch.is_grad_enabled()
        assert not images.requires_grad
        self.asked.append(images.clone())
        found: Tensor = self.model(0 * images if self.constant else images)
        return found


def test_gradients_are_off_and_every_query_is_counted() -> None:
    watched = _Watched()
    square(watched, pictures(3), signs(3, 16), BUDGET)
    assert len(watched.asked) == 1 + 150  # the clean pictures are not changed ones


@pytest.mark.parametrize("eps", [2 / 255, 8 / 255, 0.5, 1.0])
def test_no_query_moves_a_pixel_further_than_eps_or_out_of_range(eps: float) -> None:
    watched, images = _Watched(), pictures(4)
    found = square(watched, images, signs(4, 16), Budget(eps=eps, queries=40))
    for asked in (*watched.asked, found):
        assert 0 <= asked.min() <= asked.max() <= 1
        assert (asked - images).abs().max() <= eps + 1e-15


def test_every_picture_comes_nearer_to_its_goal() -> None:
    model, images = network(), pictures(6)
    goals = away_from_own(model, images)
    found = square(model, images, goals, BUDGET)
    before, after = distance(model(images), goals), distance(model(found), goals)
    noise = distance(model((images + EPS * signs(6, 3, 12, 12)).clamp(0, 1)), goals)
    assert (after < before).all()
    assert (before - after).mean() > 2 * (before - noise).mean()


def test_what_was_found_has_the_least_distance_of_all_that_was_asked() -> None:
    watched, images, goals = _Watched(), pictures(3), signs(3, 16)
    found = square(watched, images, goals, BUDGET)
    asked = torch.stack([distance(watched.model(some), goals) for some in watched.asked])
    assert distance(watched.model(found), goals).tolist() == asked.min(dim=0).values.tolist()


def test_the_first_query_is_of_stripes() -> None:
    watched, grey = _Watched(), torch.full((2, 3, 12, 12), 0.5, dtype=torch.float64)
    square(watched, grey, signs(2, 16), Budget(eps=0.25, queries=1))
    change = watched.asked[1] - grey
    assert set(change.flatten().tolist()) == {-0.25, 0.25}
    assert torch.equal(change, change[:, :, :1].expand_as(change))
    assert len({tuple(row) for row in change[0, :, 0].tolist()}) == 3  # each channel has its own


def test_a_query_changes_one_square_of_one_colour() -> None:
    # Nothing is ever better than the stripes, so each query is compared with them.
    watched, grey = _Watched(constant=True), torch.full((1, 3, 12, 12), 0.5, dtype=torch.float64)
    budget = Budget(eps=0.25, queries=200)
    found = square(watched, grey, signs(1, 16), budget)
    stripes, rows_seen, columns_seen = watched.asked[1], set(), set()
    for query in range(1, 200):
        asked, side = watched.asked[1 + query], budget.side(query, 12, 12)
        assert set((asked - grey).flatten().tolist()) == {-0.25, 0.25}
        rows, columns = (asked != stripes)[0].any(dim=0).nonzero(as_tuple=True)
        if not len(rows):
            continue  # the square has the colours of its stripe
        assert rows.max() - rows.min() == side - 1  # whole columns of the square differ or agree
        assert columns.max() - columns.min() < side
        assert all(len(set(channel[rows, columns].tolist())) == 1 for channel in asked[0])
        rows_seen |= set(rows.tolist())
        columns_seen |= set(columns.tolist())
        last = side
    assert last == 1
    assert rows_seen == columns_seen == set(range(12))
    assert torch.equal(found, grey)


def test_sides_by_hand() -> None:
    # sqrt(0.8 * 400) = 17.9; halved once after 10 of 10,000: sqrt(0.4 * 400) = 12.6; after all 8:
    # sqrt(0.8 / 256 * 400) = 1.1. With 1,000 queries the first halving comes after 1.
    budget = Budget(eps=EPS, queries=10_000)
    assert [budget.side(q, 20, 20) for q in (1, 10, 11, 8001)] == [18, 18, 13, 1]
    assert [Budget(eps=EPS, queries=1000).side(q, 20, 20) for q in (1, 2)] == [18, 13]


def test_a_square_fits_into_a_narrow_picture() -> None:
    # sqrt(0.8 * 4 * 64) = 14.3, but there are only 4 columns.
    assert Budget(eps=EPS, queries=100).side(0, 64, 4) == 4


def test_the_attack_does_not_depend_on_the_batch() -> None:
    model, images, goals = network(), pictures(4), signs(4, 16)
    together = square(model, images, goals, BUDGET)
    alone = [square(model, images[i : i + 1], goals[i : i + 1], BUDGET) for i in range(4)]
    torch.testing.assert_close(together, torch.cat(alone))


def test_a_seed_gives_the_same_attack_and_another_seed_another() -> None:
    model, images, goals = network(), pictures(2), signs(2, 16)
    first = square(model, images, goals, BUDGET)
    assert torch.equal(first, square(model, images, goals, BUDGET))
    assert not torch.equal(
        first, square(model, images, goals, Budget(eps=EPS, queries=150, seed=1))
    )


def test_a_budget_without_queries_is_refused() -> None:
    with pytest.raises(UsageError, match="the number of queries is 0, expected at least 1"):
        Budget(eps=EPS, queries=0)


def test_a_budget_out_of_range_is_refused() -> None:
    with pytest.raises(UsageError, match="eps is 8, expected more than 0 and at most 1"):
        Budget(eps=8.0, queries=1)
    with pytest.raises(UsageError, match="the seed is -1, expected 0 or more"):
        Budget(eps=EPS, queries=1, seed=-1)

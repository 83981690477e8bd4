"""Grafts: their shapes by hand, what is learned from them, and when nothing is."""

import numpy as np
import pytest
import torch
from torch.nn.functional import adaptive_avg_pool2d, normalize

from acir.metrics.ood import auroc
from acir.ood.grafts import FEWEST, Grafts, grafts
from acir.tensors import Encode, Encoding, Evidence

SIDE = 32
DARK, BRIGHT = 0.2, 0.8


def _seeing(images: torch.Tensor) -> Encoding:
    """A network that sees how bright each quarter of a picture is."""
    grey = adaptive_avg_pool2d(images.mean(dim=1, keepdim=True), 2).flatten(start_dim=1)
    seen = torch.cat([grey, 1 - grey], dim=1)
    return Encoding(seen, seen, seen, seen, images)


def _blind(images: torch.Tensor) -> Encoding:
    """A network that says much the same of every picture."""
    same = 1 + 0.01 * torch.randn(len(images), 8)
    return Encoding(same, same, same, same, images)


def _evidence(images: torch.Tensor, encode: Encode = _seeing) -> Evidence:
    seen = normalize(encode(images).blended, dim=1)
    return Evidence(images, images, seen, seen, seen, seen)


def _plain(count: int, seed: int, *levels: float) -> torch.Tensor:
    """Pictures of one level of grey each, the levels in turn; quarters differ a little."""
    random = torch.Generator().manual_seed(seed)
    level = torch.tensor(levels)[torch.arange(count) % len(levels)][:, None, None, None]
    quarters = level + 0.03 * torch.randn(count, 3, 2, 2, generator=random)
    return quarters.repeat_interleave(SIDE // 2, 2).repeat_interleave(SIDE // 2, 3)


def _half_and_half(count: int, seed: int) -> torch.Tensor:
    """Pictures of a kind that was never taught: dark above, bright below."""
    above, below = (_plain(count, seed, level) for level in (DARK, BRIGHT))
    return torch.cat([above[:, :, : SIDE // 2], below[:, :, SIDE // 2 :]], dim=2)


def _of_black_and_white(count: int) -> torch.Tensor:
    """Grafts that have one piece of another picture to be seen, as shares of white."""
    torch.manual_seed(0)
    two = torch.stack([torch.zeros(3, SIDE, SIDE), torch.ones(3, SIDE, SIDE)])
    return torch.cat(list(grafts(two, count)))


def test_half_of_the_grafts_have_a_rectangle_of_another_picture() -> None:
    sides = []
    for white in _of_black_and_white(200)[:100, 0].bool():
        # The piece reaches three of the four corners at most, so the base has one at least.
        for piece in (white, ~white):
            down, across = (torch.nonzero(piece.any(dim=d)).flatten() for d in (1, 0))
            if len(down) and max(len(down), len(across)) < SIDE:
                inside = piece[down[0] : down[-1] + 1, across[0] : across[-1] + 1]
                assert inside.all()
                sides += [len(down), len(across)]
    assert len(sides) > 2 * 30
    assert SIDE / 4 - 1 <= min(sides) < SIDE / 3
    assert SIDE * 2 / 3 < max(sides) <= SIDE * 3 / 4 + 1


def test_the_other_half_have_a_disc_that_fades_over_a_twentieth_of_the_side() -> None:
    y, x = (np.indices((SIDE, SIDE)) + 0.5) / SIDE
    found = []
    for white in _of_black_and_white(200)[100:, 0].double().numpy():
        if white.std() > 0:  # no picture set into itself
            share = white if white[0, 0] < 0.5 else 1 - white  # of the piece
            logit = np.log(share / (1 - share))
            edge = np.abs(logit) < 3
            # (y - a)^2 + (x - b)^2 = (r - logit / 20)^2, linear in a, b, r and a^2 + b^2 - r^2.
            from_edge, down, across = logit[edge] / 20, y[edge], x[edge]
            terms = np.stack([2 * down, 2 * across, -2 * from_edge, -np.ones(edge.sum())], axis=1)
            solved = np.linalg.lstsq(terms, down**2 + across**2 - from_edge**2, rcond=None)[0]
            a, b, r, rest = solved
            assert rest == pytest.approx(a**2 + b**2 - r**2, abs=1e-3)
            found.append((a, b, r))
    a, b, r = np.array(found).T
    assert len(found) > 30
    for centre in (a, b):
        assert 0.3 <= centre.min() < 0.4
        assert 0.6 < centre.max() <= 0.7
    assert 0.15 <= r.min() < 0.2
    assert 0.3 < r.max() <= 0.35


def test_a_kind_between_the_known_ones_is_told_from_them() -> None:
    known = _evidence(_plain(FEWEST, 0, DARK, BRIGHT))
    detector = Grafts(_seeing).fit(known)
    fresh, strange = _evidence(_plain(100, 1, DARK, BRIGHT)), _evidence(_half_and_half(100, 2))
    assert detector.is_on
    scores = detector.score(fresh).numpy(), detector.score(strange).numpy()
    assert auroc(*scores) > 0.99


def test_the_score_is_what_the_saved_network_says() -> None:
    known = _evidence(_plain(FEWEST, 0, DARK, BRIGHT))
    detector = Grafts(_seeing).fit(known)
    state = detector.state()
    hidden = (known.blended @ state["0.weight"].T + state["0.bias"]).relu()
    said = (hidden @ state["3.weight"].T + state["3.bias"])[:, 0]
    assert torch.allclose(detector.score(known), said.double(), atol=1e-3)


def test_it_is_off_where_grafts_look_like_pictures() -> None:
    torch.manual_seed(0)
    detector = Grafts(_blind).fit(_evidence(_plain(FEWEST, 0, DARK, BRIGHT), _blind))
    assert not detector.is_on
    assert (detector.score(_evidence(_half_and_half(5, 1))) == 0).all()


@pytest.mark.parametrize(("count", "is_on"), [(499, False), (500, True)])
def test_it_is_off_with_fewer_than_five_hundred_pictures(count: int, is_on: bool) -> None:
    assert Grafts(_seeing).fit(_evidence(_plain(count, 0, DARK, BRIGHT))).is_on is is_on


def test_learning_leaves_the_random_numbers_of_others_alone_and_is_repeatable() -> None:
    known, asked = _evidence(_plain(FEWEST, 0, DARK, BRIGHT)), _evidence(_half_and_half(5, 1))
    scores = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        scores.append(Grafts(_seeing).fit(known).score(asked))
        assert torch.equal(torch.get_rng_state(), before)
    assert scores[0].any()
    assert torch.equal(*scores)

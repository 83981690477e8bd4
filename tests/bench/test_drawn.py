"""Codes to measure with."""

import numpy as np
import pytest

from acir.bench import drawn
from acir.bench.drawn import draw
from acir.codes import hamming


@pytest.mark.parametrize("kind", ["clustered", "uniform"])
def test_a_seed_gives_the_same_codes_again(kind: str) -> None:
    one, same, other = (draw(kind, 300, 64, 5, seed) for seed in (0, 0, 1))
    assert one.codes.shape == (300, 8)
    assert one.queries.shape == (5, 8)
    assert np.array_equal(one.codes, same.codes)
    assert not np.array_equal(one.codes, other.codes)


def test_codes_of_one_centre_are_near_and_of_two_are_not() -> None:
    made = draw("clustered", 2_000, 512, 1, 0)
    apart = hamming(made.codes[:1], made.codes)[0]
    own = made.centres == made.centres[0]
    # Two codes of a centre that flips with p differ in 2 p (1 - p) of the bits, at most 0.255.
    assert apart[own].max() < 0.33 * 512
    assert apart[~own].min() > 0.38 * 512


def test_uniform_codes_differ_in_half_of_their_bits() -> None:
    made = draw("uniform", 2_000, 512, 1, 0)
    assert abs(hamming(made.codes[:1], made.codes[1:]).mean() / 512 - 0.5) < 0.005


def test_parts_that_are_drawn_after_each_other_make_the_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(drawn, "PART", 7)
    made = draw("clustered", 20, 64, 3, 0)
    assert len(np.unique(made.codes, axis=0)) > 15


def test_queries_follow_each_other_and_begin_anew() -> None:
    made = draw("uniform", 10, 64, 3, 0)
    assert made.bits == 64
    assert [made.query(n).tobytes() for n in (0, 1, 2)] == [q.tobytes() for q in made.queries]
    assert made.query(3).tobytes() == made.query(0).tobytes()

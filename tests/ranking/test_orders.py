"""Each ranker's own order, against a plain sort, and its similarities, by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acir.ranking.base import Pairs, Ranker
from acir.ranking.content import Content
from acir.ranking.fused import Fused
from acir.ranking.plain import Plain
from acir.ranking.within_distance import WithinDistance
from acir.types import Ranking

Triples = list[tuple[int, int, float]]

triples = st.lists(
    st.tuples(st.integers(0, 8), st.sampled_from([-1.0, -0.3, 0.0, 0.3, 0.300001, 1.0])),
    max_size=40,
).map(lambda pairs: [(row, d, c) for row, (d, c) in enumerate(pairs)])


def ranking(given_in: Triples) -> Ranking:
    rows, distances, cosines = zip(*given_in, strict=True) if given_in else ((), (), ())
    return Ranking(
        np.array(rows, dtype=np.int64),
        np.array(distances, dtype=np.int64),
        np.array(cosines, dtype=np.float64),
        np.full(len(rows), np.nan),
    )


@given(triples)
def test_plain_orders_by_distance_and_row(given_in: Triples) -> None:
    ranked = Plain(bits=8, intercept=0.1, weight=2.0).rank(ranking(given_in[::-1]))
    expected = sorted(given_in, key=lambda t: (t[1], t[0]))
    assert ranked.rows.tolist() == [t[0] for t in expected]


@given(triples)
def test_within_distance_orders_by_distance_cosine_and_row(given_in: Triples) -> None:
    ranked = WithinDistance(bits=8, intercept=0.1, weight=2.0).rank(ranking(given_in[::-1]))
    expected = sorted(given_in, key=lambda t: (t[1], -t[2], t[0]))
    assert ranked.rows.tolist() == [t[0] for t in expected]


@given(triples)
def test_fused_orders_by_score_distance_and_row(given_in: Triples) -> None:
    ranker = Fused(bits=8, intercept=0.5, code_weight=2.0, content_weight=1.5)
    ranked = ranker.rank(ranking(given_in[::-1]))

    def key(t: tuple[int, int, float]) -> tuple[float, int, int]:
        return -round(0.5 + 2.0 * (1 - 2 * t[1] / 8) + 1.5 * t[2], 6), t[1], t[0]

    assert ranked.rows.tolist() == [t[0] for t in sorted(given_in, key=key)]


@given(triples)
def test_content_orders_by_cosine_distance_and_row(given_in: Triples) -> None:
    ranked = Content(intercept=0.1, weight=2.0).rank(ranking(given_in[::-1]))
    expected = sorted(given_in, key=lambda t: (-t[2], t[1], t[0]))
    assert ranked.rows.tolist() == [t[0] for t in expected]


def test_content_shows_the_probability_of_the_cosine() -> None:
    # 1 / (1 + exp(-(-1 + 2 c))): c = 1 gives log-odds 1, c = 0.5 gives 0.
    ranked = Content(intercept=-1.0, weight=2.0).rank(ranking([(0, 3, 1.0), (1, 1, 0.5)]))
    assert ranked.similarities.tolist() == [0.731059, 0.5]


def test_fused_breaks_a_tie_of_scores_by_distance() -> None:
    # 4 (1 - 2 d / 8) + 1 c: d = 1, c = 0 gives 3; d = 2, c = 1 gives 2 + 1 = 3.
    ranker = Fused(bits=8, intercept=0.0, code_weight=4.0, content_weight=1.0)
    ranked = ranker.rank(ranking([(0, 2, 1.0), (1, 1, 0.0)]))
    assert ranked.rows.tolist() == [1, 0]
    assert ranked.similarities[0] == ranked.similarities[1]


def test_fused_does_not_take_the_last_digit_of_a_float_for_an_order() -> None:
    # Both score 0.15, but in floats 0.3 * 0.25 + 0.1 * 0.75 = 0.15000000000000002.
    ranker = Fused(bits=8, intercept=0.0, code_weight=0.3, content_weight=0.1)
    assert ranker.rank(ranking([(0, 3, 0.75), (1, 2, 0.0)])).rows.tolist() == [1, 0]


def test_plain_shows_the_probability_of_the_distance() -> None:
    # 1 + 2 (1 - 2 d / 8): d = 0 gives 3, d = 4 gives 1, d = 8 gives -1.
    ranked = Plain(bits=8, intercept=1.0, weight=2.0).rank(
        ranking([(0, 0, 0.0), (1, 4, 1.0), (2, 8, 0.0)])
    )
    assert ranked.similarities.tolist() == [0.952574, 0.731059, 0.268941]


def test_within_distance_runs_from_one_distance_to_the_next() -> None:
    ranker = WithinDistance(bits=8, intercept=0.0, weight=4.0)
    ranked = ranker.rank(ranking([(0, 3, 1.0), (1, 3, 0.0), (2, 3, -1.0), (3, 4, 1.0)]))
    # 4 (1 - 2 (d - c / 2) / 8): 2.5 bits give 1.5, 3 bits 1, 3.5 bits 0.5.
    assert ranked.similarities.tolist() == [0.817574, 0.731059, 0.622459, 0.622459]


def test_fused_shows_the_probability_of_the_score() -> None:
    ranker = Fused(bits=8, intercept=-1.0, code_weight=2.0, content_weight=2.0)
    # -1 + 2 * 0.5 + 2 * 0.5 = 1
    assert ranker.rank(ranking([(0, 2, 0.5)])).similarities.tolist() == [0.731059]


def test_content_that_tells_more_than_codes_weighs_more() -> None:
    rng = np.random.default_rng(0)
    same = rng.random(2000) < 0.5
    cosines = np.clip(np.where(same, 0.5, -0.5) + rng.normal(0, 0.3, 2000), -1, 1)
    distances = rng.integers(0, 9, 2000)
    fitted = Fused.fit(Pairs(8, distances, cosines, same)).config()
    assert fitted["content_weight"] > 10 * fitted["code_weight"]


@pytest.mark.parametrize("kind", [Plain, WithinDistance])
def test_a_fit_recovers_the_log_odds_that_made_the_pairs(
    kind: type[Plain] | type[WithinDistance],
) -> None:
    rng = np.random.default_rng(1)
    distances = rng.integers(0, 65, 50_000)
    same = rng.random(50_000) < 1 / (1 + np.exp(-(-1 + 5 * (1 - distances / 32))))
    fitted = kind.fit(Pairs(64, distances, np.zeros(50_000), same)).config()
    assert fitted["intercept"] == pytest.approx(-1, abs=0.1)
    assert fitted["weight"] == pytest.approx(5, abs=0.2)


@pytest.mark.parametrize(
    ("ranker", "written"),
    [
        (Content(intercept=-1.5, weight=2.0), {"intercept": -1.5, "weight": 2.0}),
        (
            Fused(bits=8, intercept=-1.5, code_weight=2.0, content_weight=0.5),
            {"bits": 8, "intercept": -1.5, "code_weight": 2.0, "content_weight": 0.5},
        ),
        (Plain(bits=8, intercept=1.0, weight=2.0), {"bits": 8, "intercept": 1.0, "weight": 2.0}),
        (
            WithinDistance(bits=8, intercept=1.0, weight=2.0),
            {"bits": 8, "intercept": 1.0, "weight": 2.0},
        ),
    ],
    ids=lambda given: type(given).__name__,
)
def test_a_bundle_keeps_these_names(ranker: Ranker, written: dict[str, float]) -> None:
    # Bundles of earlier versions hold them, so they stay.
    assert ranker.config() == written
    assert type(ranker)(**written) == ranker

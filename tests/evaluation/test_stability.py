"""Tops against whole rankings, overlap and Kendall's tau by hand, against chance and scipy."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import Float
from scipy.stats import kendalltau  # type: ignore[import-untyped]

from acir import ranking, registry
from acir.codes import hamming
from acir.errors import UsageError
from acir.evaluation import stability
from acir.evaluation.protocol import CodedSet
from acir.evaluation.stability import drawn_top, overlap, structure_agreement, tau_b, top
from acir.ranking.base import Pairs, Ranker, cosine
from acir.types import Ranking
from made_rankers import ByContent

RANKERS = registry.names("acir.ranking")


def coded(seed: int, n: int, classes: int = 3) -> CodedSet:
    """Draw pictures with many equal codes and many equal embeddings."""
    rng = np.random.default_rng(seed)
    wide = rng.integers(-2, 3, (n, 3)).astype(np.float64)
    lengths = np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1)
    return CodedSet(
        rng.integers(0, 256, (n, 2), dtype=np.uint8) & 0b111,
        (wide / lengths).astype(np.float16),
        np.eye(classes, dtype=np.bool_)[rng.integers(0, classes, n)],
        tuple(f"{seed}-{row}" for row in range(n)),
    )


def fitted(name: str, sense: float = 1.0) -> Ranker:
    rng = np.random.default_rng(0)
    distances = rng.integers(0, 17, 300)
    cosines = np.clip(rng.normal(1 - distances / 8, 0.4), -1, 1).round(6)
    same = rng.random(300) < 1 / (1 + np.exp(-sense * (4 * (0.5 - distances / 16) + 2 * cosines)))
    return ranking.get(name).fit(Pairs(16, distances, cosines, same))


class _Spy(ByContent):
    """Counts what it is given."""

    seen = 0

    def rank(self, candidates: Ranking) -> Ranking:
        self.seen += len(candidates)
        return super().rank(candidates)


# top


@settings(deadline=None)  # the first example pays for imports
@given(
    seed=st.integers(0, 2**32 - 1),
    name=st.sampled_from([*RANKERS, "by content"]),
    n=st.sampled_from([1, 9, 10, 11, 150]),
    sense=st.sampled_from([1.0, -1.0]),
)
def test_the_top_is_the_head_of_the_whole_ranking(
    seed: int, name: str, n: int, sense: float
) -> None:
    gallery, queries = coded(seed, n), coded(seed + 1, 4)
    ranker = _Spy() if name == "by content" else fitted(name, sense)
    found = top(gallery, queries, ranker)
    for number in range(len(queries)):
        whole = ranker.rank(
            Ranking(
                np.arange(n),
                hamming(queries.codes[[number]], gallery.codes)[0],
                cosine(queries.embeddings[number], gallery.embeddings),
                np.full(n, np.nan),
            )
        )
        assert found[number].tolist() == whole.rows[:10].tolist()


def test_the_top_is_the_same_in_one_chunk_and_in_many(monkeypatch: pytest.MonkeyPatch) -> None:
    gallery, queries = coded(0, 50), coded(1, 9)
    together = top(gallery, queries, fitted("fused"), k=3)
    monkeypatch.setattr("acir.metrics.ties.PAIRS_AT_ONCE", 50)
    assert np.array_equal(top(gallery, queries, fitted("fused"), k=3), together)


def test_the_ranker_orders_a_small_part_of_a_gallery_that_has_an_order() -> None:
    # Distance i and cosine 1 - i / 4096 for picture i: only the first k may lead.
    n, bits = 1024, 1024
    codes = np.packbits(np.arange(bits) < np.arange(n)[:, None], axis=1)
    slopes = np.linspace(0, 1.5, n)
    embeddings = np.column_stack([np.cos(slopes), np.sin(slopes)]).astype(np.float16)
    gallery = CodedSet(codes, embeddings, np.ones((n, 1), np.bool_), tuple(map(str, range(n))))
    spy = _Spy()
    assert top(gallery, gallery[:1], spy, k=5).tolist() == [[0, 1, 2, 3, 4]]
    assert spy.seen < 20


def test_a_gallery_without_pictures_has_no_top() -> None:
    gallery = coded(0, 5)[np.zeros(0, dtype=np.int64)]
    assert top(gallery, coded(1, 2), fitted("plain")).shape == (2, 0)


@pytest.mark.parametrize("k", [0, -1])
def test_a_top_of_no_ranks_is_refused(k: int) -> None:
    with pytest.raises(UsageError, match=f"k is {k}, expected at least 1, the ranks to compare"):
        top(coded(0, 5), coded(1, 2), fitted("plain"), k=k)


# drawn_top


def test_without_ties_chance_changes_nothing() -> None:
    gallery, queries = coded(0, 8), coded(1, 3)
    apart = replace(gallery, codes=np.array([[2**n - 1, 0] for n in range(8)], dtype=np.uint8))
    asked = replace(queries, codes=np.zeros((3, 2), dtype=np.uint8))
    found = drawn_top(apart, asked, fitted("plain"), np.random.default_rng(0), k=5)
    assert found.tolist() == [[0, 1, 2, 3, 4]] * 3


def test_equal_codes_share_the_first_places_evenly() -> None:
    # 4 of 20 equal codes are drawn 2,000 times: each is first of them in 1 of 20 draws, 100 +- 10.
    gallery, queries = coded(0, 20), coded(1, 1)
    equal = replace(gallery, codes=np.zeros((20, 2), dtype=np.uint8))
    chance = np.random.default_rng(0)
    drawn = [drawn_top(equal, queries, fitted("plain"), chance, k=4) for _ in range(2000)]
    counts = np.bincount(np.concatenate(drawn).ravel(), minlength=20)
    assert counts.sum() == 8000
    assert (np.abs(counts - 400) < 5 * np.sqrt(400 * 0.8)).all()


# overlap


def test_identical_pictures_have_an_overlap_of_one() -> None:
    gallery, queries = coded(0, 40), coded(1, 6)
    rows = top(gallery, queries, fitted("fused"))
    again = top(gallery, queries[np.arange(6)], fitted("fused"))
    assert overlap(rows, again).tolist() == [1] * 6


def test_overlap_does_not_see_the_order() -> None:
    rng = np.random.default_rng(0)
    first = rng.permuted(np.tile(np.arange(30), (8, 1)), axis=1)[:, :10]
    assert overlap(first, rng.permuted(first, axis=1)).tolist() == [1] * 8


def test_overlap_by_hand() -> None:
    # {1, 2, 3} and {3, 4, 5} share 1 of 3; {1, 2, 3} and {7, 8, 9} none; with {2, 1, 8} 2 of 3.
    first = np.array([[1, 2, 3]] * 3)
    second = np.array([[3, 4, 5], [7, 8, 9], [2, 1, 8]])
    assert overlap(first, second).tolist() == pytest.approx([1 / 3, 0, 2 / 3])


def test_unrelated_orders_overlap_by_k_over_n() -> None:
    # 10 of 100: each row of the first is in the second with chance 0.1. The count has variance
    # 10 * 0.1 * 0.9 * 90 / 99 = 0.818, so the mean share of 4,000 queries has the standard error
    # 0.0905 / sqrt(4,000) = 0.00143; five of them are 0.0072.
    rng = np.random.default_rng(0)
    first, second = (
        rng.permuted(np.tile(np.arange(100), (4000, 1)), axis=1)[:, :10] for _ in range(2)
    )
    assert overlap(first, second).mean() == pytest.approx(0.1, abs=0.0072)


def test_empty_answers_are_refused() -> None:
    nothing = np.zeros((2, 0), dtype=np.int64)
    with pytest.raises(UsageError, match="the answers have 0 rows each, so nothing to share; give"):
        overlap(nothing, nothing)


# Kendall's tau


def test_tau_by_hand() -> None:
    # Of the six pairs of 1 2 3 4 against 1 3 2 4 five agree and one does not: (5 - 1) / 6.
    assert tau_b(np.arange(4), np.array([1, 3, 2, 4])) == pytest.approx(4 / 6)
    assert tau_b(np.arange(4), -np.arange(4)) == -1


def test_tau_with_a_tie_by_hand() -> None:
    # 1 1 2 against 1 2 3: pairs (1,3) and (2,3) agree, (1,2) is tied in the first: C - D = 2,
    # U = 2 and V = 3 untied pairs: 2 / sqrt 6.
    assert tau_b(np.array([1, 1, 2]), np.array([1, 2, 3])) == pytest.approx(2 / 6**0.5)


@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.sampled_from([2, 5, 1000]))
def test_tau_is_scipys(seed: int, n: int, values: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, values, (2, n))
    expected = kendalltau(first, second).statistic
    assert tau_b(first, second) == pytest.approx(expected, nan_ok=True)


# structure_agreement


def pictured(distances: list[int], prints: list[list[float]]) -> CodedSet:
    """Return pictures of one class at these distances of code 0, with embeddings like prints."""
    codes = np.packbits(np.arange(8) < np.array(distances)[:, None], axis=1)
    wide = np.array(prints)
    wide = (wide - wide.mean(axis=1, keepdims=True)).astype(np.float16)
    n = len(distances)
    return CodedSet(codes, wide, np.ones((n, 1), np.bool_), tuple(map(str, range(n))))


# The query is (0, 1, 2) / 2. Pearson of the others with it: centred (-1, 0, 1) of squared length
# 2 against (-1, 1, 0), (1, -2, 1) and (1, 0, -1): 1/2, 0 and -1; with itself 1.
QUERY = [0.0, 0.5, 1.0]
PRINTS = [[0.0, 1.0, 0.5], [0.6, 0.0, 0.6], [1.0, 0.5, 0.0], [0.1, 0.5, 0.9]]


def agreement(distances: list[int], name: str = "plain", most: int = 200) -> float:
    (found,) = structure_agreement(
        pictured(distances, PRINTS),
        pictured([0], [QUERY]),
        fitted(name),
        gallery_fingerprints=np.array(PRINTS),
        query_fingerprints=np.array([QUERY]),
        most=most,
    )
    return float(found)


def test_an_order_by_structure_agrees_and_the_opposite_disagrees() -> None:
    # Similarities 1/2, 0, -1, 1: the third place, the second from the end, the last, the first.
    assert agreement([1, 2, 3, 0]) == 1
    assert agreement([2, 1, 0, 3]) == -1


def test_hamming_ties_are_ties_and_not_an_order_of_rows() -> None:
    # At distances 0 0 1 0: the first, second and fourth tie, each nearer than the third, which
    # is the least similar: C - D = 3, U = 3, V = 6, 3 / sqrt 18.
    assert agreement([0, 0, 1, 0]) == pytest.approx(3 / 18**0.5)


def test_codes_that_tie_everything_score_zero() -> None:
    assert agreement([2, 2, 2, 2]) == 0


@pytest.mark.parametrize("name", ["fused", "within_distance"])
def test_content_orders_what_codes_tie(name: str) -> None:
    assert agreement([2, 2, 2, 2], name) == 1


def test_of_many_pictures_a_spread_that_keeps_both_ends_is_looked_at() -> None:
    # Rows 0, 1 and 3: similarities 1/2, 0, 1 at distances 1, 2 and 3: (0,1) agrees, (0,3) and
    # (1,3) do not: (1 - 2) / 3. Of all four, at 1, 2, 0, 3: 1 of 6 agrees, (1 - 5) / 6.
    assert agreement([1, 2, 0, 3], most=3) == pytest.approx(-1 / 3)
    assert agreement([1, 2, 0, 3]) == pytest.approx(-4 / 6)


def random_agreement(ranker: Ranker) -> Float[np.ndarray, " queries"]:
    """Classes of two codes each, whose embeddings follow the fingerprints and codes do not."""
    rng = np.random.default_rng(0)
    prints = rng.random((700, 16))
    wide = prints - prints.mean(axis=1, keepdims=True)
    wide /= np.linalg.norm(wide, axis=1, keepdims=True)
    of = rng.integers(0, 4, 700)
    codes = np.column_stack([of * 85, rng.integers(0, 8, 700)]).astype(np.uint8)
    labels = np.eye(4, dtype=np.bool_)[of]
    whole = CodedSet(codes, wide.astype(np.float16), labels, tuple(map(str, range(700))))
    return structure_agreement(
        whole[100:],
        whole[:100],
        ranker,
        gallery_fingerprints=prints[100:],
        query_fingerprints=prints[:100],
    )


def test_a_plain_hash_agrees_with_structure_about_zero_and_content_much_more() -> None:
    plain = random_agreement(fitted("plain"))
    assert abs(plain.mean()) < 5 * plain.std() / 10  # five standard errors of 100 queries
    assert random_agreement(fitted("within_distance")).mean() > 0.2
    assert random_agreement(_Spy()).mean() > 0.99


def test_pictures_of_other_classes_do_not_count() -> None:
    gallery = pictured([1, 2, 3, 0], PRINTS)
    labels = np.array([[True, False], [True, True], [False, True], [True, False]])
    query = replace(pictured([0], [QUERY]), labels=np.array([[True, False]]))
    worse = replace(gallery, labels=labels, codes=gallery.codes[[0, 1, 3, 2]])
    (found,) = structure_agreement(
        worse,
        query,
        fitted("plain"),
        gallery_fingerprints=np.array(PRINTS),
        query_fingerprints=np.array([QUERY]),
    )
    # Rows 0, 1, 3 at distances 1, 2, 3 with similarities 1/2, 0, 1: (1 - 2) / 3.
    assert found == pytest.approx(-1 / 3)


@pytest.mark.parametrize("name", RANKERS)
def test_a_query_that_no_order_could_answer_is_undefined_for_every_ranker(name: str) -> None:
    gallery = replace(
        pictured([1, 2, 3, 0], PRINTS), labels=np.eye(3, dtype=np.bool_)[[0, 0, 0, 1]]
    )
    queries = replace(
        pictured([0] * 4, [QUERY, [0.3] * 3, QUERY, QUERY]),
        labels=np.eye(3, dtype=np.bool_)[[0, 0, 1, 2]],
    )
    found = structure_agreement(
        gallery,
        queries,
        fitted(name),
        gallery_fingerprints=np.array(PRINTS),
        query_fingerprints=np.array([QUERY, [0.3] * 3, QUERY, QUERY]),
    )
    # An answer; a featureless query; one picture of its class; none.
    assert np.isnan(found).tolist() == [False, True, True, True]


@pytest.mark.parametrize("most", [1, 0])
def test_a_sample_without_an_order_is_refused(most: int) -> None:
    with pytest.raises(UsageError, match=f"most is {most}, expected at least 2 pictures to order"):
        agreement([1, 2, 3, 0], most=most)


def test_rounding_does_not_make_a_flat_picture_a_structure() -> None:
    flat = np.full((1, 7), 0.1, dtype=np.float32)
    flat[0, 0] += np.float32(1e-8)
    assert stability._standardised(flat).tolist() == [[0] * 7]

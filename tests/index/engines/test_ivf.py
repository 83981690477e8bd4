"""IVF finds what its measured recall says, or scans all and says so."""

import numpy as np
import pytest

from acir.index import clusters
from acir.index.engines.faiss import Faiss
from acir.index.engines.ivf import LEAST_CODES, LEAST_RECALL, Ivf
from made_engines import Codes, pairs

BITS = 64


def clustered(rows: int, queries: int) -> tuple[Codes, Codes]:
    """Draw queries and a gallery of 64 clusters of several widths, one cluster after another."""
    rng = np.random.default_rng(0)
    centres = rng.integers(0, 256, (64, BITS // 8), dtype=np.uint8)
    kinds = np.concatenate([np.sort(rng.integers(0, 64, rows)), rng.integers(0, 64, queries)])
    flips = rng.random((len(kinds), BITS), dtype=np.float32)
    codes = centres[kinds] ^ np.packbits(
        flips < np.linspace(0.02, 0.15, 64)[kinds][:, None], axis=1
    )
    return codes[:rows], codes[rows:]


@pytest.fixture(scope="module")
def gallery() -> tuple[Codes, Codes]:
    return clustered(LEAST_CODES, 50)


@pytest.fixture(scope="module")
def engine(gallery: tuple[Codes, Codes]) -> Ivf:
    return Ivf(gallery[0])


def test_the_recall_that_it_states_is_reached_by_fresh_queries(
    engine: Ivf, gallery: tuple[Codes, Codes]
) -> None:
    codes, queries = gallery
    assert LEAST_RECALL <= engine.recall <= 1
    found = [set(rows.tolist()) for _, rows in engine.tie_complete(queries, 100)]
    truth = [set(rows.tolist()) for _, rows in Faiss(codes).tie_complete(queries, 100)]
    shares = [len(a & b) / len(b) for a, b in zip(found, truth, strict=True)]
    assert np.mean(shares) >= LEAST_RECALL - 0.001  # of 50 queries


def test_it_says_how_much_it_reads_and_finds(engine: Ivf) -> None:
    (remark,) = engine.remarks
    assert remark.startswith("16 of 256 lists are read; of the 100 nearest ")


def test_neighbours_are_in_order_and_cut_at_k(engine: Ivf, gallery: tuple[Codes, Codes]) -> None:
    _, queries = gallery
    distances, rows = engine.knn(queries, 30)
    for i, answer in enumerate(engine.tie_complete(queries, 30)):
        assert pairs(answer) == sorted(pairs(answer))
        assert pairs(answer)[:30] == pairs((distances[i], rows[i]))
        assert answer[0][-1] == distances[i, -1]


def test_filters_and_radii_are_exact(engine: Ivf, gallery: tuple[Codes, Codes]) -> None:
    codes, queries = gallery
    exact = Faiss(codes)
    allow = np.random.default_rng(1).random(len(codes)) < 0.3
    assert (engine.knn(queries, 20, allow)[1] == exact.knn(queries, 20, allow)[1]).all()
    for ours, theirs in (
        (engine.within(queries, 8), exact.within(queries, 8)),
        (engine.tie_complete(queries, 20, allow), exact.tie_complete(queries, 20, allow)),
    ):
        assert list(map(pairs, ours)) == list(map(pairs, theirs))


def test_the_query_itself_may_be_left_out(engine: Ivf, gallery: tuple[Codes, Codes]) -> None:
    codes, _ = gallery
    allow = np.ones(len(codes), dtype=bool)
    allow[[7, 8, 9]] = False
    queries = codes[[7, 50_000]]
    exact = Faiss(codes).tie_complete(queries, 20, allow)
    assert list(map(pairs, engine.tie_complete(queries, 20, allow))) == list(map(pairs, exact))
    rows = engine.knn(queries, 20, allow)[1]
    assert rows.tolist() == [answer[1][:20].tolist() for answer in exact]


def test_more_neighbours_than_the_lists_hold_are_found_by_scanning(
    engine: Ivf, gallery: tuple[Codes, Codes]
) -> None:
    codes, queries = gallery
    ours, theirs = engine.knn(queries[:2], 50_000), Faiss(codes).knn(queries[:2], 50_000)
    np.testing.assert_array_equal(ours[0], theirs[0])
    np.testing.assert_array_equal(ours[1], theirs[1])


def test_codes_without_clusters_are_all_scanned_and_it_says_so() -> None:
    codes = np.random.default_rng(2).integers(0, 256, (LEAST_CODES, 8), dtype=np.uint8)
    engine = Ivf(codes)
    assert engine.recall == 1
    (remark,) = engine.remarks
    assert remark.endswith("less than 0.999: all codes are scanned")
    exact = Faiss(codes).tie_complete(codes[:5], 10)
    assert list(map(pairs, engine.tie_complete(codes[:5], 10))) == list(map(pairs, exact))


def test_a_small_gallery_is_scanned() -> None:
    codes, queries = clustered(1000, 5)
    engine = Ivf(codes)
    assert engine.remarks == ("fewer than 100,000 codes: all are scanned",)
    assert (engine.knn(queries, 9)[1] == Faiss(codes).knn(queries, 9)[1]).all()


@pytest.fixture
def untaught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make clustering an error."""

    def refuse(*_: object) -> None:
        raise AssertionError("it clusters again")

    monkeypatch.setattr(clusters, "learned", refuse)


@pytest.mark.usefixtures("untaught")
def test_what_one_engine_learned_another_of_the_same_codes_need_not_learn(
    engine: Ivf, gallery: tuple[Codes, Codes]
) -> None:
    codes, queries = gallery
    again = Ivf(codes, engine.learned)
    assert (again.learned, again.recall, again.remarks) == (
        engine.learned,
        engine.recall,
        engine.remarks,
    )
    for ours, theirs in zip(
        again.tie_complete(queries, 50), engine.tie_complete(queries, 50), strict=True
    ):
        assert pairs(ours) == pairs(theirs)


@pytest.mark.usefixtures("untaught")
def test_what_was_learned_of_other_codes_is_not_used(
    engine: Ivf, gallery: tuple[Codes, Codes]
) -> None:
    other = gallery[0].copy()
    other[-1, -1] ^= 1
    for codes, learned in ((other, engine.learned), (gallery[0], None)):
        with pytest.raises(AssertionError, match="it clusters again"):
            Ivf(codes, learned)


def test_that_lists_do_not_help_is_remembered_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("acir.index.engines.ivf.LEAST_CODES", 1000)
    codes = np.random.default_rng(2).integers(0, 256, (1000, 8), dtype=np.uint8)
    first = Ivf(codes)
    monkeypatch.setattr(clusters, "learned", None)
    again = Ivf(codes, first.learned)
    assert again.remarks == first.remarks
    assert (again.knn(codes[:3], 9)[1] == Faiss(codes).knn(codes[:3], 9)[1]).all()

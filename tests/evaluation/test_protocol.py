"""The evaluation protocol: its contract of keys, who is scored, and naive references."""

import json
from dataclasses import replace
from math import log2, sqrt

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from jaxtyping import Bool

from acir.errors import SourceError
from acir.evaluation import protocol
from acir.evaluation.protocol import CodedSet, Evaluation
from acir.ranking.base import cosine
from acir.ranking.plain import Plain
from made_rankers import ALIKE_AND_OPPOSED, ByContent

FIRST = [
    *("mAP", "mAP_macro", "mAP@5", "mAP@100", "map_at_5_hits", "P@1", "P@5", "P@10"),
    *("ACC@1", "ACC@3", "ACC@5"),
]
KEYS = [
    *("bits", "n_gallery", "n_queries", "n_excluded", *FIRST, "P@100", "R@10", "R@100", "MRR"),
    *("tie_group", "NDCG@10", "NDCG@100", "mMV@5", "P@r=2", "R@r=2", "empty@r=2", "radius"),
    *("precision_recall", "per_class", "worst_class", "bit_balance", "bit_correlation"),
    *("distinct_codes", "commonest_code", "within_to_between", "reranked"),
]
NAMES = ("cat", "dog", "eel")


def _coded(seed: int, n: int, labels: Bool[np.ndarray, "n classes"] | None = None) -> CodedSet:
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 256, (n, 2), dtype=np.uint8) & 0b11  # ties abound
    wide = rng.normal(size=(n, 5))
    embeddings = (wide / np.linalg.norm(wide, axis=1, keepdims=True)).astype(np.float16)
    if labels is None:
        labels = np.eye(3, dtype=np.bool_)[rng.integers(0, 3, n)]
    return CodedSet(codes, embeddings, labels, tuple(f"{seed}-{row}" for row in range(n)))


def _evaluate(gallery: CodedSet, queries: CodedSet) -> Evaluation:
    return protocol.evaluate(
        gallery, queries, class_names=NAMES, ranker=ByContent(), mode="by-content"
    )


def test_the_keys_are_those_of_the_contract_and_the_values_are_json() -> None:
    found = _evaluate(_coded(0, 30), _coded(1, 12)).to_dict()
    assert list(found) == KEYS
    assert list(found["reranked"]) == ["mode", *FIRST, "mMV@5"]
    assert {key: list(found[key]) for key in ("radius", "precision_recall")} == {
        "radius": ["precision", "recall", "empty"],
        "precision_recall": ["recall", "precision"],
    }
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_a_small_case_by_hand() -> None:
    found = _by_hand().to_dict()
    # cat, then dog cat or cat dog, then cat: the mean of (1 + 2/3 + 3/4) and (1 + 2/2 + 3/4)
    ap = ((1 + 2 / 3 + 3 / 4) / 3 + (1 + 1 + 3 / 4) / 3) / 2
    for key in ("mAP", "mAP@5", "mAP@100", "mAP_macro", "map_at_5_hits"):
        assert found[key] == pytest.approx(ap)
    assert (found["P@1"], found["P@5"], found["P@10"], found["P@100"]) == (1.0, 0.6, 0.3, 0.03)
    assert [found[key] for key in ("ACC@1", "ACC@3", "ACC@5", "MRR", "mMV@5")] == [1.0] * 5
    assert (found["R@10"], found["R@100"], found["tie_group"]) == (1.0, 1.0, 4 / 3)
    ideal = 1 + 1 / log2(3) + 1 / 2
    ndcg = pytest.approx((1 + 0.5 / log2(3) + 0.5 / 2 + 1 / log2(5)) / ideal)
    assert (found["NDCG@10"], found["NDCG@100"]) == (ndcg, ndcg)
    assert [found[key] for key in ("bits", "n_gallery", "n_queries", "n_excluded")] == [8, 4, 1, 0]
    # bits 0 and 1 of each code (1 and 2, and all in 255): set in two of four; six in one of four
    assert found["bit_balance"] == pytest.approx((2 * 1 + 6 * 0.5) / 8)
    # bits 0 and 1 are uncorrelated, each with one of the six 1 / sqrt(3), those among themselves 1
    assert found["bit_correlation"] == pytest.approx((0 + 12 / sqrt(3) + 15) / 28)
    assert found["distinct_codes"] == 4
    # by content: cat cat dog cat
    content = pytest.approx((1 + 1 + 3 / 4) / 3)
    reranked: dict[str, object] = dict.fromkeys(FIRST, content)
    reranked |= {"P@1": 1.0, "ACC@1": 1.0, "ACC@3": 1.0, "ACC@5": 1.0, "mMV@5": 1.0}
    assert found["reranked"] == {"mode": "by-content", **reranked, "P@5": 0.6, "P@10": 0.3}


def _by_hand() -> Evaluation:
    # distances to the query: cat 0, dog 1 and cat 1 (tied), cat 8; the others by content:
    # cosine with the query: cat 0, dog 0.6, cat 0.8, cat 1
    codes = np.array([[0], [1], [2], [255]], dtype=np.uint8)
    embeddings = np.array([[0, 1], [0.6, 0.8], [0.8, 0.6], [1, 0]], dtype=np.float16)
    labels = np.eye(3, dtype=np.bool_)[[0, 1, 0, 0]]
    gallery = CodedSet(codes, embeddings, labels, ("a", "b", "c", "d"))
    return _evaluate(gallery, CodedSet(codes[:1], embeddings[3:], labels[:1], ("q",)))


def test_the_curves_of_a_small_case_by_hand() -> None:
    found = _by_hand().to_dict()
    # within 1 to 7 bits: cat, dog, cat
    third = pytest.approx(2 / 3)
    assert found["radius"] == {
        "precision": [1.0, *[third] * 7, 0.75],
        "recall": [pytest.approx(1 / 3), *[third] * 7, 1.0],
        "empty": [0.0] * 9,
    }
    assert (found["P@r=2"], found["R@r=2"], found["empty@r=2"]) == (third, third, 0.0)
    # recalls to 0.3 at rank 1; at rank 2 one and a half are expected, at rank 4 three
    assert found["precision_recall"]["recall"] == pytest.approx([n / 20 for n in range(21)])
    assert found["precision_recall"]["precision"] == pytest.approx([1.0] * 7 + [0.75] * 14)


def test_the_classes_of_a_small_case_by_hand() -> None:
    found = _by_hand().to_dict()
    # the three cats are 1, 8 and 7 bits apart, and 1, 2 and 7 from the dog
    cat = {
        **{"n": 1, "mAP": found["mAP"], "P@1": 1.0, "distinct_codes": 3},
        **{"commonest_code": 1 / 3, "within_to_between": pytest.approx(16 / 3 / (10 / 3))},
    }
    nothing = {"n": 0, "mAP": None, "P@1": None, "within_to_between": None}
    assert found["per_class"] == {
        "cat": cat,
        "dog": {**nothing, "distinct_codes": 1, "commonest_code": 1.0},
        "eel": {**nothing, "distinct_codes": 0, "commonest_code": None},
    }
    assert found["worst_class"] == {"name": "cat", **cat}
    assert found["commonest_code"] == pytest.approx((1 / 3 + 1) / 2)
    assert found["within_to_between"] == pytest.approx(1.6)


@given(st.integers(0, 2**32 - 1))
def test_the_reranked_scores_are_those_of_a_naive_loop(seed: int) -> None:
    gallery, queries = _coded(seed, 25), _coded(seed + 1, 6)
    evaluation = _evaluate(gallery, queries)
    for number, row in enumerate(evaluation.rows):
        cosines = cosine(queries.embeddings[row], gallery.embeddings)
        # Equal ones are averaged over, which this loop does not; half precision has some.
        assume(np.diff(np.sort(cosines)).min() > 1e-6)
        order = np.argsort(-cosines, kind="stable")
        relevant = [bool((gallery.labels[at] & queries.labels[row]).any()) for at in order]
        gains = [sum(relevant[:rank]) / rank for rank in range(1, 26) if relevant[rank - 1]]
        assert evaluation.reranked["mAP"][number] == pytest.approx(sum(gains) / len(gains))
        assert evaluation.reranked["P@1"][number] == relevant[0]
        assert evaluation.reranked["ACC@3"][number] == any(relevant[:3])
        assert evaluation.reranked["P@10"][number] == pytest.approx(sum(relevant[:10]) / 10)
        votes = gallery.labels[order[:5]].sum(axis=0)
        own = votes[queries.labels[row].argmax()]
        assert evaluation.reranked["mMV@5"][number] == (own == votes.max())


def test_queries_are_scored_alike_in_one_chunk_and_in_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gallery, queries = _coded(0, 30), _coded(1, 12)
    together = _evaluate(gallery, queries).to_dict()
    monkeypatch.setattr("acir.metrics.ties.PAIRS_AT_ONCE", 30)
    assert _evaluate(gallery, queries).to_dict() == together


def test_shuffling_the_gallery_changes_no_bit_of_any_score() -> None:
    gallery, queries = _coded(5, 60), _coded(6, 20)
    shuffled = gallery[np.random.default_rng(7).permutation(60)]
    assert _evaluate(gallery, queries).to_dict() == _evaluate(shuffled, queries).to_dict()


def test_plain_order_scores_as_the_codes_do_whoever_comes_first_by_id() -> None:
    gallery, queries = _coded(5, 60), _coded(6, 20)
    plain = Plain.fit(replace(ALIKE_AND_OPPOSED, bits=16))
    for some in (gallery, gallery[np.argsort(gallery.labels.argmax(axis=1))]):
        found = protocol.evaluate(some, queries, class_names=NAMES, ranker=plain, mode="plain")
        assert found.scores["tie_group"].mean() > 5
        for key, values in found.reranked.items():
            assert values == pytest.approx(found.scores[key], abs=1e-12), key


def test_a_long_gallery_is_cut_where_only_the_first_ranks_count() -> None:
    gallery, queries = _coded(2, 300), _coded(3, 7)
    evaluation = _evaluate(gallery, queries)
    for number, row in enumerate(evaluation.rows):
        order = np.argsort(-cosine(queries.embeddings[row], gallery.embeddings), kind="stable")
        relevant = (gallery.labels[order] & queries.labels[row]).any(axis=1)
        gains = [relevant[:rank].mean() for rank in range(1, 101) if relevant[rank - 1]]
        expected = sum(gains) / min(100, relevant.sum())
        assert evaluation.reranked["mAP@100"][number] == pytest.approx(expected)


def test_there_are_no_votes_where_a_gallery_picture_has_several_labels() -> None:
    labels = np.eye(3, dtype=np.bool_)[[0, 1, 2, 0, 1]]
    labels[4, 0] = True
    evaluation = _evaluate(_coded(0, 5, labels), _coded(1, 4))
    found = evaluation.to_dict()
    assert (found["mMV@5"], found["reranked"]["mMV@5"]) == (None, None)
    assert np.isnan(evaluation.scores["mMV@5"]).all()


def test_the_worst_class_has_the_lowest_map_of_those_that_are_asked_for() -> None:
    evaluation = _evaluate(_coded(0, 40), _coded(1, 30))
    per_class = evaluation.per_class()
    worst = evaluation.worst_class()
    assert worst["mAP"] == min(row["mAP"] for row in per_class.values() if row["mAP"] is not None)
    assert worst == {"name": worst["name"], **per_class[str(worst["name"])]}


def test_a_query_without_a_relevant_picture_is_left_out_and_counted() -> None:
    labels = np.eye(3, dtype=np.bool_)
    gallery = _coded(0, 4, labels[[0, 0, 1, 1]])
    queries = _coded(1, 4, np.vstack([labels[[0, 2, 1]], np.zeros((1, 3), dtype=np.bool_)]))
    evaluation = _evaluate(gallery, queries)
    assert evaluation.rows.tolist() == [0, 2]
    assert evaluation.n_excluded == 2
    found = evaluation.to_dict()
    assert (found["n_queries"], found["n_excluded"]) == (2, 2)
    assert all(len(s) == 2 and not np.isnan(s).any() for s in evaluation.scores.values())


def test_macro_weighs_classes_alike_and_a_query_counts_in_each_of_its_classes() -> None:
    gallery = _coded(0, 20)
    labels = np.array([[1, 0, 0]] * 5 + [[0, 1, 0]] + [[1, 1, 0]], dtype=np.bool_)
    evaluation = _evaluate(gallery, _coded(1, 7, labels))
    ap = evaluation.scores["mAP"]
    found = evaluation.to_dict()
    assert found["mAP"] == pytest.approx(ap.mean())
    cat, dog = (ap[:5].sum() + ap[6]) / 6, (ap[5] + ap[6]) / 2
    assert found["mAP_macro"] == pytest.approx((cat + dog) / 2)
    per_class = evaluation.per_class()
    assert [per_class[name]["n"] for name in NAMES] == [6, 2, 0]


def test_a_gallery_that_holds_queries_is_refused() -> None:
    gallery, queries = _coded(0, 9), _coded(1, 5)
    mixed = replace(queries, pixel_hashes=("0-3", "new", "0-8", "0-8", "other"))
    with pytest.raises(SourceError, match=r"holds 3 of 5 query pictures too, pixel for .*give"):
        _evaluate(gallery, mixed)
    with pytest.raises(SourceError, match=r"^the gallery holds 1 of 1 query picture too, "):
        _evaluate(gallery, mixed[:1])
    protocol.refuse_overlap(gallery.pixel_hashes, queries.pixel_hashes)


@pytest.mark.parametrize("size", [0, 4])
def test_queries_of_other_classes_than_the_gallery_are_refused(size: int) -> None:
    labels = np.eye(3, dtype=np.bool_)
    gallery, queries = _coded(0, size, labels[[0] * size]), _coded(1, 2, labels[[1, 2]])
    with pytest.raises(SourceError, match=rf"none of 2 query pictures .* of {size} gallery"):
        _evaluate(gallery, queries)


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match=r"columns of a coded set differ in length: \[3, 4\]"):
        replace(_coded(0, 4), pixel_hashes=("a", "b", "c"))

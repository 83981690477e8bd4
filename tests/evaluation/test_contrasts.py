"""Ours against each peer, corrected for all comparisons of a contrast."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from acir.evaluation.claims import holm
from acir.evaluation.comparison import Results, Run
from acir.evaluation.contrasts import CONTRASTS, Outcome, Scope, outcomes, ranked
from acir.evaluation.mean_ranks import mean_ranks
from acir.evaluation.significance import Paired, compare, compare_over_sets
from made_runs import impossible, run

CODES, RERANKED, MIXED = CONTRASTS
SCOPE = Scope(
    ours="acir",
    peers=("csq", "dch"),
    data=("cells", "chest"),
    bits=(16,),
    sources=("cells.zip", "chest.npz"),
    blocks=(("cells",), ("chest",)),
)
RNG = np.random.default_rng(0)
QUERIES = {"cells": 40, "chest": 30}
LEVELS = {"acir": 0.8, "csq": 0.7}
AP = {
    (method, data, seed): (level + 0.05 * RNG.standard_normal(count)).clip(0, 1).tolist()
    for method, level in LEVELS.items()
    for data, count in QUERIES.items()
    for seed in (0, 1)
}
AP |= {("dch", d, s): AP["acir", d, 1 - s] for d in QUERIES for s in (0, 1)}  # as good as ours
RUNS = [run(m, ap, data=d, seed=s, better=0.01 * (m == "acir")) for (m, d, s), ap in AP.items()]


def found(runs: Sequence[Run] = RUNS, **changed: object) -> list[Outcome]:
    scope = replace(SCOPE, **changed)  # type: ignore[arg-type]
    if "blocks" not in changed:
        scope = replace(scope, sources=scope.data, blocks=tuple((name,) for name in scope.data))
    return outcomes(Results(runs), scope, CODES, {}, lambda _: None)


def scores(method: str, data: str) -> np.ndarray:
    return np.array([AP[method, data, seed] for seed in (0, 1)], dtype=np.float32)


def test_every_peer_is_compared_on_every_data_set_and_on_their_mean() -> None:
    named = [(o.data, o.bits, o.peer) for o in found()]
    each = [(data, 16, peer) for data in ("cells", "chest") for peer in ("csq", "dch")]
    assert named == [*each, ("", 16, "csq"), ("", 16, "dch")]


def test_a_comparison_is_that_of_the_same_queries() -> None:
    first = found()[0]
    assert first.paired == compare(scores("acir", "cells"), scores("csq", "cells"))


def test_the_mean_weighs_data_sets_equally() -> None:
    pairs = [(scores("acir", data), scores("csq", data)) for data in QUERIES]
    assert found()[4].paired == compare_over_sets(pairs)


def test_holm_spans_peers_and_data_sets_and_the_mean_has_its_own() -> None:
    all_found = found()
    for family in (all_found[:4], all_found[4:]):
        adjusted = holm(np.array([o.paired.p for o in family]))
        assert [o.adjusted_p for o in family] == pytest.approx(adjusted)


def test_the_error_cut_is_that_of_the_means() -> None:
    ours, other = (scores(m, "cells").mean() for m in ("acir", "csq"))
    assert found()[0].error_cut == pytest.approx(1 - (1 - ours) / (1 - other))


def test_a_clear_difference_is_called_better_and_none_is_not() -> None:
    verdicts = {(o.data, o.peer): o.verdict for o in found()}
    assert verdicts["", "csq"] == "better"
    assert verdicts["cells", "dch"] == "no difference shown"


def test_a_contrast_takes_each_side_in_its_order() -> None:
    results = Results(RUNS)
    codes, reranked, mixed = (
        outcomes(results, SCOPE, c, {}, lambda _: None)[0].paired.difference for c in CONTRASTS
    )
    # only ours is 0.01 better when it is re-ranked
    assert reranked == pytest.approx(codes + 0.01, abs=1e-6)
    assert mixed == pytest.approx(codes + 0.01, abs=1e-6)
    assert str(MIXED) == "Ours re-ranked against the others in Hamming order"
    assert RERANKED.other == "reranked"


def test_what_a_peer_cannot_do_or_has_not_done_is_left_out() -> None:
    runs = [r for r in RUNS if (r.record["method"], r.record["data"]) != ("csq", "chest")]
    runs += [impossible("csq", "no centres", data="chest", seed=s) for s in (0, 1)]
    named = [(o.data, o.peer) for o in found(runs)]
    assert ("chest", "csq") not in named
    assert ("", "csq") not in named  # the mean takes all data sets or none
    assert ("", "dch") in named


def test_the_mean_is_of_the_data_sets_that_have_begun_at_that_length() -> None:
    runs = [*RUNS, *(run(m, ap, bits=32, seed=s) for (m, d, s), ap in AP.items() if d == "cells")]
    named = [(o.data, o.bits, o.peer) for o in found(runs, bits=(16, 32))]
    assert ("cells", 32, "csq") in named
    assert [at for at in named if not at[0]] == [("", 16, "csq"), ("", 16, "dch")]
    runs += [
        run(m, ap, data="skin", bits=16, seed=s) for (m, d, s), ap in AP.items() if d == "cells"
    ]
    runs += [
        run(m, ap, data="skin", bits=32, seed=s) for (m, d, s), ap in AP.items() if d == "cells"
    ]
    sets = ("cells", "chest", "skin")
    (long,) = (o for o in found(runs, bits=(32,), data=sets) if not o.data and o.peer == "csq")
    pairs = [(scores("acir", "cells"), scores("csq", "cells"))] * 2  # of cells and skin
    assert long.paired == compare_over_sets(pairs)


def test_the_mean_pairs_data_sets_by_the_seed_itself() -> None:
    lacking = {("acir", "cells", 1), ("acir", "chest", 0), ("csq", "chest", 0)}
    runs = [
        r for r in RUNS if (r.record["method"], r.record["data"], r.record["seed"]) not in lacking
    ]
    assert [o for o in found(runs) if not o.data] == []  # ours has no seed on both data sets
    runs = [r for r in RUNS if (r.record["method"], r.record["data"]) != ("csq", "chest")]
    runs += [run("csq", AP["csq", "chest", 1], data="chest", seed=1)]
    (mean,) = (o for o in found(runs) if not o.data and o.peer == "csq")
    pairs = [(scores("acir", data), scores("csq", data)[1:]) for data in QUERIES]
    assert mean.paired == compare_over_sets(pairs)
    ours, other = (np.mean([part[side].mean() for part in pairs]) for side in (0, 1))
    assert mean.error_cut == pytest.approx(1 - (1 - ours) / (1 - other))


def flat(method: str, level: float, data: str, bits: int) -> list[Run]:
    return [run(method, [level] * 4, data=data, bits=bits, seed=seed) for seed in (0, 1)]


def test_a_data_set_is_a_block_however_many_lengths_it_has() -> None:
    levels = {  # at 16 and 32 bits of the cells, at 16 of the chest, where 32 has not begun
        "acir": (0.9, 0.5, 0.8),
        "csq": (0.7, 0.8, 0.7),  # of the cells the best in the mean, though not at 16 bits
        "dch": (0.6, 0.6, 0.9),
    }
    places = (("cells", 16), ("cells", 32), ("chest", 16))
    runs = [
        one
        for method, each in levels.items()
        for level, (data, bits) in zip(each, places, strict=True)
        for one in flat(method, level, data, bits)
    ]
    found_ranks = ranked(Results(runs), replace(SCOPE, bits=(16, 32)), "hamming")
    assert found_ranks is not None
    names, ranks = found_ranks
    assert names == ("acir", "csq", "dch")
    assert ranks.ranks.tolist() == [(2 + 2) / 2, (1 + 3) / 2, (3 + 1) / 2]
    two = mean_ranks(np.array([[0.7, 0.75, 0.6], [0.8, 0.7, 0.9]]))
    assert ranks.critical_difference == two.critical_difference
    assert ranks.p == two.p


def test_data_sets_of_one_source_are_one_block() -> None:
    levels = {"acir": (0.9, 0.6, 0.8), "csq": (0.8, 0.8, 0.7), "dch": (0.7, 0.5, 0.9)}
    sets = ("cells", "hard", "chest")  # hard cells are some of the cells
    runs = [
        one
        for method, each in levels.items()
        for level, data in zip(each, sets, strict=True)
        for one in flat(method, level, data, 16)
    ]
    scope = replace(SCOPE, data=sets, blocks=(("cells", "hard"), ("chest",)))
    found_ranks = ranked(Results(runs), scope, "hamming")
    assert found_ranks is not None
    assert found_ranks[1].ranks.tolist() == [(2 + 2) / 2, (1 + 3) / 2, (3 + 1) / 2]


def test_methods_are_ranked_by_the_seeds_that_all_of_them_have() -> None:
    levels = {"acir": (0.8, 0.2), "csq": (0.7, 0.9), "dch": (0.6, 0.6)}  # with seeds 0 and 1
    runs = [
        run(method, [level] * 4, data=data, seed=seed)
        for method, each in levels.items()
        for seed, level in enumerate(each)
        for data in ("cells", "chest")
    ]
    late = [r for r in runs if (r.record["method"], r.record["seed"]) != ("dch", 1)]
    for some, expected in ((runs, [3, 1, 2]), (late, [1, 2, 3])):  # of means 0.5, 0.8 and 0.6
        place = ranked(Results(some), SCOPE, "hamming")
        assert place is not None
        assert place[1].ranks.tolist() == expected
    apart = [r for r in late if (r.record["method"], r.record["seed"]) != ("csq", 0)]
    assert ranked(Results(apart), SCOPE, "hamming") is None


def test_one_source_ranks_nothing() -> None:
    runs = [*RUNS, *(run(m, ap, bits=32, data=d, seed=s) for (m, d, s), ap in AP.items())]
    lengths = replace(SCOPE, bits=(16, 32))
    assert ranked(Results(runs), lengths, "hamming") is not None
    assert ranked(Results(runs), replace(lengths, blocks=(("cells", "chest"),)), "hamming") is None


def test_one_data_set_is_not_compared_twice() -> None:
    assert [o.data for o in found(data=("cells",))] == ["cells", "cells"]


def test_without_runs_there_is_nothing_to_compare() -> None:
    assert found([]) == []


@pytest.mark.parametrize(
    ("source", "missing", "together"),
    [("a.zip", (), True), ("a.zip", (3,), False), ("another view of a", (), False)],
)
def test_the_same_queries_of_two_data_sets_of_a_source_count_once(
    source: str, missing: tuple[int, ...], together: bool
) -> None:
    hard = [run(m, ap, data="hard", seed=s) for (m, d, s), ap in AP.items() if d == "cells"]
    asked = np.delete(np.arange(QUERIES["cells"] + len(missing)), missing)
    hard = [Run(r.record, {**r.arrays, "row": asked}) for r in hard]
    sets, blocks = ("cells", "chest", "hard"), (("cells", "hard"), ("chest",))
    sources = ("a.zip", "b.zip", source)
    outcomes = found([*RUNS, *hard], data=sets, blocks=blocks, sources=sources)
    (mean,) = (o for o in outcomes if o.peer == "csq" and not o.data)
    pairs = [(scores("acir", data), scores("csq", data)) for data in ("cells", "chest", "cells")]
    # without one of its queries, which number 3 was, the sub-sample asks other ones, and so does
    # another source, though its queries have the same numbers
    assert mean.paired == compare_over_sets(pairs, blocks=[0, 1, 0 if together else 2])


def test_queries_of_one_patient_count_as_one() -> None:
    patients = np.repeat(np.arange(20), 2)
    runs = [Run(r.record, {**r.arrays, "patient": patients}) for r in RUNS]
    (first, _) = found(runs, data=("cells",))
    assert first.paired == compare(
        scores("acir", "cells"), scores("csq", "cells"), patients=patients
    )


def test_a_query_without_a_patient_counts_for_itself_and_the_others_as_before() -> None:
    patients = np.repeat(np.arange(20), 2)
    patients[-1] = -1
    runs = [Run(r.record, {**r.arrays, "patient": patients}) for r in RUNS]
    (first, _) = found(runs, data=("cells",))
    patients[-1] = 20
    assert first.paired == compare(
        scores("acir", "cells"), scores("csq", "cells"), patients=patients
    )


def test_a_known_result_is_not_computed_again() -> None:
    first = found()
    made_up = Paired(0.5, 0.4, 0.6, 0.25, 1.0, 40)
    known = {first[0].key: made_up}
    again = outcomes(Results(RUNS), SCOPE, CODES, known, lambda _: None)
    assert again[0].paired == made_up
    assert again[1].paired == first[1].paired


def test_other_scores_have_other_keys_though_the_runs_are_called_the_same() -> None:
    changed = [
        Run(r.record, {name: a * 0.99 if "mAP" in name else a for name, a in r.arrays.items()})
        for r in RUNS
    ]
    assert {o.key for o in found()}.isdisjoint(o.key for o in found(changed))


def test_the_same_scores_have_the_same_keys_whatever_the_runs_are_called() -> None:
    renamed = [Run({**r.record, "key": r.record["key"] + "x"}, r.arrays) for r in RUNS]
    assert [o.key for o in found()] == [o.key for o in found(renamed)]


def test_each_comparison_is_reported() -> None:
    done: list[int] = []
    outcomes(Results(RUNS), SCOPE, CODES, {}, done.append)
    assert done == [1] * 6


def test_methods_are_ranked_where_all_have_run() -> None:
    place = ranked(Results(RUNS), SCOPE, "hamming")
    assert place is not None
    names, ranks = place
    assert names == ("acir", "csq", "dch")
    assert ranks.ranks[1] == 3.0  # csq is last on both
    fewer = [r for r in RUNS if (r.record["method"], r.record["data"]) != ("dch", "chest")]
    assert ranked(Results(fewer), SCOPE, "hamming") is None  # two methods are too few

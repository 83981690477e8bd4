"""Rounds in turn, and ratios within them."""

import pytest

from acir.bench.harness import interleaved, ratios, summary


def test_contenders_take_turns_and_only_every_third_call_is_timed() -> None:
    calls: list[tuple[str, int]] = []
    ticks: list[int] = []
    works = {name: lambda n, name=name: calls.append((name, n)) for name in "ab"}
    times = interleaved(works, 2, ticks.append)
    assert calls == [(name, n + ahead) for n in (0, 1) for name in "ab" for ahead in (2, 1, 0)]
    assert {name: len(found) for name, found in times.items()} == {"a": 2, "b": 2}
    assert ticks == [1, 1]


def test_best_and_median_in_milliseconds_of_one_query() -> None:
    assert summary([0.004, 0.002, 0.009]) == {"best_ms": 2.0, "median_ms": 4.0}
    assert summary([0.004, 0.002, 0.009], 10) == pytest.approx({"best_ms": 0.2, "median_ms": 0.4})


def test_a_ratio_sets_best_against_best_and_median_against_median() -> None:
    one, other = summary([0.001, 0.003]), summary([0.002, 0.002])
    assert ratios(one, other) == {"best": 0.5, "median": 1.0}

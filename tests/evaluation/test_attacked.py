"""What attacks find, and the budget they have."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from acir.errors import UsageError
from acir.evaluation.attacked import Attacked, Budget, Result, Seen
from made_attacks import CLEAN, made


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"pictures": 7}, "the number of attacked pictures is 7, expected at least 8"),
        ({"steps": 0}, "the number of steps is 0, expected at least 1"),
        ({"restarts": 0}, "the number of restarts is 0, expected at least 1"),
    ],
)
def test_a_budget_too_small_is_refused(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        replace(Budget(), **changed)


@pytest.mark.parametrize("changed", [{"pictures": 255}, {"steps": 99}, {"restarts": 2}])
def test_less_than_the_protocol_is_reduced_and_more_is_not(changed: dict[str, Any]) -> None:
    assert replace(Budget(), **changed).reduced
    assert not Budget().reduced
    assert not Budget(pictures=500, steps=200, restarts=4).reduced


def test_some_of_what_is_seen() -> None:
    some: Seen = CLEAN[np.array([1, 3])]
    assert (len(some), some.scores.tolist()) == (2, [2.0, 4.0])


def test_attacks_of_a_size_are_found_by_it() -> None:
    found: Attacked = made()
    plain: list[Result] = found.of(2)
    assert [r.attack for r in plain] == ["square"]
    assert [r.attack for r in found.of(2, adaptive=True)] == ["square", "adaptive"]

"""Which reasons are right, and how often the gate gives one."""

from dataclasses import replace

import pytest

from acir import ood, registry
from acir.evaluation.stress import UNKNOWN_SET, Stress
from acir.evaluation.stress_reasons import (
    ACCEPTED,
    ACCEPTED_OF_KIND,
    matched,
    reason_match,
    to_dict,
)
from acir.robustness.inputs import suite
from made_stress import judged, made

PREFLIGHT = {"blank", "frame", "truncated", "shape", "unreadable"}
CODES = {ood.get(name).reason_code for name in registry.names(ood.FAMILY)}


def _with(codes: dict[str, tuple[str, ...]]) -> Stress:
    """Return the made test with other reasons for its kinds."""
    found = made()
    trials = tuple(
        replace(t, judged=replace(t.judged, reason_codes=codes[t.kind])) if t.kind in codes else t
        for t in found.trials
    )
    return replace(found, trials=trials)


def test_every_group_of_the_suite_that_has_something_to_reject_has_right_reasons() -> None:
    groups = {c.group for c in suite(oriented=True) if "reject" in c.tiers}
    assert groups | {UNKNOWN_SET} == set(ACCEPTED)
    assert set(ACCEPTED_OF_KIND) <= {c.name for c in suite(oriented=True)}


def test_only_reasons_that_can_be_given_are_right() -> None:
    for codes in (*ACCEPTED.values(), *ACCEPTED_OF_KIND.values()):
        assert codes <= CODES | PREFLIGHT


def test_every_detector_is_right_about_something() -> None:
    assert set().union(*ACCEPTED.values(), *ACCEPTED_OF_KIND.values()) >= CODES


def test_the_share_counts_what_is_called_unknown_and_each_kind_once() -> None:
    # Speckle (noise), severity 2: two of four unknown, one of them for a right reason; severity 3:
    # all four, three right: (1/2 + 3/4) / 2. The unknown set: one, right. Mean: (5/8 + 1) / 2.
    found = _with({"speckle": ("pixels", "code", "pixels", "pixels")})
    assert [matched(trial) for trial in found.of("reject")["speckle"]] == [0.5, 0.75]
    assert reason_match(found) == pytest.approx((5 / 8 + 1) / 2)
    said = to_dict(found)
    assert said["match"] == reason_match(found)
    assert said["by_type"] == {"speckle": 5 / 8, "other.zip": 1.0}
    assert set(said["accepted"]) == {"noise", UNKNOWN_SET}
    assert "code" not in said["accepted"]["noise"]


def test_where_nothing_is_called_unknown_there_is_no_share() -> None:
    found = made()
    known = tuple(replace(trial, judged=judged([0, 1], [0, 0])) for trial in found.trials)
    assert reason_match(replace(found, trials=known)) is None
    assert matched(known[0]) is None


def test_a_group_without_right_reasons_is_left_out() -> None:
    found = made()
    other = tuple(replace(trial, group="attack") for trial in found.trials)
    assert reason_match(replace(found, trials=other)) is None

"""The numbers of a stress test of a few pictures, computed by hand."""

import json

import numpy as np
import pytest

from acir.evaluation.stress_scores import alarms_by_class, mixed, summary, to_dict
from acir.metrics.selective import silent_error_rate
from made_stress import made

FOUND = made()


def test_each_kind_counts_once_and_so_does_each_of_its_severities() -> None:
    ours = summary(FOUND, "gate")
    assert ours.recall == pytest.approx(((2 / 4 + 4 / 4) / 2 + 1 / 2) / 2)
    # Of ten clean pictures 3 % are none: the threshold is 9, the same pictures lie above.
    assert ours.recall_at_3pct == ours.recall_at_1pct == ours.recall
    assert (ours.worst_type, ours.worst_recall) == ("other.zip", 0.5)
    # severity 2: two above all ten, two tie with the second of ten; severity 3: all above
    speckle = ((1 + 1 + 0.15 + 0.15) / 4 + 1) / 2
    assert ours.auroc == pytest.approx((speckle + (1 + 0.35) / 2) / 2)


def test_false_alarms_are_of_clean_pictures_and_of_those_that_must_be_accepted() -> None:
    ours, msp = summary(FOUND, "gate"), summary(FOUND, "msp")
    assert (ours.false_alarm_rate, ours.must_accept_far) == (0.1, 0.25)
    assert (msp.false_alarm_rate, msp.must_accept_far) == (0.2, 0.0)


def test_a_baseline_is_judged_by_its_own_threshold() -> None:
    # above 5: none and all of speckle, one of two of the unknown set
    assert summary(FOUND, "msp").recall == pytest.approx(((0 + 1) / 2 + 1 / 2) / 2)


def test_a_refused_picture_is_no_silent_error() -> None:
    ours = summary(FOUND, "gate")
    # one of the two wrong clean pictures is answered; 3/8 of what must be rejected is
    assert ours.silent_error_rate == pytest.approx((16 * 0.1 + 0.375) / 17)
    assert ours.silent_error_rate == silent_error_rate(0.1, 1 - ours.recall)


def test_the_mix_is_sixteen_clean_to_one_with_equal_parts_for_each_kind() -> None:
    scores, losses, weights = mixed(FOUND, "gate")
    assert len(scores) == 10 + 4 + 4 + 2
    assert weights[:10].sum() == pytest.approx(16)
    assert weights[10:18].sum() == pytest.approx(weights[18:].sum()) == pytest.approx(0.5)
    assert np.average(losses, weights=weights) == pytest.approx((16 * 0.2 + 1) / 17)


def test_false_alarms_of_a_class_are_those_of_its_pictures() -> None:
    found = {name: (p.hits, p.n) for name, p in alarms_by_class(FOUND).items()}
    assert found == {"a": (0, 5), "b": (1, 5)}


def test_the_object_is_plain_and_its_counts_add_up() -> None:
    plain = json.loads(json.dumps(to_dict(FOUND)))
    assert set(plain) == {"summary", "baselines", "equalised", "protocol", "clean", "rows"}
    assert [row["tier"] for row in plain["rows"]] == [
        "accept",
        "reject",
        "reject",
        "warn",
        "reject",
    ]
    warned = plain["rows"][3]
    assert warned["verdicts"] == {"known": 1, "caution": 2, "unknown": 1}
    assert warned["reason_codes"] == {"pixels": 3, "ordinary": 1}
    assert warned["refused"]["hits"] == 1
    assert warned["baselines"]["msp"]["refused"]["hits"] == 0
    assert plain["clean"]["answered_wrong"]["hits"] == 1
    assert [p["seed"] for p in plain["clean"]["pictures"]] == [0, 1, 2, 3] + 6 * [None]


def test_without_a_kind_to_accept_there_is_no_rate_of_it() -> None:
    strict = type(FOUND)(FOUND.protocol, FOUND.clean, FOUND.trials[1:])
    assert summary(strict, "gate").must_accept_far is None

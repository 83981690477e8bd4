"""The gate keeps its promise, says why, and comes back from disk the same."""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
import torch
from jaxtyping import Float64, Shaped
from safetensors.torch import load, save
from torch import Tensor
from torch.nn.functional import normalize

from acir import ood
from acir.errors import ComponentError
from acir.gate import Gate
from acir.ood.base import Detector
from acir.prep.preflight import Finding
from acir.promise import largest_rank
from acir.recipe import GateRecipe
from acir.tensors import Encoding, Evidence
from acir.types import Verdict

Values = Shaped[np.ndarray, " n"]


class _Channel(Detector):
    """Scores a picture of one pixel by one of its channels."""

    channel: ClassVar[int] = 0
    reason: ClassVar[str] = "it is too red"
    reason_code: ClassVar[str] = "red"
    measure: ClassVar[str] = "redness"

    def fit(self, seen: Evidence) -> Detector:
        return self

    def score_one(self, one: Evidence) -> float:
        return float(one.images[0, self.channel, 0, 0])

    def score(self, evidence: Evidence) -> Float64[Tensor, " batch"]:
        return evidence.images[:, self.channel, 0, 0].double()

    def state(self) -> dict[str, Shaped[Tensor, "..."]]:
        return {}

    def load_state(self, state: Mapping[str, Shaped[Tensor, "..."]]) -> Detector:
        return self


class _Green(_Channel):
    channel: ClassVar[int] = 1
    reason: ClassVar[str] = "it is too green"
    reason_code: ClassVar[str] = "green"
    measure: ClassVar[str] = "greenness"


def _pixels(red: Values, green: Values | None = None) -> Evidence:
    images = torch.zeros(len(red), 3, 1, 1)
    images[:, 0, 0, 0] = torch.from_numpy(np.asarray(red, dtype=np.float32))
    if green is not None:
        images[:, 1, 0, 0] = torch.from_numpy(np.asarray(green, dtype=np.float32))
    other = torch.ones(len(red), 1)
    return Evidence(images, images, other, other, other, other)


def _draw(random: np.random.Generator, count: int) -> Evidence:
    """Pixels whose red and green go together."""
    shared, own = random.normal(size=count), random.normal(size=count)
    return _pixels(shared, 0.8 * shared + 0.6 * own)


def _gate(n: int, recipe: GateRecipe | None = None, *, promise: bool = True) -> Gate:
    """A gate on one detector whose calibration scores are 1 to n, in A and in B."""
    ordinary = _pixels(np.arange(1, n + 1))
    return Gate.fit(
        {"red": _Channel()},
        recipe or GateRecipe(),
        references=ordinary,
        calibration=(ordinary, ordinary),
        promise=promise,
    )


def _verdict(gate: Gate, red: float) -> Verdict:
    return gate.judge(_pixels(np.array([red])))[0]


def test_the_promise_holds_as_often_as_it_says() -> None:
    """Over 400 hospitals the true false-alarm rate is above 5 % in at most 5 % of them."""
    random, recipe = np.random.default_rng(0), GateRecipe(unknown=0.05, caution=0.1)
    broken, rates = 0, []
    for _ in range(400):
        a, b, later = (_draw(random, n) for n in (100, 200, 5000))
        detectors = {"red": _Channel(), "green": _Green()}
        gate = Gate.fit(detectors, recipe, references=a, calibration=(a, b))
        threshold = np.sort(gate.score(b))[-gate.calibration.r]
        rates.append(float((gate.score(later) > threshold).mean()))
        broken += rates[-1] > 0.05
    # Monte Carlo error of the share: 2 sqrt(.05 x .95 / 400) = .022.
    assert broken / 400 <= 0.05 + 0.022
    # The promise is not kept by never flagging: the mean rate is r / (n + 1) = 5 / 201.
    assert np.mean(rates) == pytest.approx(largest_rank(200, 0.05, 0.95) / 201, abs=0.002)


def test_one_set_for_both_purposes_would_break_the_promise_more_often() -> None:
    random, recipe = np.random.default_rng(1), GateRecipe(unknown=0.05, caution=0.1)
    rates: dict[str, list[float]] = {"apart": [], "same": []}
    for _ in range(100):
        a, b, later = (_draw(random, n) for n in (100, 100, 2000))
        for kind, first in (("apart", a), ("same", b)):
            detectors = {"red": _Channel(), "green": _Green()}
            gate = Gate.fit(detectors, recipe, references=a, calibration=(first, b))
            threshold = np.sort(gate.score(b))[-gate.calibration.r]
            rates[kind].append(float((gate.score(later) > threshold).mean()))
    assert np.mean(rates["same"]) > np.mean(rates["apart"])


def test_a_verdict_flags_strictly_above_the_rth_largest() -> None:
    # n = 1000: r = 21 at 3 %, so the threshold is the score 980; at 8 % r = 66, so it is 935.
    gate = _gate(1000)
    assert largest_rank(1000, 0.08, 0.95) == 66
    states = {red: _verdict(gate, red).verdict for red in (935, 935.5, 980, 980.5, 1e9)}
    assert states == {
        935: "known",
        935.5: "caution",
        980: "caution",
        980.5: "unknown",
        1e9: "unknown",
    }


def test_of_several_pictures_the_worst_gives_the_reason_of_the_verdict_on_all() -> None:
    # Of five, r = 2: above the score 999; above 990 caution, r = 10.
    gate = _gate(1000)
    said = {red: gate.judge_together(_verdict(gate, red), 5) for red in (980.5, 999, 999.5)}
    states = {red: (verdict.verdict, verdict.reason_code) for red, verdict in said.items()}
    assert states == {
        980.5: ("known", "ordinary"),
        999: ("caution", "red"),
        999.5: ("unknown", "red"),
    }
    assert said[980.5].reason == (
        "at most 11 in 100 ordinary sets of 5 pictures hold one this unusual (p = 0.1)"
    )
    assert said[999.5].reason == (
        "at most 1 in 100 ordinary sets of 5 pictures hold one this unusual (p = 0.01): "
        "it is too red, redness 1e+03, usually 50 to 9.5e+02"
    )
    assert {verdict.pictures for verdict in said.values()} == {5}
    assert said[999.5].calibration == replace(gate.calibration, r=2)
    assert said[999.5].scores == _verdict(gate, 999.5).scores
    alone = _verdict(gate, 999.5)
    assert gate.judge_together(alone, 1) == alone


@pytest.mark.parametrize("n", [9, 999])
def test_one_that_is_refused_makes_all_unknown(n: int) -> None:
    gate = _gate(n)
    found = gate.judge_together(gate.refuse(Finding("blank", "the picture is blank")), 5)
    assert (found.verdict, found.reason) == ("unknown", "the picture is blank")
    assert found.p_value == min(1.0, 5 / (n + 1))


def test_the_p_value_counts_calibration_pictures_at_least_as_unusual() -> None:
    gate = _gate(999)
    assert [_verdict(gate, red).p_value for red in (0, 500, 999, 2000)] == [1, 0.501, 0.002, 0.001]


def test_a_verdict_carries_the_p_value_of_each_detector_and_the_calibration() -> None:
    verdict = _verdict(_gate(999), 500)
    assert verdict.scores == {"red": 0.501}
    found = verdict.calibration
    assert (found.n, found.r, found.alpha, found.promised) == (999, 21, 0.03, 0.03)


def test_the_sum_of_cubes_of_minus_log_p_is_looked_up_among_the_sums_of_a() -> None:
    # A: red 1..9, green 10..90. Red 7 has p = (1 + 3) / 10, green 85 has p = (1 + 1) / 10.
    a = _pixels(np.arange(1, 10), 10 * np.arange(1, 10))
    detectors = {"red": _Channel(), "green": _Green()}
    gate = Gate.fit(detectors, GateRecipe(), references=a, calibration=(a, a))
    asked = gate.scored(_pixels(np.array([7]), np.array([85])))
    both = gate.surprises(asked)
    assert both["red"][0] == pytest.approx(-math.log(0.4))
    assert both["green"][0] == pytest.approx(-math.log(0.2))

    # Picture i of A has twice p = (11 - i) / 10, so twice the cube of -log p. That of p = .4 and .2
    # lies between that of the 8th, p = .3, and of the 9th, p = .2, whose own p these are.
    def cube(p: float) -> float:
        return -(math.log(p) ** 3)

    way = (cube(0.4) + cube(0.2) - 2 * cube(0.3)) / (2 * cube(0.2) - 2 * cube(0.3))
    expected = -math.log(0.3) + way * (math.log(0.3) - math.log(0.2))
    assert gate.totals(asked)[0] == pytest.approx(expected)


def _of_class(red: Values, classes: Values) -> Evidence:
    evidence = _pixels(red)
    return replace(evidence, class_logits=torch.eye(3)[torch.from_numpy(np.asarray(classes))])


def test_no_class_is_flagged_far_more_often_though_one_varies_ten_times_as_much() -> None:
    """Class 1 is a tenth of all pictures; without its own calibration it bears all alarms."""
    random = np.random.default_rng(5)

    def draw(count: int) -> tuple[Evidence, Values]:
        classes = (random.random(count) < 0.1).astype(np.int64)
        return _of_class(random.normal(size=count) * (1 + 9 * classes), classes), classes

    (a, _), (b, _), (later, classes) = draw(3000), draw(1000), draw(20_000)
    gate = Gate.fit({"red": _Channel()}, GateRecipe(), references=a, calibration=(a, b))
    flagged = np.array([v.verdict == "unknown" for v in gate.judge(later)])
    expected = gate.calibration.r / (gate.calibration.n + 1)
    for one in (0, 1):
        assert flagged[classes == one].mean() < 2 * expected
    everyone, first, second = (
        replace(e, class_logits=torch.zeros(len(e), 3)) for e in (later, a, b)
    )
    plain = Gate.fit({"red": _Channel()}, GateRecipe(), references=a, calibration=(first, second))
    without = np.array([v.verdict == "unknown" for v in plain.judge(everyone)])
    assert without[classes == 1].mean() > 5 * expected


def test_the_promise_holds_where_the_classes_differ_and_are_few() -> None:
    """Over 200 hospitals with 20 to 60 pictures of each class in A."""
    random, recipe = np.random.default_rng(6), GateRecipe(unknown=0.05, caution=0.1)

    def draw(count: int) -> Evidence:
        classes = random.integers(3, size=count)
        return _of_class(random.normal(size=count) * (1 + 3 * classes), classes)

    rates = []
    for _ in range(200):
        a, b, later = draw(120), draw(200), draw(3000)
        gate = Gate.fit({"red": _Channel()}, recipe, references=a, calibration=(a, b))
        threshold = np.sort(gate.score(b))[-gate.calibration.r]
        rates.append(float((gate.score(later) > threshold).mean()))
    # Monte Carlo error of the share: 2 sqrt(.05 x .95 / 200) = .031.
    assert np.mean(np.array(rates) > 0.05) <= 0.05 + 0.031
    # It is not kept by never flagging. The surprise of a single detector goes in steps, and what
    # ties with the threshold is not flagged: a little below r / (n + 1).
    expected = largest_rank(200, 0.05, 0.95) / 201
    assert 0.7 * expected < np.mean(rates) < 1.1 * expected


def test_pictures_beyond_all_calibration_stay_in_order() -> None:
    sums = _gate(50).score(_pixels(np.array([51, 60, 1e3, 1e6])))
    assert (np.diff(sums) > 0).all()


def test_evidence_that_is_no_number_is_unknown() -> None:
    verdict = _verdict(_gate(200), math.inf)
    assert verdict.verdict == "unknown"
    assert verdict.p_value == 1 / 201
    assert verdict.reason.endswith(": it is too red, redness cannot be computed")


def test_the_reason_gives_the_share_the_evidence_and_its_usual_range() -> None:
    verdict = _verdict(_gate(999), 1500)
    assert verdict.reason_code == "red"
    # Of the scores 1 to 999, 5 % lie below 50.9 and 5 % above 949.1.
    assert verdict.reason == (
        "at most 1 in 1000 ordinary pictures look this unusual (p = 0.001): "
        "it is too red, redness 1.5e+03, usually 50 to 9.5e+02"
    )


@pytest.mark.parametrize(
    ("red", "words"),
    [
        (0, "100 in 100 ordinary pictures look this unusual (p = 1)"),
        (500, "50 in 100 ordinary pictures look this unusual (p = 0.5)"),
        (900.5, "10 in 100 ordinary pictures look this unusual (p = 0.1)"),
        (910.5, "at most 1 in 10 ordinary pictures look this unusual (p = 0.09)"),
    ],
)
def test_an_ordinary_picture_is_told_how_ordinary_it_is(red: float, words: str) -> None:
    verdict = _verdict(_gate(999), red)
    assert (verdict.verdict, verdict.reason_code, verdict.reason) == ("known", "ordinary", words)


@pytest.mark.parametrize(("red", "green", "code"), [(50, 5e3, "green"), (500, 50, "red")])
def test_the_reason_is_the_strongest_evidence_even_where_p_saturates(
    red: float, green: float, code: str
) -> None:
    a = _pixels(np.arange(100), np.arange(100))
    detectors = {"red": _Channel(), "green": _Green()}
    gate = Gate.fit(detectors, GateRecipe(), references=a, calibration=(a, a))
    assert gate.judge(_pixels(np.array([red]), np.array([green])))[0].reason_code == code
    both = gate.judge(_pixels(np.array([red + 100]), np.array([green + 100])))[0]
    assert (both.reason_code, both.scores) == (code, {"red": 1 / 101, "green": 1 / 101})


class _Deep(_Green):
    """Looks at content."""

    looks_at_content: ClassVar[bool] = True


class _Spots(_Green):
    """Looks at places."""

    looks_at_places: ClassVar[bool] = True


@pytest.mark.parametrize(
    ("other", "pictures", "red", "code"),
    [
        (_Deep, 100, 95, "green"),  # p = 7 / 101: within the usual range of red
        (_Deep, 100, 97, "red"),  # p = 5 / 101
        (_Deep, 100, 101, "red"),
        (_Spots, 1000, 986, "green"),  # p = 16 / 1001: unusual, but not very
        (_Spots, 1000, 993, "red"),  # p = 9 / 1001
    ],
)
def test_what_is_seen_all_over_goes_before_what_a_network_or_a_place_says(
    other: type[_Green], pictures: int, red: float, code: str
) -> None:
    ordinary = _pixels(np.arange(1, pictures + 1), np.arange(1, pictures + 1))
    gate = Gate.fit(
        {"other": other(), "red": _Channel()},
        GateRecipe(),
        references=ordinary,
        calibration=(ordinary, ordinary),
    )
    verdict = gate.judge(_pixels(np.array([red]), np.array([100_000])))[0]
    assert (verdict.verdict, verdict.reason_code) == ("unknown", code)


def test_a_refused_picture_is_unknown_with_the_finding_as_its_reason() -> None:
    verdict = _gate(999).refuse(Finding("blank", "the picture is blank"))
    assert (verdict.verdict, verdict.p_value, verdict.scores) == ("unknown", 0.001, {})
    assert (verdict.reason_code, verdict.reason) == ("blank", "the picture is blank")


def test_too_few_pictures_promise_nothing_and_flag_only_beyond_all_of_them() -> None:
    gate = _gate(98)
    assert (gate.calibration.r, gate.calibration.promised) == (1, None)
    # The largest of 98 promises 1 - 0.05^(1 / 98) = 0.0301, rounded up.
    assert gate.promise_in_words() == (
        "no guarantee possible: 98 calibration pictures, 99 needed for a rate of 0.03; only that "
        "at most 0.031 of ordinary pictures are called unknown can be promised, with confidence "
        "0.95"
    )
    assert _verdict(gate, 98).verdict != "unknown"
    assert _verdict(gate, 98.5).verdict == "unknown"


def test_enough_pictures_promise_the_rate_in_words() -> None:
    assert _gate(99).promise_in_words() == (
        "at most 0.03 of ordinary pictures are called unknown, with confidence 0.95, "
        "from 99 calibration pictures"
    )


def test_a_rate_of_zero_can_be_promised_by_no_number() -> None:
    gate = _gate(500, GateRecipe(unknown=0.0))
    assert gate.promise_in_words() == (
        "no guarantee possible: 500 calibration pictures, no finite number needed for a rate of 0; "
        "only that at most 0.006 of ordinary pictures are called unknown can be promised, with "
        "confidence 0.95"
    )


def test_without_any_calibration_picture_no_rate_is_named() -> None:
    assert _gate(0).promise_in_words() == (
        "no guarantee possible: 0 calibration pictures, 99 needed"
    )


def _anew(gate: Gate, a: Values, b: Values) -> Gate:
    return gate.recalibrated(gate.scored(_pixels(a)), gate.scored(_pixels(b)))


def test_a_gate_calibrated_anew_is_one_that_was_calibrated_so_from_the_start() -> None:
    random = np.random.default_rng(3)
    a, b, later = random.normal(size=(3, 300))
    detectors = {"red": _Channel()}
    expected = Gate.fit(
        detectors, GateRecipe(), references=_pixels(a), calibration=(_pixels(a), _pixels(b))
    )
    found = _anew(_gate(50, promise=False), a, b)
    assert found.calibration == expected.calibration
    assert found.judge(_pixels(later)) == expected.judge(_pixels(later))


def test_calibrating_anew_leaves_the_gate_before_as_it_was() -> None:
    gate = _gate(99)
    before = gate.state()
    _anew(gate, np.arange(200), np.arange(300))
    assert gate.calibration.n == 99
    assert torch.equal(gate.state()[0]["totals"], before[0]["totals"])


def test_a_picture_of_b_is_a_false_alarm_where_the_others_flag_it() -> None:
    # n = 200 at 3 %: r = 2. Against the 199 others, the two largest exceed the 2nd largest.
    assert largest_rank(200, 0.03, 0.95) == 2
    flagged = _anew(_gate(9), np.arange(50), np.arange(200)[::-1]).false_alarms()
    assert np.flatnonzero(flagged).tolist() == [0, 1]


def test_pictures_of_b_that_tie_at_the_threshold_are_no_false_alarms() -> None:
    tied = np.array([5.0] * 3 + [1.0] * 197)
    assert not _anew(_gate(9), np.arange(50), tied).false_alarms().any()


def test_pictures_that_stand_in_for_calibration_promise_nothing() -> None:
    gate = _gate(1000, promise=False)
    assert (gate.calibration.r, gate.calibration.promised) == (21, None)
    assert gate.promise_in_words() == (
        "no guarantee possible: no pictures were kept for calibration alone"
    )


def test_without_any_calibration_picture_everything_is_known() -> None:
    gate = _gate(0)
    verdict = _verdict(gate, 1e9)
    assert (verdict.verdict, verdict.p_value, verdict.scores) == ("known", 1, {"red": 1})
    assert verdict.reason == "there are no ordinary pictures to compare with"
    assert (verdict.calibration.n, verdict.calibration.r) == (0, 0)


def _network_evidence(count: int, seed: int) -> Evidence:
    random = torch.Generator().manual_seed(seed)
    images = torch.rand(count, 3, 16, 16, generator=random)
    return Evidence(
        images=images,
        reconstruction=images + 0.1 * torch.randn(count, 3, 16, 16, generator=random),
        blended=normalize(torch.randn(count, 12, generator=random) + 1, dim=1),
        middle=normalize(torch.randn(count, 12, generator=random) + 1, dim=1),
        logits=torch.randn(count, 8, generator=random),
        class_logits=torch.randn(count, 3, generator=random),
    )


def _encode(images: torch.Tensor) -> Encoding:
    """Eight pixels of a picture are its code."""
    flat = images.flatten(start_dim=1)[:, :8] - 0.5
    return Encoding(flat, flat, flat, flat, images)


@pytest.fixture(scope="module")
def trained() -> Gate:
    return Gate.fit(
        ood.fresh(("residual", "knn", "knn-middle", "denoising"), _encode),
        GateRecipe(unknown=0.05, caution=0.2),
        references=_network_evidence(100, 0),
        calibration=(_network_evidence(80, 1), _network_evidence(80, 2)),
    )


def test_a_gate_comes_back_from_disk_the_same(trained: Gate) -> None:
    arrays, config = trained.state()
    restored = Gate.load(load(save(arrays)), json.loads(json.dumps(config)), _encode)
    asked = _network_evidence(40, 3)
    assert restored.judge(asked) == trained.judge(asked)
    np.testing.assert_array_equal(restored.score(asked), trained.score(asked))
    assert restored.promise_in_words() == trained.promise_in_words()
    again, _ = restored.state()
    assert save(again) == save(arrays)


def test_a_detector_that_is_not_here_is_named(trained: Gate) -> None:
    arrays, config = trained.state()
    with pytest.raises(ComponentError, match=r"acir.ood has no 'kn'; .*Did you mean 'knn'\?"):
        Gate.load(arrays, {**config, "detectors": ["kn"]}, _encode)


def test_a_verdict_is_the_same_alone_and_in_a_batch(trained: Gate) -> None:
    asked = _network_evidence(30, 4)
    together = trained.judge(asked)
    alone = [trained.judge(asked[row : row + 1])[0] for row in range(30)]
    assert list(together) == alone


def test_some_verdict_of_each_kind_is_given(trained: Gate) -> None:
    asked = _network_evidence(200, 5)
    assert {v.verdict for v in trained.judge(asked)} == {"known", "caution", "unknown"}


def test_the_heat_map_comes_from_the_detector_that_draws_one(trained: Gate) -> None:
    drawn = trained.heat_map(_network_evidence(2, 6))
    assert drawn is not None
    assert drawn.shape == (2, 16, 16)
    assert _gate(10).heat_map(_pixels(np.zeros(1))) is None


def test_a_place_is_among_the_totals_of_calibration() -> None:
    gate = _gate(999)
    totals = gate.totals(gate.scored(_pixels(np.arange(1.0, 1000))))
    usual, limit = np.quantile(totals, (0.05, 0.95)), np.sort(totals)[-gate.calibration.r]
    for red in (1.0, 500.0, 999.0, 2000.0):
        asked = _pixels(np.array([red]))
        place = gate.place(gate.scored(asked))
        assert place is not None
        assert place.total == gate.score(asked)[0]
        assert (place.low, place.high, place.limit) == (*usual, limit)
        assert (place.total > place.limit) == (_verdict(gate, red).verdict == "unknown")


def test_a_gate_has_no_place_without_calibration_or_a_number() -> None:
    for gate, red in ((_gate(0), 1.0), (_gate(99), np.inf)):
        assert gate.place(gate.scored(_pixels(np.array([red])))) is None


def test_the_decoder_is_needed_where_a_detector_needs_it(trained: Gate) -> None:
    assert trained.needs_decoder
    assert not _gate(10).needs_decoder


def test_a_calibration_picture_that_is_no_number_does_no_harm() -> None:
    a = _pixels(np.append(np.arange(1.0, 20), [np.inf] * 4))
    gate = Gate.fit({"red": _Channel()}, GateRecipe(), references=a, calibration=(a, a))
    assert _verdict(gate, math.inf).p_value == 5 / 24
    assert _verdict(gate, 19).p_value == 6 / 24


def test_it_shows_how_many_detectors_have_learned() -> None:
    shown: list[tuple[str, int | None]] = []
    done: list[int] = []

    @contextmanager
    def progress(title: str, total: int | None) -> Iterator[Callable[[int], None]]:
        shown.append((title, total))
        yield done.append

    seen, kept = _network_evidence(40, 1), (_network_evidence(40, 2), _network_evidence(40, 4))
    detectors = ood.fresh(("knn", "energy"), _encode)
    painter = ood.fresh(("residual",), _encode)["residual"]
    Gate.fit(
        detectors,
        GateRecipe(),
        references=seen,
        calibration=kept,
        painter=painter,
        progress=progress,
    )
    assert shown == [("teaching the detectors", 3)]
    assert sum(done) == 3


def test_a_painter_draws_as_if_it_were_asked_and_has_no_say() -> None:
    names, painter = ("knn", "knn-middle"), ood.fresh(("residual",), _encode)["residual"]
    seen = _network_evidence(100, 0)
    kept = _network_evidence(80, 1), _network_evidence(80, 2)

    def fitted(drawing: Detector | None) -> Gate:
        voting = ood.fresh(names, _encode)
        return Gate.fit(voting, GateRecipe(), references=seen, calibration=kept, painter=drawing)

    alone, painted = fitted(None), fitted(painter)
    asked = _network_evidence(40, 3)
    assert painted.judge(asked) == alone.judge(asked)
    assert not painted.needs_decoder
    assert (alone.draws_heat_maps, painted.draws_heat_maps) == (False, True)
    assert alone.heat_map(asked) is None
    arrays, config = painted.state()
    restored = Gate.load(load(save(arrays)), json.loads(json.dumps(config)), _encode)
    scored, expected = painted.scored(asked), painter.heat_map(asked)
    assert expected is not None
    for gate in (painted, restored, painted.recalibrated(scored, scored)):
        drawn = gate.heat_map(asked)
        assert drawn is not None
        assert torch.equal(drawn, expected)

"""The page of a stress test: tables, curves, a grid of all kinds, and the worst pictures."""

from collections import Counter
from collections.abc import Callable, Sequence

from acir.evaluation import stress_ablation
from acir.evaluation import stress_figures as figures
from acir.evaluation.document import Document, Figure, Section, Table
from acir.evaluation.proportion import Proportion, percent, with_interval
from acir.evaluation.stress import GATE, TUNED, Specimen, Stress, Tier, Trial, title
from acir.evaluation.stress_figures import Cell
from acir.evaluation.stress_reasons import matched, reason_match
from acir.evaluation.stress_scores import (
    RATES,
    Summary,
    alarms_by_class,
    mixed,
    roc,
    summary,
)
from acir.metrics import ood
from acir.metrics.selective import MIX, risk_coverage
from acir.types import State

SYNTHETIC = "phantom:"
MISSED, ALARMS = 12, 8  # pictures shown
MOST_ROWS = 20  # of a grid, so that it fits on a screen

Grid = dict[tuple[str, str], list[Cell]]

Both = Callable[[Summary, Summary], float | None]

# Heading; number, of pictures as they are or of equalised copies; whether a higher one is better.
COLUMNS: tuple[tuple[str, Both, bool], ...] = (
    ("recall", lambda s, _: s.recall, True),
    ("recall at 3 %", lambda s, _: s.recall_at_3pct, True),
    ("the same, equalised", lambda _, e: e.recall_at_3pct, True),
    ("recall at 1 %", lambda s, _: s.recall_at_1pct, True),
    ("AUROC", lambda s, _: s.auroc, True),
    ("AUROC, equalised", lambda _, e: e.auroc, True),
    ("worst kind at 3 %", lambda s, _: s.worst_recall, True),
    ("false alarms", lambda s, _: s.false_alarm_rate, False),
    ("false alarms, must accept", lambda s, _: s.must_accept_far, False),
    ("silent errors", lambda s, _: s.silent_error_rate, False),
    ("AURC", lambda s, _: s.aurc, False),
)


def document(found: Stress) -> Document:
    """Put the page together."""
    sections = [_result(found), _curves(found), _grid(found), _worst(found)]
    sections += [_kinds(found), stress_ablation.section(found), _classes(found), _protocol(found)]
    return Document(
        title="Stress test of the knowledge boundary",
        intro=f"{len(found.clean.ids)} clean pictures of {found.protocol.data} against "
        f"{len(found.trials)} trials: corruptions at each severity; "
        f"unknown sets: {len(found.protocol.ood)}.",
        queries=(),
        sections=tuple(sections),
        synthetic=SYNTHETIC in found.protocol.data,
    )


def _result(found: Stress) -> Section:
    ours = summary(found, GATE)
    return Section(
        "What came out",
        text=(
            f"Of what must be rejected, {percent(ours.recall)} are called unknown, and "
            f"{percent(ours.false_alarm_rate)} of the clean pictures. Worst where 3 % of the "
            f"clean pictures are refused: {_worst_title(found, ours)}, of which "
            f"{percent(ours.worst_recall)} are found.",
            *_reasons_in_words(found),
            f"The gate promises: {found.protocol.promise}. Of clean and rejected queries at "
            f"{MIX} : 1, {percent(ours.silent_error_rate)} are answered wrongly without a "
            "warning that withholds them.",
        ),
        tables=(_methods(found),),
    )


def _reasons_in_words(found: Stress) -> tuple[str, ...]:
    share = reason_match(found)
    if share is None:
        return ()
    return (
        f"Of what must be rejected and is called unknown, {percent(share)} are given a reason "
        "that is true of what was done, mean over kinds.",
    )


def _worst_title(found: Stress, ours: Summary) -> str:
    (first, *_) = found.of("reject")[ours.worst_type]
    return first.kind if first.severity is None else first.kind.replace("_", " ")


def _methods(found: Stress) -> Table:
    alike = found.equalised
    rows = {method: (summary(found, method), summary(alike, method)) for method in found.methods}
    best = set()
    for column, (_, number, rises) in enumerate(COLUMNS, start=1):
        values = [number(*both) for both in rows.values()]
        there = [value for value in values if value is not None]
        if there:
            top = max(there) if rises else min(there)
            best |= {(row, column) for row, value in enumerate(values) if value == top}
    return Table(
        caption="This gate and others on the same pictures. Recall is the mean over must-reject "
        "corruptions and unknown sets. Unless a rate is named, each threshold is set on the "
        "pictures that calibrated the gate, at one quantile. Equalised: clean and odd pictures as "
        "grey copies of one size and one sharpness.",
        columns=("method", *(heading for heading, _, _ in COLUMNS)),
        rows=tuple(
            (title(method), *(_number(heading, value(*both)) for heading, value, _ in COLUMNS))
            for method, both in rows.items()
        ),
        best=frozenset(best),
        heavy=frozenset({0}),
    )


def _number(heading: str, value: float | None) -> str:
    if value is None:
        return "none"
    return f"{value:.3f}" if heading.startswith("AU") else percent(value)


def _curves(found: Stress) -> Section:
    rocs = {title(method): roc(found, method) for method in found.methods}
    risks = {title(method): risk_coverage(*mixed(found, method)) for method in found.methods}
    fewest = 1 / len(found.clean.ids)
    return Section(
        "Curves",
        figures=(
            Figure(
                figures.roc_curves(rocs, fewest),
                "Detected of what must be rejected, mean over kinds, against false alarms; dotted "
                f"lines at {' and '.join(f'{100 * rate:.0f} %' for rate in sorted(RATES))}",
                "roc",
            ),
            Figure(
                figures.risk_coverage_curves(risks),
                "Wrong answers among the queries answered, least outlying first; an unknown query "
                "has no right answer",
                "risk-coverage",
            ),
        ),
    )


def _grid(found: Stress) -> Section:
    rows: Grid = {}
    for trial in found.trials:
        cell = Cell(trial.tier, float(trial.judged.refused.mean()), _right(trial))
        rows.setdefault((trial.group, trial.kind), []).append(cell)
    caption = (
        "Share called unknown at the gate's calibration; ✗ must be rejected, ? should be warned "
        "of, ✓ must be accepted; blue as it should be, orange not"
    )
    return Section(
        "Every kind at every severity",
        figures=tuple(
            Figure(figures.grid(part), caption, f"grid-{number}")
            for number, part in enumerate(_parted(rows), start=1)
        ),
    )


def _parted(rows: Grid) -> list[Grid]:
    """Part rows into grids that fit on a screen; a group stays together where it can."""
    parts: list[Grid] = [{}]
    for group in dict.fromkeys(group for group, _ in rows):
        kinds = [key for key in rows if key[0] == group]
        if parts[-1] and len(parts[-1]) + len(kinds) > MOST_ROWS:
            parts.append({})
        for key in kinds:
            parts[-1][key] = rows[key]
    return parts


def _right(trial: Trial) -> float:
    refused, known = float(trial.judged.refused.mean()), trial.judged.states.count("known")
    warned = 1 - known / len(trial.judged)
    return {"reject": refused, "warn": warned, "accept": 1 - refused}[trial.tier]


def _worst(found: Stress) -> Section:
    missed = _wrong(found, "reject", lambda state: state != "unknown")[:MISSED]
    alarms = _wrong(found, "accept", lambda state: state == "unknown")[:ALARMS]
    captions = {
        "missed": "Missed: the least outlying picture of the kinds that are missed most",
        "alarms": "False alarms: the most outlying picture of kinds that must be accepted",
    }
    shown = tuple(
        Figure(figures.specimens(some), captions[name], name)
        for name, some in (("missed", missed), ("alarms", alarms))
        if some
    )
    return Section(
        "Worst cases",
        text=() if shown else ("No verdict on the worst pictures is wrong.",),
        figures=shown,
    )


def _wrong(
    found: Stress, tier: Tier, is_wrong: Callable[[State], bool]
) -> list[tuple[str, Specimen]]:
    """Return the picture that was judged worst of each trial of a tier, the worst trial first."""
    trials = [t for t in found.trials if t.tier == tier and is_wrong(t.specimen.state)]
    return [(trial.title, trial.specimen) for trial in sorted(trials, key=_right)]


def _kinds(found: Stress) -> Section:
    worst = summary(found, GATE).worst_type
    return Section(
        "Numbers of every kind",
        tables=(
            Table(
                caption="With 95 % intervals of Clopper and Pearson; heavy: the worst kind; "
                f"{TUNED} the default detectors were chosen by these kinds",
                columns=(
                    *("kind", "should", "pictures", "called unknown", "at 3 %", "at 1 %"),
                    *("at 3 %, equalised", "AUROC", "commonest reason", "reason is right"),
                ),
                rows=tuple(_row(found, trial) for trial in found.trials),
                named=2,
                heavy=frozenset(
                    place for place, trial in enumerate(found.trials) if trial.kind == worst
                ),
            ),
        ),
    )


def _row(found: Stress, trial: Trial) -> tuple[str, ...]:
    clean, scores = found.clean.judged.scores[GATE], trial.judged.scores[GATE]
    ((reason, _),) = Counter(trial.judged.reason_codes).most_common(1)
    alike = found.clean.equalised.scores[GATE], trial.equalised.scores[GATE]
    right = matched(trial)
    return (
        trial.title,
        trial.tier,
        f"{len(trial.judged)}",
        with_interval(Proportion.of(trial.judged.refused.tolist())),
        *(percent(ood.detected_at(clean, scores, rate)) for rate in RATES),
        percent(ood.detected_at(*alike, RATES[0])),
        f"{ood.auroc(clean, scores):.3f}",
        reason,
        "none" if right is None else percent(right),
    )


def _classes(found: Stress) -> Section:
    whole = Proportion.of(found.clean.judged.refused.tolist())
    rows: Sequence[tuple[str, Proportion]] = (*alarms_by_class(found).items(), ("all", whole))
    return Section(
        "False alarms by class",
        tables=(
            Table(
                caption="Clean pictures called unknown, pre-flight included",
                columns=("class", "pictures", "called unknown"),
                rows=tuple((name, f"{p.n}", with_interval(p)) for name, p in rows),
                heavy=frozenset({len(rows) - 1}),
            ),
        ),
    )


def _protocol(found: Stress) -> Section:
    protocol = found.protocol
    turned = "must be rejected" if protocol.oriented else "must be accepted"
    return Section(
        "How it was done",
        text=(
            "A clean picture is judged as a search would judge it. A corrupted one is made from "
            "the picture at the size that the network sees; picture i is corrupted with seed i, "
            "and what a file of 8 bits would hold goes through pre-flight and gate. Baselines have "
            f"no pre-flight. Turned and mirrored pictures {turned}.",
            f"Answers come from {protocol.training:,} training pictures, which the baselines "
            f"learned from; {protocol.calibration_pictures:,} pictures that calibrated the gate "
            "set the thresholds of the baselines. No unknown picture set any threshold.",
        ),
    )

"""What the page of a stress test says about attacks."""

from dataclasses import replace

from acir.evaluation import attack_figures as figures
from acir.evaluation.attack_scores import MOST_KEPT, NEAR, AtSize, at_size, bound, too_weak
from acir.evaluation.attacked import TITLES, Attacked, Result
from acir.evaluation.document import Document, Figure, Section, Table
from acir.evaluation.proportion import Proportion, percent, with_interval

ALL = "the worst of all"


def with_attacks(page: Document, found: Attacked) -> Document:
    """Return the page with two further sections, after what came out."""
    first, *others = page.sections
    return replace(page, sections=(first, _result(found), _protocol(found), *others))


def _result(found: Attacked) -> Section:
    levels = max(found.budget.grey_levels)
    worst, clean = at_size(found, levels), float(found.clean.precision.mean())
    shown = (
        (
            Figure(
                figures.answers(found.shown),
                f"Queries whose answer fell most under the attack "
                f"“{TITLES[found.shown[0].attack]}”: as they are, the change amplified, "
                "attacked; with the first hits of each",
                "attacked",
            ),
        )
        if found.shown
        else ()
    )
    return Section(
        "Attacks",
        text=(
            f"Changed by at most {levels} grey levels of 255, {len(found.ids)} test pictures have "
            f"an mAP of {worst.mAP:.3f} under the worst attack on each, {percent(worst.kept)} of "
            f"the {clean:.3f} without. No attack can bring it below {found.floors.mean():.3f}, "
            f"which all pictures of the class in the last places give. {percent(worst.safe)} are "
            f"safe: refused, or with an average precision within {NEAR:g} of before; "
            f"{percent(worst.safe_adaptive)} where the attack knows of the gate.",
            _strength(found, worst),
        ),
        tables=(_sizes(found), _rows(found)),
        figures=(
            Figure(
                _curves(found, clean),
                "mAP over the largest change; dotted: no attack can get below",
                "attack-map",
            ),
            *shown,
        ),
    )


def _strength(found: Attacked, worst: AtSize) -> str:
    weak, most = too_weak(found), bound(found)
    if weak is None:
        return (
            "The model was trained to withstand attacks, so these figures do not show whether the "
            "attack is strong enough: try the same budget on a model that was not."
        )
    why = (
        f"{percent(MOST_KEPT)} of its mAP, or a tenth of the way from the floor up to it where "
        "that is more"
    )
    if weak:
        return (
            f"The attack is too weak to report: a model without defence must fall to {most:.3f} "
            f"({why}), and this one has {worst.mAP:.3f}. Give more steps and restarts."
        )
    return f"The attack is strong enough to report: the model fell below {most:.3f} ({why})."


def _curves(found: Attacked, clean: float) -> bytes:
    sizes = found.budget.grey_levels
    lines = {ALL: [(0, clean), *((size, at_size(found, size).mAP) for size in sizes)]}
    for result in found.results:
        if not result.weight:
            point = (result.grey_levels, float(result.seen.precision.mean()))
            lines.setdefault(TITLES[result.attack], [(0, clean)]).append(point)
    return figures.curves(lines, float(found.floors.mean()))


def _sizes(found: Attacked) -> Table:
    sizes = {levels: at_size(found, levels) for levels in found.budget.grey_levels}
    return Table(
        caption="Under the worst attack on each picture, by the largest change of a pixel",
        columns=(
            *("grey levels", "mAP", "kept", "worst attack", "t-MAP", "called unknown", "at 3 %"),
            *("safe", "safe, black box", "safe, adaptive"),
        ),
        rows=tuple((f"{levels}", *_cells(one)) for levels, one in sizes.items()),
    )


def _cells(one: AtSize) -> tuple[str, ...]:
    return (
        f"{one.mAP:.3f}",
        percent(one.kept),
        TITLES[one.worst_attack],
        "none" if one.t_mAP is None else f"{one.t_mAP:.3f}",
        *map(percent, (one.detected, one.detected_at_3pct, one.safe)),
        *map(percent, (one.safe_black_box, one.safe_adaptive)),
    )


def _rows(found: Attacked) -> Table:
    return Table(
        caption="Every attack by itself, with 95 % intervals of Clopper and Pearson",
        columns=("attack", "grey levels", "mAP", "called unknown", "safe"),
        rows=tuple(_row(result) for result in found.results),
        named=2,
    )


def _row(result: Result) -> tuple[str, ...]:
    weight = f", lambda {result.weight:g}" if result.weight else ""
    return (
        f"{TITLES[result.attack]}{weight}",
        f"{result.grey_levels}",
        f"{result.seen.precision.mean():.3f}",
        with_interval(Proportion.of(result.seen.refused.tolist())),
        with_interval(Proportion.of((~result.unsafe).tolist())),
    )


def _protocol(found: Attacked) -> Section:
    budget = found.budget
    shares = " and ".join(f"{share:g}" for share in budget.step_shares)
    reduced = (
        "This is a reduced budget; the whole one has 256 pictures, 100 steps and 3 restarts. "
        if budget.reduced
        else ""
    )
    return Section(
        "How the attacks were done",
        text=(
            f"{reduced}Each search has {budget.steps} steps along the sign of the slope of the "
            f"relaxed code, from {budget.restarts} random starts, with steps of {shares} of the "
            f"largest change; the square attack asks {budget.queries} times. Of all searches the "
            "most harmful picture is kept. Attacked is what the network sees, after preparation, "
            "unrounded, in one channel where pictures are grey; the gate judges it, no pre-flight.",
            "The perturbation for all is learned from one half of the pictures and tried on the "
            "other. An adaptive attack also lowers what stands in for the gate, five numbers of "
            "the kinds that detectors look at; it does not differentiate the gate itself.",
        ),
    )

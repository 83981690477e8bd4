"""`acir calibrate`: the promise of a trained model, made anew from a site's own pictures."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from acir.amounts import amount
from acir.answer_set import AnswerSets
from acir.bundle import Bundle, load_bundle, verify_bundle, write_bundle
from acir.errors import SourceError, UsageError
from acir.evaluation.model_card import recalibrated_card
from acir.gate import Gate
from acir.index.database import FILE
from acir.index.store import Store
from acir.metrics.proportions import clopper_pearson
from acir.privacy.pseudonym import fresh_key
from acir.sources.base import SourceOptions, open_source
from acir.types import Progress, silent
from acir.workflows.answer_sets import measured
from acir.workflows.destination import refuse_not_utf8, refuse_unwritable
from acir.workflows.site import Rows, Site, examined, halves, refuse_learned

CAP = 2  # a class is named where it is flagged at more than this many times the rate

Say = Callable[[str], None]


@dataclass(frozen=True)
class _Promised:
    """What can be promised of the site's pictures.

    Attributes:
        gate: Calibrated with them.
        classes: False alarms by class; see `per_class`.
        above: Classes with too many; see `above_cap`.
        sets: What sizes answers, if anything does.
        said_of_sets: For which risks, or why for none.
    """

    gate: Gate
    classes: Mapping[str, Mapping[str, Any]]
    above: Sequence[str]
    sets: AnswerSets | None
    said_of_sets: str


def recalibrate(
    model: Path,
    data: str,
    out: Path,
    *,
    index: Path | None = None,
    seed: int = 0,
    strict: bool = False,
    download: bool = False,
    device: str = "cpu",
    progress: Progress = silent,
    say: Say = lambda _: None,
) -> dict[str, Any]:
    """Calibrate the gate of a bundle with other pictures and write the result as a new bundle.

    The network, the rankers and what the detectors learned stay. Pictures that the pre-flight
    refuses, and all but one of those with the same pixels, are left out and counted.

    Args:
        model: Folder of the bundle.
        data: SOURCE of ordinary pictures of the site; labels serve answer sets alone.
        out: Folder of the new bundle; there must be nothing.
        index: An index whose pictures must not be among them, and which sizes answers; by default
            the one around `model`.
        seed: Decides which patients, or else pictures, belong to A and which to B.
        strict: Whether an unreadable picture is an error.
        download: Whether an official file may be fetched.
        device: Where the network is to run.
        progress: Shows how far long work is.
        say: Takes a line for a person.

    Returns:
        What `acir calibrate --json` prints.

    Raises:
        UsageError: The bundle, the source or a folder cannot be used; the model has learned from
            some of the pictures; or they cannot be halved.
        StorageError: The folder cannot be written.
    """
    _refuse_taken(out)
    bundle = load_bundle(model, device)
    source = open_source(data, SourceOptions(strict=strict, download=download, key=fresh_key()))
    index = _around(model) if index is None else index
    refuse_learned(bundle, source, data, index, progress)
    site = examined(bundle, source, progress)
    for line in _left_out(site):
        say(line)
    first, second = _halved(site, seed, data)
    found = _promised(bundle, site, first, second, index)
    for line in (*_lines(site, found), found.said_of_sets):
        say(line)
    made = _made(bundle, site, first, second, seed)
    return _written(bundle, found, site, made, out)


def per_class(
    class_names: Sequence[str], predicted: Int[np.ndarray, " n"], flagged: Bool[np.ndarray, " n"]
) -> dict[str, dict[str, Any]]:
    """Count the flagged pictures of each predicted class, with their exact 95 % interval.

    `share` is None for a class that no picture was taken for.
    """
    rows = {}
    for position, name in enumerate(class_names):
        of_class = flagged[predicted == position]
        n, count = len(of_class), int(of_class.sum())
        low, high = clopper_pearson(count, n)
        share = count / n if n else None
        rows[name] = {"n": n, "flagged": count, "share": share, "low": low, "high": high}
    return rows


def above_cap(classes: Mapping[str, Mapping[str, Any]], rate: float) -> list[str]:
    """Name the classes whose interval lies wholly above twice the rate."""
    return [name for name, row in classes.items() if row["low"] > CAP * rate]


def _around(model: Path) -> Path | None:
    """Return the index that a bundle lies in."""
    return model.parent if (model.parent / FILE).is_file() else None


def _refuse_taken(out: Path) -> None:
    if out.exists():
        raise UsageError(f"there is something at {out} already; name a new folder as --out")
    refuse_not_utf8(out)
    refuse_unwritable(out)


def _halved(site: Site, seed: int, data: str) -> tuple[Rows, Rows]:
    first, second = halves(site.draws, seed)
    if len(first) == 0:
        patients = f" of {amount(site.patients, 'patient', 'patients')}" if site.patients else ""
        raise SourceError(
            f"calibration needs two sets without a patient in common, but {data} has usable "
            f"pictures: {len(site.draws)}{patients}; give more"
        )
    return first, second


def _promised(
    bundle: Bundle, site: Site, first: Rows, second: Rows, index: Path | None
) -> _Promised:
    groups = [site.draws[row] for row in second]
    gate = bundle.gate.recalibrated(site.scored[first], site.scored[second], groups)
    classes = per_class(bundle.class_names, site.scored.predicted[second], gate.false_alarms())
    above = above_cap(classes, gate.calibration.alpha)
    return _Promised(gate, classes, above, *_answer_sets(bundle, site, index))


def _written(
    bundle: Bundle, found: _Promised, site: Site, made: Mapping[str, Any], out: Path
) -> dict[str, Any]:
    """Write the bundle with its new promise; return what is told of it."""
    renewed = replace(
        bundle,
        encoder=bundle.encoder.cpu(),
        gate=found.gate,
        answer_sets=found.sets,
        card=recalibrated_card(bundle.card, _for_the_card(made, found.gate)),
        calibration=site.hashes,
        calibrated=made,
    )
    write_bundle(renewed, out)
    return {
        "id": verify_bundle(out),
        **made,
        "calibration": asdict(found.gate.calibration),
        "promise": found.gate.promise_in_words(),
        "classes": found.classes,
        "above_cap": found.above,
        "least_risk": None if found.sets is None else found.sets.least_risk,
    }


def _answer_sets(bundle: Bundle, site: Site, index: Path | None) -> tuple[AnswerSets | None, str]:
    """Size answers from an index, and say for which risks or why not."""
    why = "no risk of an answer can be promised: "
    if index is None:
        return None, why + "there is no index to search; name one by --index"
    if not all(site.asked.labels):
        return None, why + "some pictures have no label to tell a right hit by"
    with Store.open(index) as store, store.view() as view:
        if store.model != bundle.id:
            return None, why + f"another bundle encoded the index {index.name}"
        if not view.engine.exact:
            return None, why + f"the engine of the index {index.name} is approximate"
        sets = measured(view, site.asked, bundle.rankers[bundle.mode])
    return sets, sets.in_words()


def _made(bundle: Bundle, site: Site, first: Rows, second: Rows, seed: int) -> dict[str, Any]:
    """Say when and by what the gate was calibrated: numbers, but no name and no path."""
    return {
        "on": datetime.now(UTC).date().isoformat(),
        "from": bundle.id,
        "acir": version("acir"),
        "seed": seed,
        "a": len(first),
        "b": len(second),
        "refused": site.refused,
        "twice": site.twice,
        "patients": site.patients or None,
        "alike": site.alike,
    }


def _left_out(site: Site) -> list[str]:
    lines = list(site.notes)
    if site.refused:
        lines.append(
            f"left out {amount(site.refused, 'picture', 'pictures')} that the pre-flight refuses"
        )
    if site.twice:
        lines.append(
            f"left out {amount(site.twice, 'picture', 'pictures')} with the pixels of another"
        )
    return lines


def _lines(site: Site, found: _Promised) -> list[str]:
    lines = []
    if not site.patients:
        lines.append("no patient is named, so one may have pictures in both sets")
    if site.alike:
        lines.append(
            f"{site.alike} pictures without a patient are nearly the same as others; each of these "
            "groups is in one set"
        )
    lines.append(found.gate.promise_in_words())
    if found.above:
        lines.append(
            f"warning: ordinary pictures taken for {', '.join(found.above)} are called unknown at "
            f"more than {CAP} x {found.gate.calibration.alpha:.3g}, with 95 % confidence; give "
            "more of them in training, or do not rely on the promise for them"
        )
    return lines


def _for_the_card(made: Mapping[str, Any], gate: Gate) -> str:
    promise = gate.promise_in_words()
    return (
        f"Calibrated anew on {made['on']} by acir {made['acir']}, without training, from "
        f"{made['a']} + {made['b']} pictures of the site that uses it (seed {made['seed']}); the "
        f"bundle before was `{made['from'][:12]}`. {promise[0].upper()}{promise[1:]}. This holds "
        "for pictures like those; a new scanner ends it."
    )

"""`acir drift`: whether the queries of an index still look like the calibration pictures."""

from pathlib import Path
from typing import Any, Literal

from acir.amounts import amount
from acir.bundle import load_bundle
from acir.errors import UsageError
from acir.evaluation.drift_figure import bars
from acir.evaluation.report import Page, Panel, refuse_unwritable_page, write_page
from acir.index.store import Store
from acir.index.traffic import Traffic
from acir.metrics.proportions import chance_of_as_many
from acir.metrics.uniformity import chance_of_as_far, distance, histogram
from acir.types import Calibration
from acir.workflows.search import BUNDLE

FEWEST = 100
# Of each test. A watch is asked often, and each asking is a chance to be alarmed for nothing.
SIGNIFICANT = 0.01

Finding = Literal["too-few", "as-calibrated", "shifted", "promise-broken"]


def drift(index: Path, *, html: Path | None = None) -> dict[str, Any]:
    """Test the p-values that an index kept of its queries.

    Args:
        index: Folder of the index.
        html: Where to write a page with their histogram; None for none.

    Returns:
        What `acir drift --json` prints.

    Raises:
        UsageError: The index cannot be read, was never calibrated, or the page has no folder.
        StorageError: The page cannot be written.
    """
    if html is not None:
        refuse_unwritable_page(html)
    with Store.open(index) as store:
        calibration = load_bundle(index / BUNDLE).gate.calibration
        if calibration.n == 0:
            raise UsageError(
                f"the model of the index at {index} has no calibration pictures, so there is "
                "nothing that its queries could drift from; calibrate it with acir calibrate"
            )
        found = judged(store.traffic(), calibration)
    if html is not None:
        write_page(html, _page(found))
    return found


def judged(traffic: Traffic, calibration: Calibration) -> dict[str, Any]:
    """Test p-values against their uniform, and the share called unknown against the promise."""
    p, n = traffic.p_values, len(traffic.p_values)
    unknown = int((p <= calibration.r / (calibration.n + 1)).sum())
    far = distance(p, calibration.n) if n else 0.0
    tested = n >= FEWEST
    promised = calibration.promised
    found = {
        "n": n,
        "first": traffic.days[0] if n else None,
        "last": traffic.days[-1] if n else None,
        "calibration": vars(calibration),
        "unknown": unknown,
        "share": unknown / n if n else None,
        "share_p_value": chance_of_as_many(unknown, n, promised) if tested and promised else None,
        "distance": far if n else None,
        "distance_p_value": chance_of_as_far(far, n, calibration.n) if tested else None,
        "histogram": histogram(p).tolist(),
    }
    state = _finding(found)
    return {"finding": state, "in_words": _in_words(state, found, _promise(promised)), **found}


def _finding(found: dict[str, Any]) -> Finding:
    if found["n"] < FEWEST:
        return "too-few"
    if found["share_p_value"] is not None and found["share_p_value"] < SIGNIFICANT:
        return "promise-broken"
    return "shifted" if found["distance_p_value"] < SIGNIFICANT else "as-calibrated"


def _in_words(state: Finding, found: dict[str, Any], promise: str) -> str:
    if state == "too-few":
        return (
            f"{amount(found['n'], 'query was', 'queries were')} judged since the index keeps their "
            f"p-values, and at least {FEWEST} are needed to tell; ask again later"
        )
    seen = (
        f"of {found['n']} queries from {found['first']} to {found['last']}, {found['unknown']} "
        f"({found['share']:.3g}) were called unknown"
    )
    if state == "promise-broken":
        return (
            f"the promise does not hold for these queries: {seen}, {promise} (chance "
            f"{found['share_p_value']:.1g}); either more of them are foreign, or ordinary pictures "
            "look different now, which acir calibrate mends"
        )
    if state == "shifted":
        return (
            f"the queries have changed: {seen}, {promise}, but their p-values are not spread as "
            f"those of the calibration pictures (distance {found['distance']:.2g}, chance "
            f"{found['distance_p_value']:.1g}), so the promise may not hold much longer; look at "
            "what is new, and calibrate with acir calibrate"
        )
    return f"no sign of drift: {seen}, {promise}, and they look like the calibration pictures"


def _promise(promised: float | None) -> str:
    if promised is None:
        return "no rate was promised"
    return f"at most {promised:.3g} was promised of ordinary ones"


def _page(found: dict[str, Any]) -> Page:
    intro = f"{found['in_words'][0].upper()}{found['in_words'][1:]}."
    if not found["n"]:
        return Page("Drift", intro, ())
    caption = (
        f"p-values of {found['n']} queries in ten steps. Where the queries are as ordinary as the "
        "calibration pictures, each step reaches about the dashed line; foreign ones lie at the "
        "left end."
    )
    return Page("Drift", intro, (), figures=(Panel(bars(found["histogram"]), caption),))

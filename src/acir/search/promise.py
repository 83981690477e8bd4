"""A chosen risk of an answer, as far as a bundle can promise it in one state of an index."""

from dataclasses import dataclass, fields

from acir.answer_set import AnswerSets, size
from acir.errors import UsageError
from acir.index.view import View
from acir.search.request import Request
from acir.types import Ranking

BESIDE = ("risk", "k", "least")  # k is not read, and least only shows more of the other end


@dataclass(frozen=True)
class Promise:
    """How many hits are shown, and what that promises.

    Attributes:
        risk: That was chosen.
        limit: See `AnswerSets.limit`.
        calibrated: Pictures behind it.
        void: Why nothing is promised here, in words; empty where the promise holds.
    """

    risk: float
    limit: float
    calibrated: int
    void: str

    @property
    def kept(self) -> float | None:
        """The risk where it is promised, else None."""
        return None if self.void else self.risk

    def size(self, ranking: Ranking) -> int:
        """Return how many of the hits make the answer set."""
        return size(ranking.similarities, self.limit)

    def notice(self) -> str:
        """Say what is promised of these hits."""
        if self.void:
            return f"the risk of {self.risk:g} is no promise here: {self.void}"
        return (
            f"as many hits as a risk of {self.risk:g} takes: at most that share of pictures like "
            f"the {self.calibrated} of calibration is answered without a hit of its class"
        )


def promised(sets: AnswerSets | None, request: Request, view: View) -> Promise | None:
    """Return what a request's risk promises in one state of an index; None where it has none.

    Raises:
        UsageError: The bundle cannot promise this risk, or not for such a search.
    """
    if request.risk is None:
        return None
    refuse_other_ways(request)
    if sets is None:
        raise UsageError(
            "the bundle cannot promise a risk: it was not calibrated for answers; calibrate it "
            "with pictures that have labels, by acir calibrate --index"
        )
    return Promise(request.risk, sets.limit(request.risk), len(sets.doubts), _void(sets, view))


def refuse_other_ways(request: Request, *others: str) -> None:
    """Refuse to promise a risk for another search than that of calibration.

    Args:
        request: How to search.
        others: Further ways in which the search differs.

    Raises:
        UsageError: The request has a risk, and the search differs.
    """
    if request.risk is None:
        return
    named = {field.name: getattr(request, field.name) for field in fields(Request)}
    changed = [
        name
        for name, value in named.items()
        if name not in BESIDE and value is not False and value not in (None, {}, ())
    ]
    if changed or others:
        raise UsageError(
            "a risk is promised for a plain search by one new picture; leave out "
            f"{', '.join((*(name.replace('_', '-') for name in changed), *others))} or the risk"
        )


def _void(sets: AnswerSets, view: View) -> str:
    if not view.engine.exact:
        return "the engine of this index is approximate"
    if len(view.gallery.codes) == sets.pictures and view.contents() == sets.gallery:
        return ""
    return (
        f"the index holds other pictures than the {sets.pictures} that were searched in calibration"
    )

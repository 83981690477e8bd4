"""What is to be answered: a picture, a stored one, or several views of one case."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from acir.search.probe import Views
from acir.search.request import Request
from acir.types import Verdict

NONE = np.empty(0, dtype=np.int64)
STATES = ("known", "caution", "unknown")  # the worst last


@dataclass(frozen=True)
class Question:
    """What is to be answered.

    Attributes:
        name: What the caller calls it.
        verdict: On the picture, or on the worst view; None where the gate was not asked.
        views: What is looked for; without any, no hits are wanted.
        names: Of the views, where they are asked about together.
        worst: Name of the view that the verdict is on, likewise.
    """

    name: str
    verdict: Verdict | None
    views: Views
    names: tuple[str, ...] = ()
    worst: str | None = None


def is_withheld(verdict: Verdict | None, request: Request) -> bool:
    """Whether nothing may be retrieved for what the gate said this of."""
    return verdict is not None and verdict.verdict == "unknown" and not request.force


def joined(parts: Sequence[Question], request: Request) -> Question:
    """Make one question of several views of one case.

    The verdict is that on the worst view: by state, then by the lower p-value, then the first. What
    may not be a hit of one view may not be one of the case.
    """
    worst = max((p for p in parts if p.verdict), key=_severity, default=None)
    verdict = worst.verdict if worst else None
    views = [] if is_withheld(verdict, request) else [view for part in parts for view in part.views]
    barred = np.unique(
        np.concatenate([view.barred for part in parts for view in part.views] or [NONE])
    )
    names = tuple(part.name for part in parts)
    return Question(
        name=" + ".join(names),
        verdict=verdict,
        views=[replace(view, barred=barred) for view in views],
        names=names,
        worst=worst.name if worst else None,
    )


def _severity(question: Question) -> tuple[int, float]:
    assert question.verdict is not None
    return STATES.index(question.verdict.verdict), -question.verdict.p_value

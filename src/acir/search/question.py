"""What is to be answered: a picture, a stored one, or several views of one case."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from acir.search.probe import Views
from acir.search.request import Request
from acir.types import Verdict

NONE = np.empty(0, dtype=np.int64)
Judge = Callable[[Verdict, int], Verdict]
"""Makes of the verdict on the worst of so many pictures one on all; see `Gate.judge_together`."""


@dataclass(frozen=True)
class Question:
    """What is to be answered.

    Attributes:
        name: What the caller calls it.
        verdict: On the picture, or on all views; None where the gate was not asked.
        views: What is looked for; without any, no hits are wanted.
        names: Of the pictures, where they are asked about together.
        probed: Of those that are a view: one that cannot be read is none.
        worst: Name of the view that decides the verdict, likewise.
    """

    name: str
    verdict: Verdict | None
    views: Views
    names: tuple[str, ...] = ()
    probed: tuple[str, ...] = ()
    worst: str | None = None


def is_withheld(verdict: Verdict | None, request: Request) -> bool:
    """Whether nothing may be retrieved for what the gate said this of."""
    return verdict is not None and verdict.verdict == "unknown" and not request.force


def joined(parts: Sequence[Question], request: Request, judge: Judge) -> Question:
    """Make one question of several views of one case.

    The worst view decides the verdict: by state, then by the lower p-value, then the first. What
    may not be a hit of one view may not be one of the case.
    """
    judged = [part for part in parts if part.verdict]
    worst = max(judged, key=_severity, default=None)
    verdict = judge(worst.verdict, len(judged)) if worst and worst.verdict else None
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
        probed=tuple(part.name for part in parts if part.views),
        worst=worst.name if worst else None,
    )


def _severity(question: Question) -> tuple[int, float]:
    assert question.verdict is not None
    return question.verdict.severity

"""What the pictures of one call share, and how what was found for each becomes its answer."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int

from acir.index.view import View
from acir.search.deciding import Deciding
from acir.search.finder import Retrieved
from acir.search.probe import Examples
from acir.search.promise import Promise
from acir.search.question import Question
from acir.search.request import Request
from acir.types import SERIES, Answer, Hit, Match


@dataclass(frozen=True, eq=False)
class Asking:
    """The state of the index that answers, and the request.

    Attributes:
        view: The state.
        request: How to search.
        mode: Name of the ranker.
        examples: Stored pictures that were called like or unlike.
        promise: What sizes the answers; None where each has k hits.
    """

    view: View
    request: Request
    mode: str
    examples: Examples
    promise: Promise | None

    def barred(
        self, patient: str | None, pixel_hash: str, metadata: Mapping[str, str]
    ) -> Int[np.ndarray, " m"]:
        """Return the positions of a picture itself and of its patient, else of its series."""
        if patient is not None:
            own = self.view.same_patient(patient)
        else:
            own = self.view.members(SERIES, {metadata[SERIES]} if SERIES in metadata else ())
        itself = self.view.same_pixels(pixel_hash)
        return np.setdiff1d(own, itself) if self.request.include_self else np.union1d(own, itself)

    def answer(self, question: Question, found: Retrieved | None) -> Answer:
        """Put what was found into words; nothing was looked for where `found` is None."""
        request = self.request
        answer = Answer(
            question.name,
            question.verdict,
            self.mode,
            (),
            views=question.names,
            worst_view=question.worst,
            risk=request.risk,
        )
        if found is None:
            return answer
        ranking, notices = found.ranking, found.notices
        wanted = self.promise.size(ranking) if self.promise else request.k
        best = self._hits(found, range(min(wanted, len(ranking))), question)
        first_least = max(len(best), len(ranking) - request.least)
        least = self._hits(found, range(first_least, len(ranking)), question)
        if self.promise is not None:
            notices += (self.promise.notice(),)
        elif len(best) < request.k:
            what = "pictures" if request.per is None else "cases"
            notices += (f"{len(best)} {what} can be retrieved, {request.k} were asked for",)
        return replace(
            answer,
            hits=best,
            notices=notices,
            least=least,
            folded=found.folded,
            risk_promised=self.promise.kept if self.promise else None,
        )

    def _hits(self, found: Retrieved, positions: range, question: Question) -> tuple[Hit, ...]:
        places = np.array(positions, dtype=np.int64)
        chosen, per, within = found.ranking.take(places), self.request.per, self.request.collections
        entries = self.view.entries(chosen.rows)
        cases = self.view.values(chosen.rows, per, within) if per else [None] * len(entries)
        matches = self._matches(found.deciding and found.deciding.take(places), question)
        return tuple(
            Hit(
                rank=position + 1,
                id=entry.id,
                label=entry.label,
                distance=int(chosen.distances[i]),
                similarity=float(chosen.similarities[i]),
                path=entry.path,
                case=cases[i],
                matches=matches[i] if matches else (),
            )
            for i, (position, entry) in enumerate(zip(positions, entries, strict=True))
        )

    def _matches(self, decided: Deciding | None, question: Question) -> list[tuple[Match, ...]]:
        """Name the pictures that decided, for each of some cases."""
        if decided is None:
            return []
        rows, places = np.unique(decided.rows, return_inverse=True)
        ids = [entry.id for entry in self.view.entries(rows)]
        return [
            tuple(
                Match(view, ids[place], float(similarity))
                for view, place, similarity in zip(question.probed, row, near, strict=True)
            )
            for row, near in zip(
                places.reshape(decided.rows.shape), decided.similarities, strict=True
            )
        ]

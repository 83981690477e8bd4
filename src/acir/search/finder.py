"""From probes to hits: shortlist, content, cases, near-duplicates."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int

from acir.index.embeddings import Embeddings
from acir.index.engines.base import Allow
from acir.index.view import View
from acir.ranking.base import Ranker, cosine, unranked
from acir.search.cases import best_cases, numbered, scored
from acir.search.deciding import Deciding, deciding
from acir.search.duplicates import Originals
from acir.search.probe import Probe, Views
from acir.search.request import Request
from acir.search.shortlist import GROWTH, MOST, Shortlist, first_size, shortlists
from acir.types import Ranking


@dataclass(frozen=True, eq=False)
class Wanted:
    """What is to be found.

    Attributes:
        request: How.
        ranker: What orders it.
        allowed: Marks the positions that meet the request's conditions; None where it has none.
    """

    request: Request
    ranker: Ranker
    allowed: Allow


@dataclass(frozen=True, eq=False)
class Retrieved:
    """What was found for one set of views.

    Attributes:
        ranking: Best first; of near-duplicates, the first hits hold the best alone.
        folded: How many were left out so.
        enough: Whether all hits are there, or no other picture can be retrieved.
        notices: What a reader should know.
        deciding: Which pictures of each case decided; None where there is but one view or each
            picture is a case.
    """

    ranking: Ranking
    folded: int
    enough: bool
    notices: tuple[str, ...]
    deciding: Deciding | None = None


class Finder:
    """Find the pictures of an index that are like some views.

    Args:
        state: One state of the index.
        embeddings: Those that were read before.
    """

    def __init__(self, state: View, embeddings: Embeddings) -> None:
        self._state = state
        self._embeddings = embeddings

    def find(self, asked: Sequence[Views], request: Request, ranker: Ranker) -> list[Retrieved]:
        """Answer many sets of views together, each as it would be answered alone.

        Where near-duplicates or cases leave fewer hits than wanted, more candidates are taken.

        Raises:
            UsageError: A filter or the key of the cases does not exist.
        """
        wanted = Wanted(request, ranker, self._allowed(request))
        size = first_size(request.k)
        found = self._round(asked, size, wanted)
        while size < MOST and not all(one.enough for one in found):
            size *= GROWTH
            short = [i for i, one in enumerate(found) if not one.enough]
            again = self._round([asked[i] for i in short], size, wanted)
            for i, one in zip(short, again, strict=True):
                found[i] = one
        return found

    def _allowed(self, request: Request) -> Allow:
        """Mark what a request may find; marks that exclude nothing would only be counted."""
        if not request.where and request.collections is None:
            return None
        return self._state.select(request.where or {}, request.collections)

    def _round(self, asked: Sequence[Views], size: int, wanted: Wanted) -> list[Retrieved]:
        probes = [view for views in asked for view in views]
        radius = wanted.request.radius
        lists = iter(shortlists(self._state.engine, probes, wanted.allowed, size, radius))
        return [self._retrieved(views, [next(lists) for _ in views], wanted) for views in asked]

    def _retrieved(self, views: Views, lists: Sequence[Shortlist], wanted: Wanted) -> Retrieved:
        decided, folded = None, 0
        if len(views) == 1 and wanted.request.per is None:
            ranking = wanted.ranker.rank(self._candidates(views[0], lists[0]))
        else:
            ranking, decided = self._cases(views, lists, wanted)
        if not wanted.request.keep_duplicates:
            order, folded = self._folded(views, ranking, wanted.request)
            ranking, decided = ranking.take(order), decided and decided.take(order)
        enough = len(ranking) >= wanted.request.k or all(each.complete for each in lists)
        notices = dict.fromkeys(each.notice for each in lists if each.notice)
        return Retrieved(ranking, folded, enough, tuple(notices), decided)

    def _candidates(self, view: Probe, found: Shortlist) -> Ranking:
        cosines = cosine(view.embedding, self._embeddings.of(self._state, found.rows))
        return unranked(found.rows, found.distances, cosines)

    def _cases(
        self, views: Views, lists: Sequence[Shortlist], wanted: Wanted
    ) -> tuple[Ranking, Deciding | None]:
        """Rank the cases of all candidates, each by all of its pictures that are allowed.

        A radius allows none but the candidates: it holds all pictures within it.
        """
        rows, per = np.unique(np.concatenate([each.rows for each in lists])), wanted.request.per
        if per is not None and wanted.request.radius is None:
            rows = np.union1d(rows, self._members(rows, views[0], wanted))
        names = self._named(rows, wanted) if per is not None else [None] * len(rows)
        codes, embeddings = (
            self._state.gallery.codes[rows],
            self._embeddings.of(self._state, rows),
        )
        ranked = [scored(wanted.ranker, view, codes, embeddings) for view in views]
        cases = numbered(names)
        found, decided = best_cases(ranked, cases), None
        if len(views) > 1 and per is not None:
            decided = deciding(ranked, cases, found.rows)
            decided = replace(decided, rows=rows[decided.rows])
        return replace(found, rows=rows[found.rows]), decided

    def _members(
        self, rows: Int[np.ndarray, " c"], view: Probe, wanted: Wanted
    ) -> Int[np.ndarray, " m"]:
        """Return all pictures of the cases of some, but for those that may not be found."""
        assert wanted.request.per is not None
        named = {name for name in self._named(rows, wanted) if name is not None}
        members = self._state.members(wanted.request.per, named)
        if wanted.allowed is not None:
            members = members[wanted.allowed[members]]
        return np.setdiff1d(members, view.barred)

    def _named(self, rows: Int[np.ndarray, " c"], wanted: Wanted) -> list[str | None]:
        """Return the case of each picture, None for one without."""
        assert wanted.request.per is not None
        return self._state.values(rows, wanted.request.per, wanted.request.collections)

    def _folded(
        self, views: Views, ranking: Ranking, request: Request
    ) -> tuple[Int[np.ndarray, " m"], int]:
        """Return the order that leaves near-duplicates out, and how many it leaves."""
        codes, embeddings = (
            self._state.gallery.codes[ranking.rows],
            self._embeddings.of(self._state, ranking.rows),
        )
        met = Originals(() if request.include_self else views)
        return met.fold(codes, embeddings, request.k)

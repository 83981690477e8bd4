"""Answers to pictures that were examined: each alone, all as one case, or series by series."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from acir.errors import UnreadableImageError, UsageError
from acir.search import Examined, Named, Request, Searcher
from acir.types import SERIES, Answer

BATCH = 16  # queries of one scan of the codes; their answers wait for the last of them


def one_by_one(
    searcher: Searcher, asked: Iterable[Named], request: Request
) -> Iterator[tuple[Named, Answer]]:
    """Answer each picture, several with one scan of the codes."""
    for batch in _batches(asked):
        yield from zip(batch, searcher.answers(batch, request), strict=True)


def as_one(
    searcher: Searcher, asked: Iterable[Named], request: Request
) -> Iterator[tuple[Named, Answer]]:
    """Answer once; the view that is shown with the answer is the worst."""
    views = list(asked)
    answer = searcher.together(views, request)
    yield next((view for view in views if view[0] == answer.worst_view), views[0]), answer


def by_series(
    searcher: Searcher, asked: Iterable[Named], request: Request
) -> Iterator[tuple[Named, Answer]]:
    """Answer once a series, under its keyed hash; what cannot be read has an answer of its own."""
    request, views = replace(request, per=SERIES), list[Named]()
    for named in asked:
        if isinstance(named[1], UnreadableImageError):
            yield from one_by_one(searcher, [named], request)
            continue
        if views and _series(views[0]) != _series(named):
            yield from _series_answer(searcher, views, request)
            views = []
        views.append(named)
    if views:
        yield from _series_answer(searcher, views, request)


def _series_answer(
    searcher: Searcher, views: Sequence[Named], request: Request
) -> Iterator[tuple[Named, Answer]]:
    for named, answer in as_one(searcher, views, request):
        yield named, replace(answer, query=_series(views[0]))


def _series(named: Named) -> str:
    """Name the series of a picture; one without is a series of its own."""
    name, found = named
    return found.record.metadata.get(SERIES, name) if isinstance(found, Examined) else name


def _batches(asked: Iterable[Named]) -> Iterator[list[Named]]:
    """Gather what is asked; where that fails, what came before is passed on first."""
    batch: list[Named] = []
    try:
        for named in asked:
            batch.append(named)
            if len(batch) == BATCH:
                yield batch
                batch = []
    except UsageError:
        if batch:
            yield batch
        raise
    if batch:
        yield batch

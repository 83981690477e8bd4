"""Answers as a page: the pictures behind an answer, gathered for `acir.evaluation.report`."""

import numpy as np
from einops import rearrange

from acir.errors import UnreadableImageError
from acir.evaluation.figures import heat_map, png
from acir.evaluation.report import QueryReport
from acir.index.entry import Entry
from acir.search import Named, Searcher
from acir.types import Answer


def query_report(searcher: Searcher, asked: Named, answer: Answer) -> QueryReport:
    """Gather the query's picture, the thumbnails of its hits and, if it is odd, the heat map."""
    entries = stored(searcher, answer)
    thumbnails = {entry.id: entry.thumbnail for entry in entries if entry.thumbnail}
    found = asked[1]
    if isinstance(found, Entry):
        return QueryReport(answer, found.thumbnail, thumbnails)
    if isinstance(found, UnreadableImageError):
        return QueryReport(answer, None, thumbnails)
    picture = rearrange(searcher.bundle.prep(found.record), "channel y x -> y x channel")
    where = None
    if found.evidence is not None and found.verdict.verdict != "known":
        differs = searcher.heat_map(found.evidence)
        if differs is not None:
            where = heat_map(picture, differs.numpy().astype(np.float64))
    return QueryReport(answer, png(picture), thumbnails, where)


def stored(searcher: Searcher, answer: Answer) -> list[Entry]:
    """Return what the index holds of an answer's hits."""
    ids = [hit.id for hit in (*answer.hits, *answer.least)]
    return searcher.store.named(ids)

"""`acir search` and `acir check`, and the two names of the Python API."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from acir.bundle import load_bundle
from acir.errors import UnreadableImageError, UsageError
from acir.evaluation.report import Page, QueryReport, write_page
from acir.index import engines
from acir.index.store import Store
from acir.privacy.pseudonym import load_key
from acir.search import Model, Request, Searcher
from acir.sources.base import SourceOptions, open_source
from acir.types import Answer, ImageRecord, Verdict
from acir.workflows.answers import query_report

__all__ = ["LEAST", "Request", "check", "check_line", "load", "open_index", "search", "search_line"]

BUNDLE = "bundle"
KEY = "secret.key"
LEAST = 3  # of the least similar of the retrieved, on a page


def load(bundle: str | Path, device: str = "cpu") -> Model:
    """Open a bundle; `model.check(image)` says whether it knows the picture's kind.

    Raises:
        BundleError: It is missing, altered, truncated or of another version.
    """
    return Model(load_bundle(Path(bundle), device))


def open_index(folder: str | Path, device: str = "cpu") -> Searcher:
    """Open an index; `index.search(image, k=10)` retrieves similar pictures.

    Raises:
        StoreError: It is missing, altered, truncated or of another version.
        BundleError: The copy of the bundle inside it is.
    """
    folder = Path(folder)
    store = Store.open(folder)
    bundle = load_bundle(folder / BUNDLE, device)
    if bundle.id != store.model:
        store.close()
        raise UsageError(
            f"the index at {folder} was built with another model than the bundle inside it; "
            "restore a copy of the index or build it again"
        )
    engine = engines.get(store.engine)(store.gallery().codes)
    return Searcher(store, engine, bundle)


def search(
    index: Path,
    queries: Sequence[str],
    request: Request,
    *,
    html: Path | None = None,
    device: str = "cpu",
) -> Iterator[Answer]:
    """Answer each picture of each query source in turn.

    A picture that cannot be read has an answer too: unknown, without hits.

    Args:
        index: Folder of the index.
        queries: SOURCEs.
        request: How to search.
        html: Where to write a page of all answers after the last; None for none.
        device: Where the network is to run.

    Raises:
        UsageError: Nothing could be read at all, or the request is impossible.
    """
    reports: list[QueryReport] = []
    with open_index(index, device) as searcher:
        options = SourceOptions(key=load_key(index / KEY))
        for name, found in _pictures(queries, options):
            examined = None
            if isinstance(found, UnreadableImageError):
                answer = searcher.unreadable(name, found)
            else:
                examined = searcher.examine(found)
                answer = searcher.answer(name, examined, request)
            if html is not None:
                reports.append(query_report(searcher, examined, answer))
            yield answer
    if html is not None:
        intro = f"{len(reports)} queries, answered from {index.name}."
        write_page(html, Page("Similar pictures", intro, tuple(reports)))


def check(
    bundle: Path, sources: Sequence[str], device: str = "cpu"
) -> Iterator[tuple[str, Verdict]]:
    """Judge each picture of each source in turn.

    Raises:
        UsageError: Nothing could be read at all.
    """
    model = load(bundle, device)
    for name, found in _pictures(sources, SourceOptions(key=b"check")):
        if isinstance(found, UnreadableImageError):
            yield name, model.refuse(found)
        else:
            yield name, model.examine(found).verdict


def search_line(answer: Answer) -> dict[str, Any]:
    """Return the JSON object of one answer; the keys are a contract."""
    verdict = answer.verdict
    line = {
        "query": answer.query,
        "verdict": verdict.verdict,
        "p_value": verdict.p_value,
        "reason": verdict.reason,
        "reason_code": verdict.reason_code,
        "mode": answer.mode,
        "hits": [asdict(hit) for hit in answer.hits],
    }
    return line | ({"notices": list(answer.notices)} if answer.notices else {})


def check_line(name: str, verdict: Verdict) -> dict[str, Any]:
    """Return the JSON object of one verdict; the keys are a contract."""
    return {
        "query": name,
        "verdict": verdict.verdict,
        "p_value": verdict.p_value,
        "reason": verdict.reason,
        "reason_code": verdict.reason_code,
        "scores": dict(verdict.scores),
        "calibration": asdict(verdict.calibration),
    }


def _pictures(
    sources: Sequence[str], options: SourceOptions
) -> Iterator[tuple[str, ImageRecord | UnreadableImageError]]:
    """Yield the pictures of all sources with their names; one alone is named as it was given."""
    readable, last = False, None
    for text in sources:
        for found in open_source(text, options).records():
            if isinstance(found, UnreadableImageError):
                last, name = found, found.path
            else:
                readable, name = True, found.id
            yield (text if name == Path(text).name else name), found
    if not readable:
        raise UsageError(f"no picture could be read; the last one: {last}")

"""`acir search` and `acir check`, and the two names of the Python API."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from acir.amounts import amount
from acir.bundle import load_bundle, verify_bundle
from acir.errors import SourceError, StoreError, UnreadableImageError, UsageError
from acir.evaluation.report import Page, QueryReport, refuse_unwritable_page, write_page
from acir.index.folder import require_index
from acir.index.store import Store
from acir.pacs.files import is_dicom_file
from acir.privacy.pseudonym import load_key
from acir.search import Model, Named, Request, Searcher, Witness
from acir.search.promise import refuse_other_ways
from acir.sources.base import SourceOptions, open_source
from acir.types import Answer, ImageRecord, Verdict
from acir.workflows.answering import as_one, by_series, one_by_one
from acir.workflows.answers import query_report
from acir.workflows.notes import converted_lines
from acir.workflows.recording import witness_of

__all__ = ["LEAST", "Request", "check", "check_line", "load", "open_index", "search", "search_line"]

BUNDLE = "bundle"
KEY = "secret.key"
LEAST = 3  # of the least similar of the retrieved, on a page

Say = Callable[[str], None]


def load(bundle: str | Path, device: str = "cpu") -> Model:
    """Open a bundle; `model.check(image)` says whether it knows the picture's kind.

    Raises:
        BundleError: It is missing, altered, truncated or of another version.
        UsageError: It is no path, or there is no such device.
    """
    return Model(load_bundle(_path("bundle", bundle), device))


def _path(name: str, given: str | Path) -> Path:
    """Return a path, which a caller in Python may have given as something else.

    Raises:
        UsageError: It is something else, or empty, as a variable that is not set leaves it.
    """
    if not isinstance(given, str | Path) or given == "":
        raise UsageError(f"{name} is {given!r}, expected the path of a folder")
    return Path(given)


def bundle_of(index: Path) -> str:
    """Check every file of the bundle inside an index and return the bundle's id.

    Raises:
        StoreError: There is no index.
        BundleError: The bundle is missing, incomplete, altered or of another format.
    """
    require_index(index)
    return verify_bundle(index / BUNDLE)


def open_index(folder: str | Path, device: str = "cpu", witness: Witness | None = None) -> Searcher:
    """Open an index; `index.search(image, k=10)` retrieves similar pictures.

    Of an audited index every answer is recorded before it is returned, in the name of the user of
    the operating system.

    Args:
        folder: Of the index.
        device: Where the network is to run.
        witness: Records the answers in place of this, for a caller who knows who asks.

    Raises:
        StoreError: It is missing, altered, truncated or of another version.
        BundleError: The copy of the bundle inside it is.
        UsageError: It is no path, or there is no such device.
    """
    folder = _path("folder", folder)
    with ExitStack() as opened:
        store = opened.enter_context(Store.open(folder))
        bundle = load_bundle(folder / BUNDLE, device)
        if bundle.id != store.model:
            raise StoreError(
                f"the index at {folder} was built with another model than the bundle inside it; "
                "restore a copy of the index or build it again"
            )
        with store.view() as view:
            _ = view.engine  # built now rather than by the first query
        seen_by = witness_of(store) if witness is None else witness
        searcher = Searcher(store, bundle, load_key(folder / KEY), seen_by)
        opened.pop_all()
    return searcher


def search(
    index: Path,
    queries: Sequence[str],
    request: Request,
    *,
    stored: Sequence[str] = (),
    together: bool = False,
    series: bool = False,
    html: Path | None = None,
    device: str = "cpu",
    say: Say = lambda _: None,
) -> Iterator[Answer]:
    """Answer each picture of each query source in turn, then each stored one, or all as one case.

    Of series, each has one answer, by all its slices that a source gives; a folder gives those that
    speak for the series in it. The hits are series, too.

    A picture that cannot be read has an answer too: unknown, without hits.

    Args:
        index: Folder of the index.
        queries: SOURCEs.
        request: How to search.
        stored: Ids of stored pictures to ask about.
        together: Whether all these are views of one case, which has one answer.
        series: Whether each series in the sources is a case.
        html: Where to write a page of all answers after the last; None for none.
        device: Where the network is to run.
        say: Takes a line for a person.

    Raises:
        UsageError: Nothing could be read at all, or the request is impossible.
    """
    _refuse_impossible(request, queries, stored, html, several=together or series)
    reports: list[QueryReport] = []
    converted = Counter[str]()
    with open_index(index, device) as searcher:
        for line in searcher.remarks:
            say(line)
        texts = [_of_series(text) for text in queries] if series else queries
        asked = _asked(searcher, texts, stored, request.collections, converted, say)
        answer_all = by_series if series else as_one if together else one_by_one
        for found, answer in answer_all(searcher, asked, request):
            if html is not None:
                reports.append(query_report(searcher, found, answer))
            yield answer
    for line in converted_lines(converted.total()):
        say(line)
    if html is not None:
        write_page(html, _page(index, reports))


def _refuse_impossible(
    request: Request,
    queries: Sequence[str],
    stored: Sequence[str],
    html: Path | None,
    *,
    several: bool,
) -> None:
    """Refuse what cannot be asked together, and a page that could not be written."""
    if not (queries or stored):
        raise UsageError("there is nothing to ask about; give a picture, or --id with a stored one")
    others = (*(["stored pictures"] if stored else []), *(["several views"] if several else []))
    refuse_other_ways(request, *others)
    if html is not None:
        refuse_unwritable_page(html)


def _page(index: Path, reports: Sequence[QueryReport]) -> Page:
    intro = f"{amount(len(reports), 'query', 'queries')}, answered from {index.name}."
    return Page("Similar pictures", intro, tuple(reports))


def check(
    bundle: Path,
    sources: Sequence[str],
    *,
    together: bool = False,
    device: str = "cpu",
    say: Say = lambda _: None,
) -> Iterator[tuple[str, Verdict]]:
    """Judge each picture of each source in turn, or all with one verdict.

    Args:
        bundle: Folder of the bundle.
        sources: SOURCEs.
        together: Whether they are views of one case, or slices of a series, that are judged as one;
            the most unusual one gives the name.
        device: Where the network is to run.
        say: Takes a line for a person.

    Raises:
        UsageError: Nothing could be read at all.
    """
    model = load(bundle, device)
    verdicts = _verdicts(model, sources, say)
    if not together:
        yield from verdicts
        return
    named = list(verdicts)
    name, worst = max(named, key=lambda one: one[1].severity)
    yield name, model.bundle.gate.judge_together(worst, len(named))


def _verdicts(model: Model, sources: Sequence[str], say: Say) -> Iterator[tuple[str, Verdict]]:
    converted = 0
    for name, found in _pictures(sources, model.key, say):
        if isinstance(found, UnreadableImageError):
            yield name, model.refuse(found)
        else:
            converted += model.bundle.prep.converts(found)
            yield name, model.examine(found).verdict
    for line in converted_lines(converted):
        say(line)


def search_line(answer: Answer) -> dict[str, Any]:
    """Return the JSON object of one answer; the keys are a contract."""
    verdict = answer.verdict
    return {
        "query": answer.query,
        "verdict": verdict and verdict.verdict,
        "p_value": verdict and verdict.p_value,
        "reason": verdict and verdict.reason,
        "reason_code": verdict and verdict.reason_code,
        "mode": answer.mode,
        "hits": [asdict(hit) for hit in answer.hits],
        "folded": answer.folded,
        "views": list(answer.views),
        "worst_view": answer.worst_view,
        "risk": answer.risk,
        "risk_promised": answer.risk_promised,
    }


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
        "pictures": verdict.pictures,
    }


def _asked(
    searcher: Searcher,
    queries: Sequence[str],
    stored: Sequence[str],
    within: frozenset[str] | None,
    converted: Counter[str],
    say: Say,
) -> Iterator[Named]:
    """Examine the pictures of all sources one by one, then give the stored ones."""
    held = searcher.stored(stored, within)
    for name, found in _pictures(queries, searcher.key, say) if queries else ():
        if isinstance(found, UnreadableImageError):
            yield name, found
        else:
            converted[name] += searcher.bundle.prep.converts(found)
            yield name, searcher.examine(found)
    yield from held


def _of_series(text: str) -> str:
    """Have a folder, or a DICOM file, give the slices that speak for each series in it."""
    path = Path(text)
    has_series = path.is_dir() or (path.is_file() and is_dicom_file(path))
    return f"dicom:{text}@series" if has_series else text


def _pictures(
    texts: Sequence[str], key: bytes, say: Say
) -> Iterator[tuple[str, ImageRecord | UnreadableImageError]]:
    """Yield the pictures of all sources with their names; one alone is named as it was given."""
    readable, last = False, None
    # All are opened first: a misspelt one must not stop the work half way.
    sources = [(text, open_source(text, SourceOptions(key=key))) for text in texts]
    for text, source in sources:
        empty = True
        for found in source.records():
            empty = False
            if isinstance(found, UnreadableImageError):
                last, name = found, found.path
            else:
                readable, name = True, found.id
            yield (text if name == Path(text).name else name), found
        for line in source.remarks:
            say(line)
        if empty:
            raise SourceError(f"{text} holds no picture; give a picture or a source of some")
    if not readable:
        raise UsageError(f"no picture could be read; the last one: {last}")

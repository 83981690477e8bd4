"""`acir evaluate`: how good retrieval is, queries against a gallery."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from acir.amounts import amount
from acir.bundle import Bundle, load_bundle
from acir.errors import SourceError, UsageError
from acir.evaluation.protocol import Evaluation
from acir.evaluation.protocol import evaluate as evaluate_coded
from acir.evaluation.report import refuse_unwritable_page
from acir.evaluation.retrieved import NamedSet
from acir.privacy.pseudonym import fresh_key
from acir.sources.base import SourceOptions, open_source
from acir.types import Progress, silent
from acir.workflows.coding import Coder

Say = Callable[[str], None]


def evaluate(
    bundle_folder: Path,
    gallery: str,
    queries: str,
    *,
    mode: str | None = None,
    drop_overlap: bool = False,
    html: Path | None = None,
    unknown: str | None = None,
    strict: bool = False,
    device: str = "cpu",
    progress: Progress = silent,
    say: Say = lambda _: None,
) -> dict[str, Any]:
    """Rank the gallery for every query and return the metrics; the keys are a contract.

    Args:
        bundle_folder: The model.
        gallery: SOURCE that is searched, exactly as named.
        queries: SOURCE that is asked.
        mode: Ranker of the re-ranked block; None for the one that validation favoured.
        drop_overlap: Leave out queries that the gallery holds too, or whose patient it shows,
            instead of refusing them.
        html: Where to write a page of pictures of the evaluation; None for none.
        unknown: SOURCE of pictures of kinds that the model does not know, shown on the page.
        strict: Whether an unreadable picture is an error.
        device: Where the network is to run.
        progress: Shows how far the encoding is.
        say: Takes a line for a person.

    Raises:
        SourceError: A query or its patient is in the gallery, a label is not of the model, or
            nothing is there.
        UsageError: The bundle, the mode or the place of the page cannot be used.
        StorageError: The page cannot be written.
    """
    _refuse_misuse(html, unknown)
    bundle = load_bundle(bundle_folder, device)
    ranked_by = bundle.mode_named(mode)
    options = SourceOptions(strict=strict, key=fresh_key())
    if unknown is not None:
        open_source(unknown, options)  # a misspelt one must not stop the work half way
    coder = Coder(bundle, options, progress, say)
    searched = coder.known(gallery)
    asked = coder.known(queries, judged=html is not None)
    if drop_overlap:
        asked = _new(asked, searched, say)
    _refuse_shared_patients(asked, searched)
    _warn_of_leakage(asked, searched, bundle, say)
    found = _measured(bundle, ranked_by, searched, asked, say)
    if html is not None:
        _write_page(html, coder, (gallery, queries, unknown), searched, asked, found)
    return found.to_dict()


def _refuse_misuse(html: Path | None, unknown: str | None) -> None:
    if html is not None:
        refuse_unwritable_page(html)
    elif unknown is not None:
        raise UsageError(
            f"--unknown {unknown} is shown on the page alone; add --html PATH or leave it out"
        )


def _new(asked: NamedSet, searched: NamedSet, say: Say) -> NamedSet:
    """Leave out the queries that the gallery holds, and those whose patient it shows.

    Raises:
        SourceError: None is left.
    """
    new = asked.without(searched)
    if len(new) < len(asked):
        say(f"left out {amount(len(asked) - len(new), 'query', 'queries')} that the gallery holds")
    of_others = new.of_other_patients(searched)
    if len(of_others) < len(new):
        shown = amount(len(new) - len(of_others), "query", "queries")
        say(f"left out {shown} of patients whom the gallery shows")
    if not len(of_others):
        counted = amount(len(asked), "query picture", "query pictures")
        raise SourceError(
            f"--drop-overlap leaves none of {counted}, as the gallery holds each or shows its "
            "patient; give queries that are new to it"
        )
    return of_others


def _refuse_shared_patients(asked: NamedSet, searched: NamedSet) -> None:
    """Refuse queries of patients whom the gallery shows: their other pictures are near by nature.

    Raises:
        SourceError: There is one.
    """
    shared = len(asked) - len(asked.of_other_patients(searched))
    if shared:
        given = amount(len(asked), "query picture", "query pictures")
        raise SourceError(
            f"the gallery shows the patient of {shared} of {given} too, so that the figures would "
            "measure memory; give every patient to one of the two, or add --drop-overlap to leave "
            "these queries out"
        )


def _warn_of_leakage(asked: NamedSet, searched: NamedSet, bundle: Bundle, say: Say) -> None:
    """Say what may make the figures too good and cannot be refused."""
    learned = sum(pixels in bundle.training for pixels in asked.pictures.pixel_hashes)
    if learned:
        given = amount(len(asked), "query picture", "query pictures")
        say(
            f"warning: {learned} of {given} taught or validated the model, so expect less on new "
            "ones"
        )
    if not (any(searched.patients) and any(asked.patients)):
        say("no patient is named, so leakage between gallery and queries cannot be excluded")


def _measured(
    bundle: Bundle, mode: str, searched: NamedSet, asked: NamedSet, say: Say
) -> Evaluation:
    found = evaluate_coded(
        searched.pictures,
        asked.pictures,
        class_names=bundle.class_names,
        ranker=bundle.rankers[mode],
        mode=mode,
    )
    if found.n_excluded:
        have = amount(found.n_excluded, "query has", "queries have")
        say(f"{have} no picture of the same class in the gallery")
    return found


def _write_page(
    html: Path,
    coder: Coder,
    sources: tuple[str, str, str | None],
    searched: NamedSet,
    asked: NamedSet,
    found: Evaluation,
) -> None:
    # Only a page is worth loading what draws figures.
    from acir.workflows.evaluation_report import Evaluated, Sources, write_report  # noqa: PLC0415

    named = Sources(*sources)
    foreign = None if named.unknown is None else coder.foreign(named.unknown)
    write_report(html, coder, Evaluated(found, searched, asked[found.rows], foreign), named)

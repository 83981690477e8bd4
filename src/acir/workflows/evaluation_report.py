"""`acir evaluate --html`: gather what the page of an evaluation shows."""

import math
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int

from acir import codes
from acir.amounts import amount
from acir.errors import SourceError
from acir.evaluation import maps
from acir.evaluation.confusion import UNKNOWN_KIND, Answered, Confusion, confusion
from acir.evaluation.evaluation_page import ClassRow, EvaluationPage, Key
from acir.evaluation.galleries import exhibits
from acir.evaluation.protocol import Evaluation
from acir.evaluation.report import Panel, write_page
from acir.evaluation.retrieved import NamedSet, first_hits, spread
from acir.ranking.base import Ranker
from acir.sources.base import SourceOptions, open_source
from acir.workflows.coding import Coder
from acir.workflows.entries import thumbnail

SYNTHETIC = "phantom:"
MAPPED = 1500  # queries on a map at most: t-SNE of 2,000 pictures takes seconds
MAPPED_UNKNOWN = 500


@dataclass(frozen=True)
class Evaluated:
    """An evaluation with the pictures behind it.

    Attributes:
        metrics: Of the queries.
        searched: The gallery.
        asked: The scored queries, judged.
        foreign: Pictures of kinds that the model does not know, judged; None for none.
    """

    metrics: Evaluation
    searched: NamedSet
    asked: NamedSet
    foreign: NamedSet | None


@dataclass(frozen=True)
class Sources:
    """What was evaluated, as SOURCEs; `unknown` is None where nothing foreign was asked."""

    gallery: str
    queries: str
    unknown: str | None


def write_report(path: Path, coder: Coder, found: Evaluated, sources: Sources) -> None:
    """Write the page; the pictures on it are read once more from their sources.

    Raises:
        SourceError: A foreign picture is in the gallery or among the queries.
        StorageError: The page cannot be written.
    """
    bundle, mode = coder.bundle, found.metrics.mode
    _refuse_known(found, sources)
    table = _confusion(found, bundle.rankers[mode])
    shown = exhibits(found.searched, found.asked, bundle.class_names, bundle.rankers[mode])
    hits = {one.hit.id for row in shown for one in (*row.nearest, *row.least)}
    drawn, legend = _maps(found)
    page = EvaluationPage(
        title=f"Evaluation of {found.metrics.bits}-bit codes",
        intro=_intro(found, sources),
        queries=(),
        facts=_facts(found),
        mode=mode,
        classes=_class_rows(found.metrics),
        confusion=table,
        excluded=found.metrics.n_excluded,
        promise=bundle.gate.promise_in_words(),
        maps=drawn,
        legend=legend,
        exhibits=shown,
        asked=_thumbnails(sources.queries, coder.options, {row.query for row in shown}),
        held=_thumbnails(sources.gallery, coder.options, hits),
        synthetic=SYNTHETIC in f"{sources.gallery} {sources.queries}",
    )
    write_page(path, page)


def _refuse_known(found: Evaluated, sources: Sources) -> None:
    """Refuse foreign pictures that the model was asked to know: they would count both ways."""
    if found.foreign is None:
        return
    known = {*found.searched.pictures.pixel_hashes, *found.asked.pictures.pixel_hashes}
    overlap = sum(pixels in known for pixels in found.foreign.pictures.pixel_hashes)
    if overlap:
        given = amount(len(found.foreign), "picture", "pictures")
        raise SourceError(
            f"the gallery or the queries hold {overlap} of {given} of {sources.unknown} too, pixel "
            "for pixel; give pictures of kinds that the model does not know"
        )


def _confusion(found: Evaluated, ranker: Ranker) -> Confusion:
    names = found.metrics.class_names
    queries = _answered(found.searched, found.asked, ranker)
    if found.foreign is None:
        return confusion(names, queries)
    return confusion(names, queries, _answered(found.searched, found.foreign, ranker))


def _answered(searched: NamedSet, asked: NamedSet, ranker: Ranker) -> Answered:
    best = first_hits(searched.pictures, asked.pictures, ranker)
    return Answered(asked.pictures.labels, searched.pictures.labels[best], _refused(asked))


def _refused(asked: NamedSet) -> Bool[np.ndarray, " n"]:
    return np.array([state == "unknown" for state in asked.states], dtype=np.bool_)


def _maps(found: Evaluated) -> tuple[tuple[Panel, ...], tuple[Key, ...]]:
    """Draw the maps of codes and of blended features, and their legend."""
    parts = [found.asked[spread(len(found.asked), MAPPED)]]
    classes = [parts[0].pictures.labels.argmax(axis=1)]
    if found.foreign is not None:
        parts.append(found.foreign[spread(len(found.foreign), MAPPED_UNKNOWN)])
        classes.append(np.full(len(parts[1]), maps.OUTSIDE))
    marked = np.concatenate(classes)
    if len(marked) < maps.FEWEST:
        return (), ()
    vectors = {
        f"Codes of {found.metrics.bits} bits": [codes.unpack(p.pictures.codes) for p in parts],
        "Blended features": [p.pictures.embeddings.astype(np.float32) for p in parts],
    }
    drawn = tuple(
        Panel(maps.embedding_map(np.concatenate(columns), marked), title)
        for title, columns in vectors.items()
    )
    return drawn, _legend(found.metrics.class_names, marked)


def _legend(class_names: tuple[str, ...], marked: Int[np.ndarray, " n"]) -> tuple[Key, ...]:
    keys = []
    for number, name in [*enumerate(class_names), (maps.OUTSIDE, UNKNOWN_KIND)]:
        if count := int((marked == number).sum()):
            shown = None if number == maps.OUTSIDE else number + 1
            keys.append(Key(shown, name, count, maps.key(number)))
    return tuple(keys)


def _thumbnails(text: str, options: SourceOptions, ids: Collection[str]) -> dict[str, bytes]:
    """Read the pictures that are shown; keeping all of them meanwhile could fill the memory."""
    missing, found = set(ids), dict[str, bytes]()
    for record in open_source(text, options):
        if record.id in missing:
            found[record.id] = thumbnail(record)
            missing.remove(record.id)
        if not missing:
            break
    return found


def _class_rows(metrics: Evaluation) -> tuple[ClassRow, ...]:
    rows = []
    for (name, row), has_class in zip(metrics.per_class().items(), metrics.labels.T, strict=True):
        scored = bool(has_class.any())
        reranked = float(metrics.reranked["mAP"][has_class].mean()) if scored else None
        rows.append((name, int(has_class.sum()), row["mAP"], reranked))
    lowest = min(by_code for _, _, by_code, _ in rows if by_code is not None)
    # The last bits of a mean are no difference.
    return tuple(
        ClassRow(*row, worst=row[2] is not None and math.isclose(row[2], lowest)) for row in rows
    )


def _facts(found: Evaluated) -> dict[str, str]:
    metrics = found.metrics
    facts = {
        "mAP, codes alone": f"{metrics.scores['mAP'].mean():.3f}",
        f"mAP, {metrics.mode} order": f"{metrics.reranked['mAP'].mean():.3f}",
        f"first hit right, {metrics.mode} order": f"{100 * metrics.reranked['P@1'].mean():.1f} %",
        "ordinary queries called unknown": _share(found.asked),
    }
    if found.foreign is not None:
        facts["unknown kinds recognised"] = _share(found.foreign)
    return facts


def _share(asked: NamedSet) -> str:
    refused = int(_refused(asked).sum())
    return f"{100 * refused / len(asked):.1f} % ({refused:,} of {len(asked):,})"


def _intro(found: Evaluated, sources: Sources) -> str:
    said = (
        f"{len(found.asked):,} queries of {Path(sources.queries).name} against "
        f"{len(found.searched):,} pictures of {Path(sources.gallery).name}"
    )
    if found.foreign is None or sources.unknown is None:
        return f"{said}."
    return (
        f"{said}, and {len(found.foreign):,} pictures of kinds that the model was not trained on, "
        f"of {Path(sources.unknown).name}."
    )

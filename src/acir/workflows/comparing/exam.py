"""What a method answers to the test: its scores, and per query what statistics need."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float32, Int, Shaped

from acir.codes import BITS_PER_BYTE
from acir.evaluation.floors import Metric, fit_itq, fit_lsh, float_ceiling
from acir.evaluation.protocol import CodedSet, evaluate
from acir.evaluation.scores import Scores
from acir.evaluation.stability import drawn_top
from acir.metrics.retrieval import average_precision, average_precision_over_hits, precision
from acir.workflows.learning import Rankers, fitted_rankers

SHOWN = 10  # first hits of a query that are kept, to compare models of several seeds
PER_QUERY = ("mAP", "mAP@5", "map_at_5_hits", "P@1")
CODERS = {"itq": fit_itq, "lsh": fit_lsh}
CEILING: Mapping[str, Metric] = {  # the same names
    "mAP": average_precision,
    "mAP@5": partial(average_precision, k=5),
    "map_at_5_hits": average_precision_over_hits,
    "P@1": partial(precision, k=1),
}


@dataclass(frozen=True)
class Coded:
    """All pictures of a data set as one method codes them.

    Attributes:
        gallery: The training pictures.
        validation: Those validation pictures that the gallery does not hold.
        queries: The test pictures, all of them.
        patients: A number for the patient of each test picture; -1 where none is named.
        class_names: The name of each column of the labels.
    """

    gallery: CodedSet
    validation: CodedSet
    queries: CodedSet
    patients: Int[np.ndarray, " queries"]
    class_names: tuple[str, ...]


@dataclass(frozen=True)
class Answers:
    """What came out.

    Attributes:
        scores: `Evaluation.to_dict`, or as much of it as there is.
        left_out: Test pictures that the gallery holds too, pixel for pixel.
        arrays: One row a scored query: its scores as `hamming/mAP` or `reranked/mAP@5`, its first
            hits as `hamming/top` and `reranked/top` (gallery rows, best first), and `row`
            (position among the test pictures), `label` (first class) and `patient`.
    """

    scores: Mapping[str, Any]
    left_out: int
    arrays: Mapping[str, Shaped[np.ndarray, "..."]]


def answers(coded: Coded, rankers: Rankers, seed: int) -> Answers:
    """Ask all test pictures that the gallery does not hold.

    Args:
        coded: The pictures.
        rankers: The orders to ask in; the chosen one is the re-ranked.
        seed: Deals the ties among the first hits, so that they are no trace of the ids.
    """
    asked, positions = new_queries(coded)
    found = evaluate(
        coded.gallery,
        asked,
        class_names=coded.class_names,
        ranker=rankers.chosen,
        mode=rankers.mode,
    )
    scored = asked[found.rows]
    first = partial(drawn_top, coded.gallery, scored, k=SHOWN)
    arrays = {
        **_per_query("hamming", found.scores),
        **_per_query("reranked", found.reranked),
        "hamming/top": first(rankers.by_name["plain"], np.random.default_rng(seed)),
        "reranked/top": first(rankers.chosen, np.random.default_rng(seed)),
        **_about(coded, positions[found.rows]),
    }
    return Answers(found.to_dict(), len(coded.queries) - len(asked), arrays)


def new_queries(coded: Coded) -> tuple[CodedSet, Int[np.ndarray, " new"]]:
    """Return the test pictures whose pixels the gallery does not hold, and their positions."""
    rows = coded.queries.rows_outside(coded.gallery)
    return coded.queries[rows], rows


def floor(name: str, coded: Coded, seed: int) -> Answers:
    """Ask the codes that need no labels, or the float embeddings themselves.

    Args:
        name: `itq`, `lsh` or `cosine`.
        coded: The pictures; only their embeddings count.
        seed: Of the random rotation or planes.
    """
    if name == "cosine":
        return _ceiling(coded)
    bits = coded.gallery.codes.shape[1] * BITS_PER_BYTE
    coder = CODERS[name](coded.gallery.embeddings, bits, seed)
    sets = (coded.gallery, coded.validation, coded.queries)
    gallery, validation, queries = (
        replace(one, codes=coder.encode(one.embeddings)) for one in sets
    )
    recoded = replace(coded, gallery=gallery, validation=validation, queries=queries)
    return answers(recoded, fit(recoded, "auto"), seed)


def fit(coded: Coded, mode: str) -> Rankers:
    """Fit the rankers on validation; `auto` lets it choose among them."""
    return fitted_rankers(mode, coded.gallery, coded.validation, coded.class_names)


def _ceiling(coded: Coded) -> Answers:
    asked, positions = new_queries(coded)
    found = float_ceiling(coded.gallery, asked, CEILING)
    scored = ~np.isnan(found["mAP"])  # the others have no relevant picture
    means = {name: float(values[scored].mean()) for name, values in found.items()}
    arrays = {
        **_per_query("reranked", {name: values[scored] for name, values in found.items()}),
        **_about(coded, positions[scored]),
    }
    scores = {"n_queries": int(scored.sum()), "reranked": {"mode": "cosine", **means}}
    return Answers(scores, len(coded.queries) - len(asked), arrays)


def _per_query(order: str, scores: Scores) -> dict[str, Float32[np.ndarray, " queries"]]:
    return {f"{order}/{name}": scores[name].astype(np.float32) for name in PER_QUERY}


def _about(coded: Coded, rows: Int[np.ndarray, " scored"]) -> dict[str, Int[np.ndarray, " scored"]]:
    return {
        "row": rows,
        "label": coded.queries.labels[rows].argmax(axis=1),
        "patient": coded.patients[rows],
    }

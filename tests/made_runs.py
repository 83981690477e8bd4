"""Runs of a comparison, made up: every score is chosen by the test."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float32, Shaped

from acir.evaluation.comparison import Run

Scores = Float32[np.ndarray, " queries"]

POINTS = (0.0, 0.5, 1.0)


def run(
    method: str,
    scores: Sequence[float],
    *,
    data: str = "cells",
    bits: int = 16,
    seed: int = 0,
    better: float = 0.0,
    **changed: Any,  # noqa: ANN401 - values of a record
) -> Run:
    """Return a run with these average precisions; re-ranked, each is so much better."""
    hamming = np.array(scores, dtype=np.float32)
    reranked = hamming + np.float32(better)
    record = {
        "key": f"{method}-{data}-{bits}-{seed}-{scores}-{better}",
        "data": data,
        "method": method,
        "bits": bits,
        "seed": seed,
        "tuned": {},
        "status": "done",
        "finished": "2026-11-23",
        "seconds": 90.0,
        "epochs": 3,
        "views": 30_000,
        "parameters": 1000,
        "machine": {"cpu": "Abacus", "cores": 2, "threads": 1, "device": "cpu"},
        "versions": {"acir": "0.1.0"},
        "splits": {"train": "aa", "val": "bb", "test": "cc"},
        "left_out": 1,
        "test": _measured(hamming, reranked),
        **changed,
    }
    return Run(record, _per_query(hamming, reranked, seed))


def _measured(hamming: Scores, reranked: Scores) -> dict[str, Any]:
    means = {"mAP": float(hamming.mean()), "mAP@5": 0.5, "map_at_5_hits": 0.6, "P@1": 0.7}
    return {
        **means,
        "n_gallery": 100,
        "n_queries": len(hamming),
        "n_excluded": 0,
        "distinct_codes": 40,
        "bit_balance": 0.9,
        "bit_correlation": None,
        "commonest_code": 0.25,
        "tie_group": 3.5,
        "radius": {"precision": [1.0, 0.5], "recall": [0.1, 0.9], "empty": [0.5, 0.0]},
        "precision_recall": {"recall": list(POINTS), "precision": [1.0, 0.8, 0.4]},
        "per_class": {"a": {"n": 2, "mAP": 0.5}},
        "reranked": {"mode": "fused", **means, "mAP": float(reranked.mean())},
    }


def _per_query(
    hamming: Scores, reranked: Scores, seed: int
) -> dict[str, Shaped[np.ndarray, "..."]]:
    count = len(hamming)
    first = np.arange(10 * count).reshape(count, 10)
    return {
        "hamming/mAP": hamming,
        "reranked/mAP": reranked,
        "hamming/top": first,
        "reranked/top": first + 5 * seed,  # of two neighbouring seeds, half are the same
        "hamming/shift": np.full(count, 0.25),
        "reranked/shift": np.full(count, 0.5) + 0.25 * seed,
        "hamming/structure": np.array([np.nan] + [0.0] * (count - 1)),
        "reranked/structure": np.array([np.nan] + [0.5] * (count - 1)),
        "patient": np.full(count, -1),
        **{key: np.arange(count) for key in ("row", "steadiness/row")},
        **{f"{order}/{m}": hamming for order in ("hamming", "reranked") for m in ("P@1",)},
        **{f"{order}/map_at_5_hits": hamming for order in ("hamming", "reranked")},
    }


def impossible(method: str, reason: str, **where: Any) -> Run:  # noqa: ANN401 - see `run`
    """Return a run that the method could not do."""
    done = run(method, [0.0], **where).record
    named = {key: done[key] for key in ("key", "data", "method", "bits", "seed", "tuned")}
    return Run({**named, "status": "not possible", "reason": reason}, {})

"""What is learned after training: the gate's calibration and the rankers' similarities."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch

from acir import ood, ranking, registry
from acir.bulk import prepared_batches
from acir.codes import BITS_PER_BYTE, hamming
from acir.data.manifest import Manifest, Row
from acir.errors import RecipeError
from acir.evaluation.protocol import CodedSet, evaluate
from acir.gate import PAINTER, Gate
from acir.losses.base import Loss
from acir.models.encoder import Encoder
from acir.models.evidence import collect_evidence
from acir.prep.pipeline import Prep
from acir.ranking.base import Pairs, Ranker
from acir.recipe import GateRecipe, Recipe
from acir.recipe.answers import AUTO
from acir.tensors import Encode, Evidence
from acir.types import ImageRecord, Progress, silent

EVIDENCE_PIXELS = 2**26  # the references' pictures stay below 1 GiB in memory
CONTENT_GUIDED = ("within-distance", "fused", "content")


def require_detectors(recipe: Recipe) -> None:
    """Refuse detectors that cannot be had, before the work begins.

    Raises:
        ComponentError: There is no such detector.
        RecipeError: One needs the decoder, which the recipe switches off.
    """
    for name in recipe.gate.detectors:
        if ood.get(name).needs_decoder and not recipe.model.decoder.on:
            raise RecipeError(
                f"gate.detectors names {name!r}, which needs the decoder, but model.decoder.on is "
                "false; switch the decoder on or leave the detector out"
            )


def require_ranker(recipe: Recipe) -> None:
    """Refuse a ranker that cannot be had, before the work begins.

    Raises:
        ComponentError: There is no such ranker.
    """
    if recipe.search.mode != AUTO:
        ranking.get(recipe.search.mode)


def class_head_lines(recipe: Recipe, loss: Loss) -> list[str]:
    """Say in a line what it means for the gate that the loss teaches no class head, if it does not.

    Raises:
        RecipeError: A detector reads nothing but the class head.
    """
    if loss.teaches_class_head:
        return []
    untaught = f"the loss {recipe.loss.name!r} with its options does not teach the class head"
    for name in recipe.gate.detectors:
        if ood.get(name).reads_classes:
            raise RecipeError(
                f"gate.detectors names {name!r}, which reads the class head, but {untaught}; use "
                "sch with classification above 0, or leave the detector out"
            )
    return [
        f"{untaught}, so the gate compares pictures within groups that mean nothing: its promise "
        "holds, but it may see less than with sch and classification above 0"
    ]


def gate_parts(manifest: Manifest, gate: GateRecipe, size: int) -> dict[str, str]:
    """Say which pictures teach the gate what: a role by id.

    Without calibration pictures, validation stands in for both sets, and nothing is promised.
    """
    roles = {row.id: "references" for row in references(manifest.of("train"), gate, size)}
    if manifest.fraction:
        a, b = manifest.of("calibration_a"), manifest.of("calibration_b")
    else:
        val = sorted(manifest.of("val"), key=lambda row: row.pixel_hash)
        a, b = val[::2], val[1::2]
    roles.update({row.id: "a" for row in a})
    roles.update({row.id: "b" for row in b})
    return roles


def references(train: Iterable[Row], gate: GateRecipe, size: int) -> list[Row]:
    """Return the training pictures that teach the detectors: any, but as few as fit into memory."""
    most = min(gate.references, EVIDENCE_PIXELS // size**2)
    return sorted(train, key=lambda row: row.pixel_hash)[:most]


def collect_by_role(
    records: Iterable[ImageRecord], roles: Mapping[str, str], encoder: Encoder, prep: Prep
) -> dict[str, Evidence]:
    """Encode the pictures that have a role and join their evidence by role."""
    parts: dict[str, list[Evidence]] = {"references": [], "a": [], "b": []}
    wanted = (record for record in records if record.id in roles)
    for chunk, images in prepared_batches(wanted, prep):
        evidence = collect_evidence(encoder, images)
        for role, kept in parts.items():
            rows = [i for i, record in enumerate(chunk) if roles[record.id] == role]
            if rows:
                kept.append(evidence[torch.tensor(rows)])
    return {role: Evidence.concatenate(kept) for role, kept in parts.items() if kept}


def fit_gate(
    recipe: Recipe,
    evidence: Mapping[str, Evidence],
    encode: Encode,
    *,
    promise: bool,
    groups: Sequence[float] | None = None,
    progress: Progress = silent,
) -> Gate:
    """Fit and calibrate the gate; without calibration evidence it promises nothing.

    Where there is a decoder, the gate draws heat maps, whether a detector reads it or not.
    """
    references = evidence["references"]
    painters = ood.fresh([PAINTER] if recipe.model.decoder.on else [], encode)
    nothing = references[slice(0, 0)]
    return Gate.fit(
        ood.fresh(recipe.gate.detectors, encode),
        recipe.gate,
        references=references,
        calibration=(evidence.get("a", nothing), evidence.get("b", nothing)),
        promise=promise,
        groups=groups,
        painter=None if PAINTER in recipe.gate.detectors else painters.get(PAINTER),
        progress=progress,
    )


def fit_rankers(gallery: CodedSet, queries: CodedSet) -> dict[str, Ranker]:
    """Teach every ranker, on validation queries, how likely a hit shares the query's class."""
    shared = queries.labels.astype(np.float32) @ gallery.labels.T.astype(np.float32)
    cosines = queries.embeddings.astype(np.float32) @ gallery.embeddings.T.astype(np.float32)
    distances = hamming(queries.codes, gallery.codes)
    pairs = Pairs(
        bits=gallery.codes.shape[1] * BITS_PER_BYTE,
        distances=distances.ravel(),
        cosines=cosines.ravel().astype(np.float64),
        same=shared.ravel() > 0,
    )
    return {
        name.replace("_", "-"): ranking.get(name).fit(pairs)
        for name in registry.names(ranking.FAMILY)
    }


def favoured_mode(
    gallery: CodedSet,
    queries: CodedSet,
    rankers: Mapping[str, Ranker],
    class_names: tuple[str, ...],
) -> str:
    """Return the content-guided ranker with the better mAP on validation queries."""

    def validated(mode: str) -> float:
        found = evaluate(gallery, queries, class_names=class_names, ranker=rankers[mode], mode=mode)
        return float(found.reranked["mAP"].mean())

    return max(CONTENT_GUIDED, key=validated)

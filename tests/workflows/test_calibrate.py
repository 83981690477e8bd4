"""Which pictures teach the gate, and how the rankers are taught and chosen."""

import numpy as np
import pytest

from acir import ranking
from acir.data.manifest import Manifest, Row
from acir.evaluation.protocol import CodedSet
from acir.ranking.base import Pairs, Ranker, nearness
from acir.recipe import GateRecipe
from acir.workflows import calibrate


def manifest(count: int, fraction: float) -> Manifest:
    """Return rows whose draws are evenly spread, every fifth of them in validation."""
    rows = tuple(
        Row(
            id=str(n),
            labels=("a",),
            split="val" if n % 5 == 0 else "train",
            draw=n / count,
            patient=None,
            pixel_hash=f"{(n * 7919) % count:064x}",
            size=(8, 8),
            is_colour=False,
        )
        for n in range(count)
    )
    return Manifest(rows, (), fraction)


def test_calibration_pictures_have_their_roles_and_train_is_the_reference() -> None:
    rows = manifest(100, 0.1)
    roles = calibrate.gate_parts(rows, GateRecipe(), size=64)
    by_part = {row.id: rows.part(row) for row in rows.rows}
    expected = {"train": "references", "calibration_a": "a", "calibration_b": "b"}
    assert roles == {id_: expected[part] for id_, part in by_part.items() if part in expected}


def test_validation_stands_in_where_nothing_is_kept() -> None:
    rows = manifest(100, 0.0)
    roles = calibrate.gate_parts(rows, GateRecipe(), size=64)
    validation = {row.id for row in rows.of("val")}
    assert {id_ for id_, role in roles.items() if role in "ab"} == validation
    assert list(roles.values()).count("a") == list(roles.values()).count("b") == 10


@pytest.mark.parametrize(("references", "size", "most"), [(7, 64, 7), (5000, 2048, 16)])
def test_references_are_as_many_as_the_recipe_and_the_memory_allow(
    references: int, size: int, most: int
) -> None:
    roles = calibrate.gate_parts(manifest(100, 0.0), GateRecipe(references=references), size)
    assert list(roles.values()).count("references") == most


def coded(labels: list[int], embeddings: list[list[float]], codes: list[int]) -> CodedSet:
    units = np.array(embeddings) / np.linalg.norm(embeddings, axis=1, keepdims=True)
    return CodedSet(
        codes=np.array(codes, dtype=np.uint8)[:, None],
        embeddings=units.astype(np.float16),
        labels=np.eye(2, dtype=bool)[labels],
        pixel_hashes=tuple(f"{labels}{codes}{n}" for n in range(len(labels))),
    )


def test_every_ranker_is_taught() -> None:
    gallery = coded([0, 1, 0, 1], [[1, 0], [0, 1], [2, 1], [1, 2]], [0, 255, 1, 254])
    rankers = calibrate.fit_rankers(gallery, gallery)
    assert set(rankers) == {"plain", "within-distance", "fused", "content"}


def test_the_mode_that_ranks_validation_better_is_favoured() -> None:
    # All codes are equal, so only the content can tell the classes apart: both modes do, and the
    # first of equals is taken.
    gallery = coded([0, 0, 1, 1], [[1, 0], [5, 1], [0, 1], [1, 5]], [7, 7, 7, 7])
    queries = coded([0, 1], [[9, 1], [1, 9]], [7, 7])
    rankers = calibrate.fit_rankers(gallery, queries)
    assert calibrate.favoured_mode(gallery, queries, rankers, ("a", "b")) == "within-distance"
    # Here the code misleads by a bit, which only the fused order can put right.
    misled = coded([0, 0, 1, 1], [[1, 0], [5, 1], [0, 1], [1, 5]], [7, 6, 7, 6])
    assert calibrate.favoured_mode(misled, queries, rankers | taught(), ("a", "b")) == "fused"


def taught() -> dict[str, Ranker]:
    """Return a fused ranker that learned from pairs whose cosine says more than their code."""
    rng = np.random.default_rng(0)
    same = rng.random(500) < 0.5
    cosines = np.where(same, 0.9, -0.9) + rng.normal(0, 0.05, 500)
    distances = np.clip(4 + np.where(same, -0.2, 0.2) + rng.normal(0, 2, 500), 0, 8).astype(int)
    assert abs(np.corrcoef(nearness(distances, 8), same)[0, 1]) < 0.3
    pairs = Pairs(8, distances, cosines.clip(-1, 1), same)
    return {"fused": ranking.get("fused").fit(pairs)}

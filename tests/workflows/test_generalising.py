"""The recipe `tiny`, untouched, on kinds of pictures that it was not tuned on."""

from pathlib import Path

import numpy as np
import pytest
from einops import reduce
from PIL import Image

from acir.evaluation.floors import by_cosine
from acir.metrics.retrieval import average_precision
from acir.sources.base import open_source
from made_kinds import Shape, fill
from made_model import acir

SOME = [pytest.param(Shape(2, 240, 28, imbalance=5), id="two-28px-imbalanced")]
ALL = [
    pytest.param(Shape(3, 260, 128, imbalance=20, uneven=True), id="three-128px-imbalanced"),
    pytest.param(Shape(7, 400, 40, colour=True, uneven=True), id="seven-40px-colour"),
    pytest.param(Shape(20, 600, 64, imbalance=10), id="twenty-64px-imbalanced"),
    pytest.param(Shape(20, 300, 224, colour=True, uneven=True), id="twenty-224px-colour"),
    pytest.param(Shape(5, 2_500, 96), id="five-96px-many"),
]


def _by_pixels(source: Path) -> float:
    """Return the mAP of test against train by the cosine of 8 x 8 means, which learns nothing."""
    vectors, labels = {}, {}
    for split in ("train", "test"):
        records = list(open_source(f"{source}#{split}"))
        grey = [Image.fromarray(record.pixels).convert("L") for record in records]
        square = np.stack([np.asarray(one.resize((64, 64)), float) for one in grey])
        means = reduce(square / 255, "n (y i) (x j) -> n (y x)", "mean", y=8, x=8)
        vectors[split] = means - means.mean(axis=1, keepdims=True)
        labels[split] = [record.labels[0] for record in records]
    names = sorted({*labels["train"]})
    of = {split: np.array(labels[split])[:, None] == names for split in labels}
    groups = by_cosine(vectors["test"], of["test"], vectors["train"], of["train"])
    return float(average_precision(groups).mean())


def _assert_half_is_learned(tmp_path: Path, shape: Shape) -> None:
    source = fill(tmp_path / "pictures", shape, seed=0)
    run = tmp_path / "run"
    assert acir("train", "tiny", "--data", source, "--out", run).code == 0
    found = acir(
        *("evaluate", run / "bundle", "--gallery", f"{source}#train"),
        *("--queries", f"{source}#test", "--json"),
    ).line()
    untaught = _by_pixels(source)
    assert found["reranked"]["mAP"] > untaught + (1 - untaught) / 2, untaught


@pytest.mark.parametrize("shape", SOME)
def test_half_of_what_pixels_get_wrong_is_right(tmp_path: Path, shape: Shape) -> None:
    _assert_half_is_learned(tmp_path, shape)


@pytest.mark.soak
@pytest.mark.parametrize("shape", [*SOME, *ALL])
def test_half_of_what_pixels_get_wrong_is_right_on_every_shape(
    tmp_path: Path, shape: Shape
) -> None:
    _assert_half_is_learned(tmp_path, shape)

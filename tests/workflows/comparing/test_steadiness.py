"""Steadiness against a recomputation picture by picture."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from jaxtyping import Shaped

from acir.data.loader import ImageSet
from acir.evaluation.mild_copies import mild_copies
from acir.evaluation.stability import top
from acir.models.encoder import Encoder
from acir.recipe import from_dict
from acir.workflows.comparing import steadiness as module
from acir.workflows.comparing.exam import Coded
from acir.workflows.comparing.steadiness import steadiness
from acir.workflows.learning import Rankers, coded, fitted_rankers

MODEL = {
    "stem": {"name": "resnet", "depth": 18, "width": 16, "small": True},
    "attention": {"on": False},
    "transformer": {"on": False},
    "decoder": {"on": False},
}
Found = dict[str, Shaped[np.ndarray, "..."]]


def drawn(count: int, seed: int) -> ImageSet:
    random = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (count, 3, 32, 32), generator=random).to(torch.uint8)
    classes = torch.arange(count) % 2
    return ImageSet(images, torch.nn.functional.one_hot(classes, 2).float())


GALLERY, TEST = drawn(40, 0), drawn(12, 1)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    torch.manual_seed(0)
    return Encoder(from_dict({"model": MODEL}).model, classes=2).eval()


@pytest.fixture(scope="module")
def everything(encoder: Encoder) -> Coded:
    gallery, test = (
        coded(encoder, images, tuple(f"{name}{n}" for n in range(len(images))))
        for name, images in (("g", GALLERY), ("t", TEST))
    )
    return Coded(gallery, test, test, np.arange(12) // 2, ("a", "b"))


@pytest.fixture(scope="module")
def rankers(everything: Coded) -> Rankers:
    return fitted_rankers("within-distance", everything.gallery, everything.queries, ("a", "b"))


def test_overlap_with_a_copy_is_that_of_asking_twice(
    encoder: Encoder, everything: Coded, rankers: Rankers
) -> None:
    found = steadiness(encoder, everything, rankers, GALLERY, TEST, seed=0)
    assert found["steadiness/row"].tolist() == list(range(12))
    for row in range(12):
        picture = TEST.batch(torch.tensor([row])).images[0].numpy()
        copy = torch.from_numpy(mild_copies(picture, 0)["jpeg"])[None]
        again = ImageSet((copy * 255).round().to(torch.uint8), TEST.labels[[row]])
        answers = [
            set(top(everything.gallery, one, rankers.chosen)[0].tolist())
            for one in (everything.queries[slice(row, row + 1)], coded(encoder, again, ("copy",)))
        ]
        share = len(answers[0] & answers[1]) / 10
        assert found["reranked/jpeg"][row] == pytest.approx(share)


def test_no_picture_is_asked_about_that_the_gallery_holds(
    encoder: Encoder, everything: Coded, rankers: Rankers, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = [0, 5, 11]
    hashes = tuple(f"g{n}" if n in held else f"t{n}" for n in range(12))
    coded_all = replace(everything, queries=replace(everything.queries, pixel_hashes=hashes))
    found = steadiness(encoder, coded_all, rankers, GALLERY, TEST, seed=0)
    assert found["steadiness/row"].tolist() == [1, 2, 3, 4, 6, 7, 8, 9, 10]
    assert {len(values) for values in found.values()} == {9}
    monkeypatch.setattr(module, "ASKED", 2)
    found = steadiness(encoder, coded_all, rankers, GALLERY, TEST, seed=0)
    assert found["steadiness/row"].tolist() == [1, 10]


def test_of_many_pictures_some_are_asked(
    encoder: Encoder, everything: Coded, rankers: Rankers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ASKED", 4)
    found: Found = steadiness(encoder, everything, rankers, GALLERY, TEST, seed=0)
    assert found["steadiness/row"].tolist() == [0, 3, 7, 11]
    assert found["steadiness/patient"].tolist() == [0, 1, 3, 5]
    assert {len(values) for values in found.values()} == {4}

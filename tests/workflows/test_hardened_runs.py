"""Robust training from the command line: what is attacked, how, and that it helps."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

import made_trainer
from acir.bundle import load_bundle
from acir.data.loader import ImageSet, read_images
from acir.models.encoder import Encoder
from acir.recipe import TrainingRecipe
from acir.sources.base import open_source
from acir.training.hardening import Attack
from acir.workflows.hardening import (
    attack_for,
    is_grey,
    map_under_attack,
    plan_for,
)
from acir.workflows.learning import validator
from made_attacked import distance, network, pictures
from made_model import CLASSES, train

ROBUST = TrainingRecipe(robust=True, robust_eps=8.0, robust_steps=3)


def image_set(colour: bool) -> ImageSet:
    images = torch.zeros(2, 3, 12, 12, dtype=torch.uint8)
    images[1, 2, 5, 5] = colour
    return ImageSet(images, torch.ones(2, 1))


def attack(training: TrainingRecipe, colour: bool) -> Attack:
    found = attack_for(training, image_set(colour))
    assert found is not None
    return found


def test_a_recipe_that_does_not_ask_for_it_is_not_attacked() -> None:
    assert attack_for(TrainingRecipe(), image_set(True)) is None


@pytest.mark.parametrize("colour", [True, False])
def test_pictures_are_grey_where_all_channels_are_equal(colour: bool) -> None:
    assert is_grey(image_set(colour)) is not colour


def test_no_pixel_changes_by_more_than_eps_and_the_code_changes() -> None:
    logits, images = network(), pictures(6)
    changed = attack(ROBUST, True)(logits, images)
    gap = (changed - images).abs()
    assert gap.max() <= 8 / 255 + 1e-12  # the rounding of a difference
    assert gap.max() >= 7 / 255
    assert distance(logits(changed), logits(images)).sum() > 0


def test_a_picture_is_attacked_alike_alone_and_among_others_and_in_a_later_run() -> None:
    logits, images = network(), pictures(6)
    whole = attack(ROBUST, True)(logits, images)
    torch.testing.assert_close(attack(ROBUST, True)(logits, images[3:5]), whole[3:5])


def test_grey_pictures_stay_grey() -> None:
    images = pictures(4)[:, :1].expand(-1, 3, -1, -1)
    changed = attack(ROBUST, False)(network(), images)
    assert (changed == changed[:, :1]).all()
    assert (changed != images).any()
    coloured = attack(ROBUST, True)(network(), images)
    assert (coloured != coloured[:, :1]).any()


def test_a_value_that_mixing_rounded_beyond_white_is_white() -> None:
    images = pictures(2)
    beyond = images * (1 + 1e-7)
    torch.testing.assert_close(
        attack(ROBUST, True)(network(), beyond), attack(ROBUST, True)(network(), beyond.clamp(0, 1))
    )


def test_a_single_step_goes_beyond_eps_and_more_steps_reach_it_together() -> None:
    one, seven = (plan_for(TrainingRecipe(robust=True), steps) for steps in (1, 7))
    assert [*one.step_sizes, *seven.step_sizes] == pytest.approx(
        [1.25 * 8 / 255, 2.5 * 8 / 255 / 7]
    )
    assert (one.steps, seven.steps, one.restarts, seven.restarts) == (1, 7, 1, 1)


@pytest.mark.parametrize(("learned", "judged"), [(3, 10), (12, 12)])
def test_a_robust_epoch_is_judged_by_the_mean_with_and_without_attack(
    learned: int, judged: int
) -> None:
    encoder, images = Encoder(made_trainer.small_recipe().model, 3), made_trainer.pictures()
    said: list[str] = []
    clean = validator(TrainingRecipe(), images, images, said.append)(encoder)
    recipe = replace(ROBUST, robust_steps=learned)
    robust = validator(recipe, images, images, said.append)(encoder)
    judging = attack_for(recipe, images, judged)
    assert judging is not None
    under = map_under_attack(encoder, judging, images, images)
    assert robust == pytest.approx((clean + under) / 2)
    assert said[0] == said[1] == f"validation mAP {clean:.4f}"
    assert said[2] == f"validation mAP under attack {under:.4f}"
    assert encoder.training  # as before


def part(bundle: Path, pictures: Path, split: str) -> tuple[Encoder, ImageSet]:
    found = load_bundle(bundle)
    records = [*open_source(f"{pictures}#{split}")]
    wanted = {record.id: split for record in records}
    return found.encoder, read_images(records, wanted, found.prep, CLASSES)[split]


def under_attack(bundle: Path, pictures: Path, eps: float) -> float:
    """Return the mAP of test pictures against training pictures, under twenty steps."""
    encoder, queries = part(bundle, pictures, "test")
    _, gallery = part(bundle, pictures, "train")
    found = attack_for(TrainingRecipe(robust=True, robust_eps=eps), queries, steps=20)
    assert found is not None
    return map_under_attack(encoder, found, queries, gallery)


def test_a_robust_network_withstands_what_another_does_not(pictures: Path, tmp_path: Path) -> None:
    shared = {
        "calibration__fraction": "0",
        "training__epochs": "6",
        "training__decoder_epochs": "0",
    }
    outcome = train(pictures, tmp_path / "plain", **shared)
    assert outcome.code == 0, outcome.err
    asked = {"training__robust": "true", "training__robust_eps": "16"}
    outcome = train(pictures, tmp_path / "robust", **shared, **asked)
    assert outcome.code == 0, outcome.err
    assert outcome.err.count("validation mAP under attack") == 6  # epochs
    plain, robust = (
        under_attack(tmp_path / name / "bundle", pictures, 16.0) for name in ("plain", "robust")
    )
    assert plain < 0.5
    assert robust > plain + 0.2

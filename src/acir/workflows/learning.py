"""From a source to a trained network and its ranker: what `acir train` and `acir compare` share."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from inspect import signature
from typing import Literal

import torch
from torch import nn

from acir import losses, registry
from acir.amounts import amount
from acir.bulk import encode_set
from acir.codes import nested_lengths
from acir.data import near
from acir.data.loader import ImageSet, read_images
from acir.data.manifest import Manifest, Part, read_manifest
from acir.errors import RecipeError, SourceError
from acir.evaluation.protocol import CodedSet
from acir.evaluation.retrieved import spread
from acir.losses.base import Loss
from acir.metrics.retrieval import mean_average_precision
from acir.models.encoder import Encoder
from acir.models.pretrained import load_stem
from acir.models.uprightness import have_an_up
from acir.prep.pipeline import Prep
from acir.ranking.base import Ranker
from acir.recipe import Recipe, TrainingRecipe
from acir.recipe.answers import AUTO
from acir.robustness.corruption import SMALLEST
from acir.sources.base import Source
from acir.training.optimiser import planned_steps
from acir.types import Progress, counted
from acir.workflows import calibrate
from acir.workflows.hardening import JUDGING_STEPS, attack_for, map_under_attack
from acir.workflows.notes import skipped_lines

VALIDATION = 500  # pictures of train and of val each that are enough to compare epochs by
LOOKED_AT = 400  # training pictures that say whether there is an up
ATTACKED = 200  # pictures of val that judge a robust network, as an attack takes long
FINAL_QUERIES = 200  # validation queries that choose the ranker

Say = Callable[[str], None]


def look(source: Source, fraction: float, progress: Progress) -> Manifest:
    """Read the rows of a source without their pixels."""
    with progress("looking at the pictures", None) as tick:
        return read_manifest(counted(source, tick), lambda: source.skipped, fraction)


def require_learnable(manifest: Manifest) -> None:
    """Refuse rows that cannot be trained on, or that leave none to validate by.

    Raises:
        SourceError: See `Manifest.require_trainable`; or every validation picture is trained on or
            has no label.
    """
    manifest.require_trainable()
    trained_on = {row.pixel_hash for row in manifest.of("train")}
    new = [row for row in manifest.of("val") if row.pixel_hash not in trained_on]
    if not new:
        raise SourceError(
            f"no picture is left to validate by among {len(manifest.rows)}, beside those that are "
            "trained on; give more pictures, or a folder `val` of others"
        )
    if not any(row.labels for row in new):
        raise SourceError(
            f"none of {amount(len(new), 'picture', 'pictures')} to validate by has a label, by "
            "which a hit is right or wrong; label some of them"
        )


def describe(manifest: Manifest) -> list[str]:
    """Say in a few lines what the data report found."""
    report = manifest.report()
    parts = ", ".join(f"{count} {part}" for part, count in sorted(report["pictures"].items()))
    duplicates = amount(report["duplicates"], "duplicate", "duplicates")
    lines = [
        f"{len(manifest.rows)} pictures of {len(manifest.class_names)} classes: {parts}",
        f"sizes {', '.join(report['sizes'])}; {report['colour']} in colour; "
        f"{duplicates}, {report['in_two_splits']} of them across splits",
    ]
    if report["patients"] is None:
        lines.append("no patient is named, so leakage between splits cannot be excluded")
    if manifest.alike:
        lines.append(
            f"{manifest.alike} pictures without a patient are nearly the same as others; each of "
            "these groups is wholly for training, for calibration or for validation"
        )
    nameless = sum(row.split == "train" and row.patient is None for row in manifest.rows)
    if manifest.draws_decide and nameless > near.MOST:
        lines.append(
            f"{nameless} training pictures without a patient are too many to compare with each "
            f"other, at most {near.MOST} are; nearly the same ones may be in two of training, "
            "calibration and validation, which then look easier than new patients are"
        )
    return [*lines, *skipped_lines(manifest.skipped)]


def prep_for(recipe: Recipe, manifest: Manifest) -> Prep:
    """Return how pictures are prepared, as the recipe and the training pictures demand.

    With `auto`, colour is kept where train has any.
    """
    rows, channels, size = manifest.of("train"), recipe.prep.channels, recipe.prep.size
    if channels == "auto":
        channels = "colour" if any(row.is_colour for row in rows) else "grey"
    if not recipe.prep.enlarge:
        size = min(size, max([SMALLEST, *(side for row in rows for side in row.size)]))
    return Prep(size, channels == "colour")


def read_parts(
    source: Source,
    manifest: Manifest,
    prep: Prep,
    class_names: tuple[str, ...],
    parts: Collection[Part],
    progress: Progress,
) -> dict[str, ImageSet]:
    """Read the pictures of some parts into memory, in the order of the manifest."""
    wanted = {row.id: part for row in manifest.rows if (part := manifest.part(row)) in parts}
    records = (record for record in source if record.id in wanted)
    with progress("reading the pictures", len(wanted)) as tick:
        return read_images(counted(records, tick), wanted, prep, class_names)


def settled(recipe: Recipe, train: ImageSet, say: Say = lambda _: None) -> Recipe:
    """Return a recipe that leaves nothing about the network to the training pictures.

    Scattering with the symmetry `auto` gets that of the square where the pictures have no up.
    """
    scattering = recipe.model.scattering
    if not scattering.on or scattering.symmetry != "auto":
        return recipe
    some = train.spread(LOOKED_AT)
    images = some.batch(torch.arange(len(some))).images
    symmetry: Literal["none", "square"] = "none" if have_an_up(images, scattering) else "square"
    if symmetry == "square":
        say("the pictures have no up: turned and mirrored ones get the same scattering features")
    model = replace(recipe.model, scattering=replace(scattering, symmetry=symmetry))
    return replace(recipe, model=model)


def network(recipe: Recipe, train: ImageSet, seed: int) -> tuple[Encoder, Loss]:
    """Build the network and its loss from the seed.

    Args:
        recipe: As `settled` returns it.
        train: What it will learn.
        seed: The only source of chance.

    Raises:
        RecipeError: The stem has no such option, or see `loss_for`.
    """
    torch.manual_seed(seed)
    encoder = Encoder(recipe.model, train.labels.shape[1])
    if recipe.model.pretrained:
        load_stem(encoder.stem, recipe.model.pretrained, recipe.model.pretrained_sha256)
    return encoder, loss_for(recipe, train.class_counts, len(train))


def loss_for(recipe: Recipe, class_counts: tuple[int, ...], pictures: int) -> Loss:
    """Build the loss of a recipe.

    Args:
        recipe: Its network asks for what the loss must teach.
        class_counts: Training pictures of each class.
        pictures: Training pictures.

    Raises:
        RecipeError: The loss has no such option, is impossible for these classes, or does not
            teach what the network needs: nested codes, or the classes that are to be weighed.
    """
    loss = registry.build(
        losses.get(recipe.loss.name),
        recipe.loss.options,
        class_counts=class_counts,
        bits=recipe.model.bits,
        pictures=pictures,
        steps=planned_steps(recipe.training, pictures),
        lengths=_lengths(recipe),
    )
    if recipe.model.head.posterior and not loss.teaches_class_head:
        raise RecipeError(
            f"recipe key model.head.posterior is true, but the loss {recipe.loss.name!r} with its "
            "options does not teach the class head, which would weigh classes by chance; use sch "
            "with classification above 0, or set model.head.posterior=false"
        )
    return loss


def _lengths(recipe: Recipe) -> tuple[int, ...]:
    """Return how many first bits are to be good codes too; refuse a loss that cannot teach them."""
    if not recipe.model.head.nested:
        return ()
    if "lengths" not in signature(losses.get(recipe.loss.name)).parameters:
        raise RecipeError(
            f"recipe key model.head.nested is true, but the loss {recipe.loss.name!r} does not "
            "teach the beginnings of a code; use sch, or set model.head.nested=false"
        )
    return nested_lengths(recipe.model.bits)


def validator(
    training: TrainingRecipe, train: ImageSet, val: ImageSet, say: Say
) -> Callable[[Encoder], float]:
    """Return what judges an epoch: the mAP of some of val against some of train.

    For a robust recipe it is the mean of that and of the mAP under attack, with ten steps, or as
    many as in training where these are more, so that what withstands a single step alone is seen
    through.
    """
    gallery, queries = train.spread(VALIDATION), val.spread(VALIDATION)
    steps = max(JUDGING_STEPS, training.robust_steps)
    attack, attacked = attack_for(training, train, steps), val.spread(ATTACKED)

    def validate(encoder: Encoder) -> float:
        query_codes, _ = encode_set(encoder, queries)
        gallery_codes, _ = encode_set(encoder, gallery)
        found = mean_average_precision(
            query_codes, queries.labels.numpy() > 0, gallery_codes, gallery.labels.numpy() > 0
        )
        say(f"validation mAP {found:.4f}")
        if attack is None:
            return found
        under = map_under_attack(encoder, attack, attacked, gallery)
        say(f"validation mAP under attack {under:.4f}")
        return (found + under) / 2

    return validate


def coded(encoder: Encoder, images: ImageSet, pixel_hashes: tuple[str, ...]) -> CodedSet:
    """Encode pictures and say which they are."""
    codes, embeddings = encode_set(encoder, images)
    return CodedSet(codes, embeddings, images.labels.numpy() > 0, pixel_hashes)


@dataclass(frozen=True)
class Rankers:
    """Every ranker by its name, and the name of the one to use."""

    by_name: dict[str, Ranker]
    mode: str

    @property
    def chosen(self) -> Ranker:
        """The ranker to use."""
        return self.by_name[self.mode]


def fitted_rankers(
    mode: str, gallery: CodedSet, queries: CodedSet, class_names: tuple[str, ...]
) -> Rankers:
    """Fit the rankers on some validation queries; with `auto`, these choose among them too."""
    some = queries[spread(len(queries), FINAL_QUERIES)]
    rankers = calibrate.fit_rankers(gallery, some)
    if mode == AUTO:
        mode = calibrate.favoured_mode(gallery, some, rankers, class_names)
    return Rankers(rankers, mode.replace("_", "-"))


def size(module: nn.Module) -> int:
    """Count the parameters of a network."""
    return sum(p.numel() for p in module.parameters())

"""A trainer of a network of a few thousand weights, drawn pictures, and what is compared."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from acir.data.loader import ImageSet
from acir.losses.base import Loss
from acir.losses.sch import SCH
from acir.models.encoder import Encoder
from acir.recipe import Recipe, from_dict
from acir.training.hardening import Attack
from acir.training.run_log import History
from acir.training.trainer import Trainer, make_fabric
from acir.types import Progress, silent

CLASSES = 3
PICTURES = 24
MODEL = {
    "bits": 8,
    "stem": {"name": "resnet", "depth": 18, "width": 2, "small": True},
    "attention": {"heads": 1, "head_dim": 2},
    "fusion": {"heads": 1, "head_dim": 2},
    "transformer": {"dim": 4, "depth": 1, "heads": 1, "mlp": 4, "kept": 1, "out": 4},
    "head": {"hidden": 4, "grid": 2},
    "decoder": {"widths": [2, 2, 2]},
}
Snapshot = dict[str, Tensor]


def small_recipe(**training: object) -> Recipe:
    own = {"epochs": 3, "decoder_epochs": 2, "batch": 8, "learning_rate": 0.01, **training}
    return from_dict({"prep": {"size": 32}, "model": MODEL, "training": own})


def pictures() -> ImageSet:
    """Draw noise around three greys, a class each."""
    random = torch.Generator().manual_seed(0)
    classes = torch.arange(PICTURES) % CLASSES
    noise = torch.randint(0, 100, (PICTURES, 3, 32, 32), generator=random)
    images = (60 * classes[:, None, None, None] + noise).to(torch.uint8)
    return ImageSet(images, torch.nn.functional.one_hot(classes, CLASSES).float())


def judged(encoder: Encoder) -> float:
    """Stand in for a validation mAP: a number in [0, 1] that depends on every weight."""
    encoder.eval()
    with torch.no_grad():
        logits: Tensor = encoder(pictures().batch(torch.arange(4)).images).logits
    return logits.sigmoid().mean().item()


def trainer(
    folder: Path,
    *,
    recipe: Recipe | None = None,
    validate: Callable[[Encoder], float] = judged,
    loss: Loss | None = None,
    progress: Progress = silent,
    attack: Attack | None = None,
    seed: int = 0,
    precision: str = "32",
) -> Trainer:
    torch.set_num_threads(1)
    recipe = recipe or small_recipe()
    torch.manual_seed(0)
    return Trainer(
        recipe=recipe,
        encoder=Encoder(recipe.model, CLASSES),
        loss=loss or SCH(class_counts=pictures().class_counts),
        folder=folder,
        seed=seed,
        fabric=make_fabric("cpu", precision),
        validate=validate,
        progress=progress,
        attack=attack,
    )


def snapshot(module: nn.Module) -> Snapshot:
    return {name: value.clone() for name, value in module.state_dict().items()}


def without_decoder(state: Snapshot) -> Snapshot:
    return {name: value for name, value in state.items() if not name.startswith("decoder.")}


def same(a: Snapshot, b: Snapshot) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def told(history: History) -> History:
    """Return a history without what the clock decides."""
    clock = {"seconds", "images_per_second"}
    return [{k: v for k, v in row.items() if k not in clock} for row in history]


class Interrupt(Exception):
    """Stands for whatever ends a run between two epochs."""


def interrupted_at(epoch: int) -> Callable[[Encoder], float]:
    """Judge, and end the run at the validation of an epoch."""
    asked = 0

    def validate(encoder: Encoder) -> float:
        nonlocal asked
        asked += 1
        if asked == epoch:
            raise Interrupt
        return judged(encoder)

    return validate

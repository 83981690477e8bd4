"""What the two stages of training train, and how a step of each is judged."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from lightning_fabric import Fabric
from torch import Tensor, nn

from acir.losses.base import Loss, LossTerms
from acir.models.encoder import Encoder
from acir.recipe import TrainingRecipe
from acir.tensors import Batch, Encoding
from acir.training.gather import gather
from acir.training.hardening import Attack, attacked, hardened_loss
from acir.training.reconstruction import reconstruction_loss

Step = Callable[[Batch], LossTerms]


@dataclass(frozen=True)
class Stage:
    """One stage: what is trained, for how long, on what, and how a step is judged.

    Attributes:
        number: 1 or 2.
        title: For people.
        module: What is trained.
        epochs: Number of epochs.
        warmup_epochs: Epochs of linear warm-up.
        learning_rate: Peak of the schedule.
        rate_keys: The recipe keys of which one is too large where the loss is not finite.
        step: Judges a batch.
        balance: `TrainingRecipe.balance`; a decoder learns pictures as they come.
        mixing: `TrainingRecipe.mixing`; a decoder learns pictures as they are.
    """

    number: int
    title: str
    module: nn.Module
    epochs: int
    warmup_epochs: float
    learning_rate: float
    rate_keys: str
    step: Step
    balance: float = 0.0
    mixing: float = 0.0


def first_stage(
    encoder: Encoder,
    loss: Loss,
    training: TrainingRecipe,
    fabric: Fabric,
    attack: Attack | None = None,
) -> Stage:
    """Return the stage that trains the loss and all of the network but the decoder."""
    freeze(encoder.decoder, frozen=True)
    model = fabric.setup_module(_Unpacked(encoder))

    def step(batch: Batch) -> LossTerms:
        terms: LossTerms
        if attack is None:
            encoding = Encoding(*model(batch.images))
            terms = loss(*gather(encoding, batch))
        else:
            changed = attacked(encoder, attack, batch.images)
            encoding = Encoding(*model(torch.cat([changed, batch.images])))
            terms = hardened_loss(encoding, batch, loss, training.robust_weight)
        if fabric.world_size == 1:
            return terms
        # Data-parallel training waits for a gradient of every parameter, and a loss may have
        # no use for the class head.
        return replace(terms, total=terms.total + 0 * encoding.class_logits.sum())

    return Stage(
        number=1,
        title="training",
        module=nn.ModuleList([model, loss]),
        epochs=training.epochs,
        warmup_epochs=training.warmup_epochs,
        learning_rate=training.learning_rate,
        rate_keys="training.learning_rate",
        step=step,
        balance=training.balance,
        mixing=training.mixing,
    )


def second_stage(encoder: Encoder, training: TrainingRecipe, fabric: Fabric) -> Stage:
    """Return the stage that trains the decoder, which there must be, with all else frozen."""
    decoder = encoder.decoder
    assert decoder is not None
    freeze(encoder, frozen=True)
    freeze(decoder, frozen=False)
    encoder.eval()
    model = fabric.setup_module(decoder)

    def step(batch: Batch) -> LossTerms:
        with torch.no_grad():
            deep = encoder.deep_map(batch.images)
        size = (batch.images.shape[2], batch.images.shape[3])
        total = reconstruction_loss(batch.images, model(deep, size))
        return LossTerms(total, {"reconstruction": total})

    return Stage(
        number=2,
        title="decoder",
        module=model,
        epochs=training.decoder_epochs,
        warmup_epochs=0.0,
        learning_rate=training.decoder_learning_rate,
        # The features that it decodes may have grown beyond measure in the first stage.
        rate_keys="training.decoder_learning_rate or training.learning_rate",
        step=step,
    )


def freeze(module: nn.Module | None, *, frozen: bool) -> None:
    """Stop or resume the training of all parameters of a module; None has none."""
    if module is not None:
        module.requires_grad_(not frozen)


class _Unpacked(nn.Module):
    """An encoder that returns a tuple, since Fabric cannot walk through frozen dataclasses."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, images: Float[Tensor, "batch 3 height width"]) -> tuple[Tensor, ...]:
        return tuple(vars(self.encoder(images)).values())

"""The two stages of training, on Lightning Fabric.

Stage 1 trains everything but the decoder; stage 2 trains the decoder with all else frozen. Chance
in an epoch depends on the seed, the stage and the epoch alone, and a checkpoint is written after
every epoch, so a resumed run equals an uninterrupted one.
"""

import logging
import math
import os
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Int
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim import AdamW

from acir.data.balance import balanced_rows
from acir.data.loader import ImageSet, shuffled_batches
from acir.errors import AcirError
from acir.losses.base import Loss, LossTerms
from acir.models.encoder import Encoder
from acir.recipe import Recipe
from acir.tensors import chosen_device
from acir.training import checkpoint
from acir.training.average import averaged, moving_average
from acir.training.hardening import Attack
from acir.training.mixing import mixed
from acir.training.optimiser import parameter_groups, repeats, scheduled, set_learning_rate
from acir.training.run_log import History, RunLog
from acir.training.stages import Stage, first_stage, second_stage
from acir.types import Progress

__all__ = ["CHECKPOINT", "Fabric", "Trainer", "make_fabric"]

log = logging.getLogger("acir.training")

CHECKPOINT = "checkpoint.safetensors"


@dataclass
class _Position:
    """Where training stands: what a checkpoint holds beside arrays."""

    stage: int = 1
    epoch: int = 0
    best: float = -1.0
    best_epoch: int = -1
    history: History = field(default_factory=list)


class Trainer:
    """Train an encoder and its loss, resumably.

    Args:
        recipe: What decides the training.
        encoder: The network; its best weights by validation are in it afterwards.
        loss: The loss of stage 1; its parameters are trained with the network.
        folder: Where the checkpoint and the logs go.
        seed: The only source of chance.
        fabric: Device, precision and processes.
        validate: Gives the validation mAP of the network, higher is better.
        progress: Shows how far an epoch is.
        attack: What a robust recipe learns to withstand; None for any other.
    """

    def __init__(  # noqa: PLR0913 - these are the trainer's collaborators, all by keyword
        self,
        *,
        recipe: Recipe,
        encoder: Encoder,
        loss: Loss,
        folder: Path,
        seed: int,
        fabric: Fabric,
        validate: Callable[[Encoder], float],
        progress: Progress,
        attack: Attack | None = None,
    ) -> None:
        self.recipe = recipe
        self.encoder = encoder
        self.loss = loss
        self.folder = folder
        self.seed = seed
        self.fabric = fabric
        self.validate = validate
        self.progress = progress
        self.attack = attack
        self.position = _Position()
        self.best: checkpoint.Arrays = {}
        self.average = moving_average(encoder, recipe.training.average)
        self.run_log: RunLog | None = None

    def fit(self, train: ImageSet, *, resume: bool) -> History:
        """Run both stages and return one row an epoch: losses, validation mAP, speed.

        Args:
            train: The training pictures.
            resume: Whether to go on from the folder's checkpoint; without one, start.
        """
        saved = self._read_checkpoint() if resume else {}
        self.encoder.to(self.fabric.device)
        self.loss.to(self.fabric.device)
        if self.average is not None:
            self.average.to(self.fabric.device)
        with ExitStack() as stack:
            if self.fabric.is_global_zero:
                run_log = RunLog(self.folder, self.position.history)
                self.run_log = stack.enter_context(closing(run_log))
            self._fit_stages(train, saved)
        self.encoder.eval()
        return self.position.history

    def _fit_stages(self, train: ImageSet, saved: checkpoint.Arrays) -> None:
        if self.position.stage == 1:
            training = self.recipe.training
            stage = first_stage(self.encoder, self.loss, training, self.fabric, self.attack)
            self._fit_stage(stage, train, saved)
            self.encoder.load_state_dict(checkpoint.below("encoder", self.best))
            self.position.stage, self.position.epoch = 2, 0
            saved = {}
        if self.encoder.decoder is not None and self.recipe.training.decoder_epochs:
            stage = second_stage(self.encoder, self.recipe.training, self.fabric)
            self._fit_stage(stage, train, saved)

    def _fit_stage(self, stage: Stage, train: ImageSet, saved: checkpoint.Arrays) -> None:
        training = self.recipe.training
        fresh = AdamW(
            parameter_groups(stage.module, training.weight_decay),
            lr=stage.learning_rate,
            betas=(training.betas[0], training.betas[1]),
        )
        if saved:
            checkpoint.restore_optimiser(fresh, saved)
        optimiser = self.fabric.setup_optimizers(fresh)
        while self.position.epoch < stage.epochs and not self._out_of_patience(stage):
            row = self._run_epoch(stage, optimiser, train)
            if stage.number == 1:
                row["val_mAP"] = self.validate(self._judged())
                self._keep_if_best(row["val_mAP"])
            self.position.history.append(row)
            self.position.epoch += 1
            log.info("%s", row)
            self._write(optimiser)

    def _run_epoch(self, stage: Stage, optimiser: Any, train: ImageSet) -> dict[str, Any]:  # noqa: ANN401 - Fabric wraps optimisers in a class of its own
        training, epoch, started = self.recipe.training, self.position.epoch, time.perf_counter()
        seed = derived_seed(self.seed, stage.number, epoch)
        torch.manual_seed(seed)  # dropout
        random = torch.Generator().manual_seed(seed)  # augmentation and mixing
        stage.module.train()
        sums: dict[str, float] = {}
        times = repeats(training, len(train))
        batches = [b for t in range(times) for b in self._dealt(stage, train, seed + t)]
        title = f"{stage.title} {epoch + 1}/{stage.epochs}"
        with self.progress(title, times * len(train)) as tick:
            for index, rows in enumerate(batches):
                set_learning_rate(optimiser, self._rate(stage, index, len(batches)))
                batch = train.augmented(self._own(rows), self.recipe.augment, random)
                batch = mixed(batch, stage.mixing, random)
                terms = stage.step(batch.to(self.fabric.device))
                self._descend(stage.module, optimiser, terms)
                if self.average is not None and stage.number == 1:
                    self.average.update_parameters(self.encoder)
                for name, term in {"loss": terms.total, **terms.terms}.items():
                    sums[name] = sums.get(name, 0.0) + float(term.detach()) / len(batches)
                tick(len(rows))
        if not math.isfinite(sums["loss"]):
            raise AcirError(
                f"the loss of epoch {epoch + 1} is not finite; start again with a smaller "
                f"{stage.rate_keys}"
            )
        seconds = time.perf_counter() - started
        return {
            "stage": stage.number,
            "epoch": epoch + 1,
            **sums,
            "seconds": round(seconds, 1),
            "images_per_second": round(times * len(train) / seconds, 1),
        }

    def _dealt(self, stage: Stage, train: ImageSet, seed: int) -> list[Int[Tensor, " batch"]]:
        random = torch.Generator().manual_seed(seed)
        rows = balanced_rows(train.labels, stage.balance, random)
        return shuffled_batches(rows, self.recipe.training.batch, random)

    def _rate(self, stage: Stage, index: int, batches: int) -> float:
        return scheduled(
            step=self.position.epoch * batches + index,
            steps=stage.epochs * batches,
            warmup=stage.warmup_epochs * batches,
            peak=stage.learning_rate,
            final=self.recipe.training.final_learning_rate,
        )

    def _descend(self, module: nn.Module, optimiser: Any, terms: LossTerms) -> None:  # noqa: ANN401 - see _run_epoch
        optimiser.zero_grad()
        self.fabric.backward(terms.total)
        if self.recipe.training.gradient_clip:
            nn.utils.clip_grad_norm_(module.parameters(), self.recipe.training.gradient_clip)
        optimiser.step()

    def _own(self, rows: Int[Tensor, " batch"]) -> Int[Tensor, " share"]:
        """Return this process's share of a batch, of one size in every process."""
        world = self.fabric.world_size
        return rows[: len(rows) // world * world][self.fabric.global_rank :: world]

    def _judged(self) -> Encoder:
        """Return the network that is validated and kept."""
        return self.encoder if self.average is None else averaged(self.average)

    def _keep_if_best(self, validated: float) -> None:
        # NaN means that validation had nothing to judge by; then the last epoch is as good as any.
        if validated > self.position.best or math.isnan(validated):
            self.position.best, self.position.best_epoch = validated, self.position.epoch
            state = {name: value.clone() for name, value in self._judged().state_dict().items()}
            self.best = checkpoint.prefixed("encoder", state)

    def _out_of_patience(self, stage: Stage) -> bool:
        patience = self.recipe.training.patience
        waited = self.position.epoch - self.position.best_epoch - 1
        return stage.number == 1 and bool(patience) and waited >= patience

    def _write(self, optimiser: Any) -> None:  # noqa: ANN401 - see _run_epoch
        if not self.fabric.is_global_zero:
            return
        arrays = {
            **checkpoint.prefixed("encoder", self.encoder.state_dict()),
            **checkpoint.prefixed("loss", self.loss.state_dict()),
            **checkpoint.prefixed("best", self.best),
            **checkpoint.optimiser_arrays(optimiser),
        }
        state = {**vars(self.position), "seed": self.seed}
        if self.average is not None:
            arrays |= checkpoint.prefixed("average", self.average.state_dict())
        checkpoint.write(self.folder / CHECKPOINT, arrays, state)
        if self.run_log is not None:
            self.run_log.add(self.position.history[-1])

    def _read_checkpoint(self) -> checkpoint.Arrays:
        path = self.folder / CHECKPOINT
        if not path.exists():
            return {}
        arrays, state = checkpoint.read(path)
        self.seed = state.pop("seed")
        self.position = _Position(**state)
        self.encoder.load_state_dict(checkpoint.below("encoder", arrays))
        self.loss.load_state_dict(checkpoint.below("loss", arrays))
        self.best = checkpoint.below("best", arrays)
        if self.average is not None:
            self.average.load_state_dict(checkpoint.below("average", arrays))
        return arrays


def derived_seed(seed: int, stage: int, epoch: int) -> int:
    """Mix seed, stage and epoch so that no two epochs share their chance."""
    digest = sha256(f"{seed}/{stage}/{epoch}".encode()).digest()
    return int.from_bytes(digest[:7], "big")


def make_fabric(device: str, precision: str) -> Fabric:
    """Choose device, precision and processes.

    Processes are those of the launcher, as `torchrun` starts them; without one there is one.

    Args:
        device: `auto`, `cpu`, `cuda` or `cuda:n`.
        precision: `32` or `bf16`.

    Raises:
        UsageError: There is no such device here.
    """
    where = chosen_device(device)
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    fabric = Fabric(
        accelerator=where.type,
        devices=processes if where.index is None else [where.index],
        strategy="ddp" if processes > 1 else "auto",
        precision="bf16-mixed" if precision == "bf16" else "32-true",
    )
    fabric.launch()
    return fabric

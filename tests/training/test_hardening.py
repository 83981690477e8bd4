"""Robust training: what it minimises, what it leaves alone, and that it resumes exactly."""

from collections.abc import Callable
from contextlib import suppress
from math import log
from pathlib import Path

import pytest
import torch
from jaxtyping import Float
from scipy.stats import entropy  # type: ignore[import-untyped]
from torch import Tensor

from acir.losses.base import Loss, LossTerms
from acir.losses.hashnet import HashNet
from acir.models.encoder import Encoder
from acir.tensors import Batch, Encoding
from acir.training.hardening import Attack, attacked, hardened_loss, moved
from acir.training.optimiser import planned_steps
from acir.training.run_log import History
from made_trainer import (
    CLASSES,
    PICTURES,
    Interrupt,
    Snapshot,
    interrupted_at,
    judged,
    pictures,
    same,
    small_recipe,
    snapshot,
    told,
    trainer,
)


def steepest(
    logits: Callable[[Tensor], Tensor], images: Float[Tensor, "batch 3 height width"]
) -> Float[Tensor, "batch 3 height width"]:
    """Step once against the sum of all logits."""
    point = images.clone().requires_grad_()
    (slope,) = torch.autograd.grad(logits(point).sum(), [point])
    return (images - 0.03 * slope.sign()).clamp(0, 1)


class FirstLogit(Loss):
    """Judge by the mean first logit, and remember what it was asked."""

    def __init__(self, teaches_class_head: bool) -> None:
        super().__init__()
        self.teaches = teaches_class_head
        self.asked: list[float] = []

    @property
    def teaches_class_head(self) -> bool:
        return self.teaches

    def forward(self, encoding: Encoding, batch: Batch) -> LossTerms:
        assert len(encoding.logits) == len(batch.images)
        mean = encoding.logits[:, 0].mean()
        self.asked.append(mean.item())
        return LossTerms(mean, {"first": mean})


def encoding_of(logits: Tensor, class_logits: Tensor) -> Encoding:
    return Encoding(logits, logits, class_logits, logits, logits[..., None, None])


def right_angles() -> Encoding:
    """Two attacked pictures, then the same clean: one code turned by a right angle, one by none.

    The first has classes of odds 1 to 1 where 3 to 1 was known, the second the same as before.
    """
    logits = torch.tensor([[0.0, 2.0], [3.0, 3.0], [1.0, 0.0], [2.0, 2.0]])
    class_logits = torch.tensor([[5.0, 5.0], [0.0, 1.0], [log(3), 0.0], [1.0, 2.0]])
    return encoding_of(logits, class_logits)


# Of the first picture 1 - cos = 1 and KL((3/4, 1/4), (1/2, 1/2)); of the second 0 and 0.
ANGLE = 1 / 2
DIVERGENCE = entropy([0.75, 0.25], [0.5, 0.5]) / 2


@pytest.mark.parametrize(
    ("teaches_class_head", "far"), [(False, ANGLE), (True, ANGLE + DIVERGENCE)]
)
def test_the_loss_on_clean_pictures_and_how_far_attacked_ones_are_moved(
    teaches_class_head: bool, far: float
) -> None:
    batch, loss = pictures().batch(torch.arange(2)), FirstLogit(teaches_class_head)
    terms = hardened_loss(right_angles(), batch, loss, weight=4.0)
    assert loss.asked == [1.5]
    assert terms.total.item() == pytest.approx(1.5 + 4 * far)
    assert {name: term.item() for name, term in terms.terms.items()} == {
        "first": 1.5,
        "moved": pytest.approx(far),
    }


@pytest.mark.parametrize("classes", [True, False])
def test_what_is_not_moved_costs_nothing_and_what_is_pulls_at_both(classes: bool) -> None:
    clean = encoding_of(torch.randn(5, 8), torch.randn(5, 3))
    assert moved(clean, clean, classes=classes).item() == pytest.approx(0, abs=1e-6)
    parts = [torch.randn(5, n, requires_grad=True) for n in (8, 3, 8, 3)]
    far = moved(encoding_of(*parts[:2]), encoding_of(*parts[2:]), classes=classes)
    pulls = torch.autograd.grad(far, parts, allow_unused=True)
    pulled = [pull is not None and bool((pull != 0).any()) for pull in pulls]
    assert pulled == [True, classes, True, classes]


def test_a_robust_step_is_one_step_of_a_loss_that_counts_them(tmp_path: Path) -> None:
    recipe = small_recipe(epochs=1, decoder_epochs=0)
    steps = planned_steps(recipe.training, PICTURES)
    counts = pictures().class_counts
    loss = HashNet(bits=8, class_counts=counts, pictures=PICTURES, steps=steps)
    trainer(tmp_path, recipe=recipe, loss=loss, attack=steepest).fit(pictures(), resume=False)
    assert loss.done == steps == PICTURES // recipe.training.batch


@pytest.mark.parametrize("training", [True, False])
def test_an_attack_meets_the_network_as_a_query_does_and_leaves_no_trace(training: bool) -> None:
    encoder = Encoder(small_recipe().model, CLASSES).train(training)
    before, images = snapshot(encoder), pictures().batch(torch.arange(8)).images
    modes: list[bool] = []

    def attack(logits: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
        modes.append(encoder.training)
        return steepest(logits, images)

    changed = attacked(encoder, attack, images)
    assert modes == [False]
    assert encoder.training == training
    assert same(snapshot(encoder), before)
    assert all(p.grad is None for p in encoder.parameters())
    assert not changed.requires_grad
    torch.testing.assert_close(changed, attacked(encoder.eval(), steepest, images))


def run(folder: Path, attack: Attack | None, epoch: int | None = None) -> tuple[History, Snapshot]:
    """Train, or resume, and return what there is to compare; `epoch` interrupts."""
    recipe = small_recipe(decoder_epochs=1)
    validate = judged if epoch is None else interrupted_at(epoch)
    found = trainer(folder, recipe=recipe, attack=attack, validate=validate)
    return found.fit(pictures(), resume=True), snapshot(found.encoder)


def test_a_robust_run_resumes_exactly_reports_its_term_and_differs(tmp_path: Path) -> None:
    history, weights = run(tmp_path / "a", steepest)
    with suppress(Interrupt):
        run(tmp_path / "b", steepest, epoch=2)
    resumed, same_weights = run(tmp_path / "b", steepest)
    assert told(resumed) == told(history)
    assert same(same_weights, weights)
    plain, other_weights = run(tmp_path / "c", None)
    assert not same(other_weights, weights)
    for row in history[:3]:
        clean = row["contrast"] + 0.5 * row["quantisation"] + 0.5 * row["classification"]
        assert row["loss"] == pytest.approx(clean + 2 * row["moved"], rel=1e-5)
    assert all("moved" not in row for row in (*plain, history[3]))


def test_what_the_network_reads_is_attacked_and_clean_in_one_batch(tmp_path: Path) -> None:
    # The first norm sees them together: its running mean moves by the mean of both.
    seen: list[int] = []
    found = trainer(tmp_path, recipe=small_recipe(epochs=1, decoder_epochs=0), attack=steepest)
    first = next(m for m in found.encoder.modules() if isinstance(m, torch.nn.BatchNorm2d))
    first.register_forward_hook(
        lambda module, inputs, _: seen.append(len(inputs[0])) if module.training else None
    )
    found.fit(pictures(), resume=False)
    assert seen == [16, 16, 16]  # three batches of eight

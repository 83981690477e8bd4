"""The two stages on a network of a few thousand weights: what is trained, kept and resumed."""

import csv
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import pytest
import torch
from jaxtyping import Int
from safetensors.torch import load_file, save_file
from tensorboard.backend.event_processing.event_accumulator import (  # type: ignore[import-untyped]
    EventAccumulator,
)
from torch import Tensor, nn

from acir import losses
from acir.data.loader import ImageSet
from acir.errors import AcirError, BundleError, UsageError
from acir.losses.base import Loss, LossTerms
from acir.losses.sch import SCH
from acir.models.encoder import Encoder
from acir.recipe import from_dict
from acir.registry import build
from acir.tensors import Batch, Encoding
from acir.training.run_log import LOG, TENSORBOARD, History
from acir.training.trainer import CHECKPOINT, Trainer, derived_seed, make_fabric
from acir.types import Progress
from made_ports import free_port
from made_trainer import (
    CLASSES,
    MODEL,
    PICTURES,
    Interrupt,
    Snapshot,
    interrupted_at,
    pictures,
    same,
    small_recipe,
    snapshot,
    told,
    trainer,
    without_decoder,
)


class Script:
    """Give validation results in turn and keep the weights that were judged."""

    def __init__(self, *values: float) -> None:
        self.values = list(values)
        self.seen: list[Snapshot] = []

    def __call__(self, encoder: Encoder) -> float:
        self.seen.append(snapshot(encoder))
        return self.values[len(self.seen) - 1]


# Two stages


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Trainer, History]:
    """Train once without interruption."""
    folder = tmp_path_factory.mktemp("whole")
    found = trainer(folder)
    return folder, found, found.fit(pictures(), resume=False)


def test_stage_one_is_followed_by_stage_two(whole: tuple[Path, Trainer, History]) -> None:
    _, _, history = whole
    assert [(row["stage"], row["epoch"]) for row in history] == [
        (1, 1),
        (1, 2),
        (1, 3),
        (2, 1),
        (2, 2),
    ]


def test_the_loss_of_an_epoch_is_the_weighted_sum_of_its_terms(
    whole: tuple[Path, Trainer, History],
) -> None:
    for row in whole[2][:3]:
        total = row["contrast"] + 0.5 * row["quantisation"] + 0.5 * row["classification"]
        assert row["loss"] == pytest.approx(total, rel=1e-5)
    for row in whole[2][3:]:
        assert row["loss"] == row["reconstruction"]


def test_both_stages_learn(tmp_path: Path) -> None:
    recipe = small_recipe(epochs=20, decoder_epochs=6, decoder_learning_rate=0.02)
    history = trainer(tmp_path, recipe=recipe).fit(pictures(), resume=False)
    first, second = ([row["loss"] for row in history if row["stage"] == n] for n in (1, 2))
    assert first[-1] < 0.9 * first[0]
    assert second[-1] < second[0]  # noise is hard to reconstruct


@pytest.mark.parametrize(
    ("key", "named"),
    [
        ("learning_rate", "training.learning_rate"),
        ("decoder_learning_rate", "training.decoder_learning_rate or training.learning_rate"),
    ],
)
def test_a_stage_that_diverges_names_the_learning_rates_that_may_be_why(
    tmp_path: Path, key: str, named: str
) -> None:
    recipe = small_recipe(epochs=1, decoder_epochs=1, final_learning_rate=0.0, **{key: 1e30})
    with pytest.raises(AcirError, match=rf"the loss of epoch 1 .* with a smaller {named}$"):
        trainer(tmp_path, recipe=recipe).fit(pictures(), resume=False)


def test_the_log_has_these_columns(whole: tuple[Path, Trainer, History]) -> None:
    with (whole[0] / LOG).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        "stage",
        "epoch",
        "loss",
        "contrast",
        "quantisation",
        "classification",
        "seconds",
        "images_per_second",
        "val_mAP",
        "reconstruction",
    ]
    assert [row["loss"] for row in rows] == [str(row["loss"]) for row in whole[2]]


def test_a_run_leaves_a_checkpoint_and_its_logs(whole: tuple[Path, Trainer, History]) -> None:
    assert {path.name for path in whole[0].iterdir()} == {CHECKPOINT, LOG, TENSORBOARD}


def test_the_network_is_left_ready_for_use(whole: tuple[Path, Trainer, History]) -> None:
    assert not any(module.training for module in whole[1].encoder.modules())


def test_one_seed_gives_one_network_and_another_gives_another(
    tmp_path: Path, whole: tuple[Path, Trainer, History]
) -> None:
    again, other = trainer(tmp_path), trainer(tmp_path, seed=1)
    assert told(again.fit(pictures(), resume=False)) == told(whole[2])
    other.fit(pictures(), resume=False)
    assert same(snapshot(again.encoder), snapshot(whole[1].encoder))
    assert not same(snapshot(other.encoder), snapshot(whole[1].encoder))


def test_no_two_epochs_share_their_chance() -> None:
    seeds = {derived_seed(s, t, e) for s in range(5) for t in (1, 2) for e in range(50)}
    assert len(seeds) == 5 * 2 * 50


def test_without_a_decoder_there_is_no_second_stage(tmp_path: Path) -> None:
    recipe = from_dict({"model": {**MODEL, "decoder": {"on": False}}, "training": {"epochs": 1}})
    found = trainer(tmp_path, recipe=recipe).fit(pictures(), resume=False)
    assert [row["stage"] for row in found] == [1]


def test_every_step_reports_its_pictures(tmp_path: Path) -> None:
    shown: list[tuple[str, int | None]] = []
    ticks: list[int] = []

    @contextmanager
    def progress(title: str, total: int | None) -> Iterator[Callable[[int], None]]:
        shown.append((title, total))
        yield ticks.append

    recipe = small_recipe(epochs=2, decoder_epochs=1)
    trainer(tmp_path, recipe=recipe, progress=progress).fit(pictures(), resume=False)
    assert shown == [("training 1/2", 24), ("training 2/2", 24), ("decoder 1/1", 24)]
    assert ticks == [8] * 9


def test_arithmetic_in_bf16_trains(tmp_path: Path) -> None:
    recipe = small_recipe(epochs=1, decoder_epochs=1)
    found, wide = (trainer(tmp_path / p, recipe=recipe, precision=p) for p in ("bf16", "32"))
    history = found.fit(pictures(), resume=False)
    assert told(history) != told(wide.fit(pictures(), resume=False))
    assert all(0 < row["loss"] < 100 for row in history)
    assert {value.dtype for value in found.encoder.parameters()} == {torch.float32}


# What is trained, and what is kept


def test_the_best_weights_are_kept_and_the_second_stage_leaves_them_alone(tmp_path: Path) -> None:
    script = Script(0.1, 0.9, 0.5)
    found = trainer(tmp_path, validate=script)
    before = snapshot(found.encoder)
    found.fit(pictures(), resume=False)
    after = snapshot(found.encoder)
    # Running statistics of the batch norms are part of the snapshots.
    assert any(name.endswith("running_var") for name in after)
    assert same(without_decoder(after), without_decoder(script.seen[1]))
    assert not same(without_decoder(script.seen[1]), without_decoder(script.seen[2]))
    decoder = [name for name in after if name.startswith("decoder.")]
    assert all(torch.equal(script.seen[2][name], before[name]) for name in decoder)
    assert not any(torch.equal(after[name], before[name]) for name in decoder)


def test_of_equal_results_the_earlier_is_kept(tmp_path: Path) -> None:
    script = Script(0.5, 0.5, 0.5)
    found = trainer(tmp_path, recipe=small_recipe(decoder_epochs=0), validate=script)
    found.fit(pictures(), resume=False)
    assert same(snapshot(found.encoder), script.seen[0])


def test_the_last_weights_are_kept_where_validation_can_judge_nothing(tmp_path: Path) -> None:
    script = Script(*[float("nan")] * 3)
    found = trainer(tmp_path, recipe=small_recipe(decoder_epochs=0), validate=script)
    found.fit(pictures(), resume=False)
    assert same(snapshot(found.encoder), script.seen[2])


@pytest.mark.parametrize(
    ("patience", "epochs"),
    [
        (0, 6),  # never
        (1, 2),  # 0.4 is not better than 0.5
        (2, 3),  # nor is 0.3
        (3, 6),  # 0.6 is, and the last two epochs are within its patience
    ],
)
def test_training_stops_after_as_many_epochs_without_gain(
    tmp_path: Path, patience: int, epochs: int
) -> None:
    script = Script(0.5, 0.4, 0.3, 0.6, 0.1, 0.1)
    recipe = small_recipe(epochs=6, decoder_epochs=0, patience=patience)
    history = trainer(tmp_path, recipe=recipe, validate=script).fit(pictures(), resume=False)
    assert len(history) == epochs


@pytest.mark.parametrize("clip", [0.01, 0.0])
def test_the_norm_of_the_gradient_is_bounded_where_the_recipe_says_so(
    tmp_path: Path, clip: float
) -> None:
    recipe = small_recipe(epochs=1, decoder_epochs=0, gradient_clip=clip)
    found = trainer(tmp_path, recipe=recipe)
    found.fit(pictures(), resume=False)
    grads = [p.grad.norm() for p in found.encoder.parameters() if p.grad is not None]
    norm = torch.stack(grads).norm().item()
    assert norm == pytest.approx(clip, rel=1e-3) if clip else norm > 0.05


class Memory(Loss):
    """A loss with parameters: class centres that learn, and a pair that gets no gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.centres = nn.Parameter(torch.ones(CLASSES, 8))
        self.idle_matrix = nn.Parameter(torch.ones(2, 2))
        self.idle_bias = nn.Parameter(torch.ones(2))

    def forward(self, encoding: Encoding, batch: Batch) -> LossTerms:
        total = (encoding.logits - batch.labels @ self.centres).square().mean()
        total = total + 0 * (self.idle_matrix.sum() + self.idle_bias.sum())
        return LossTerms(total, {})


def test_the_parameters_of_the_loss_are_trained(tmp_path: Path) -> None:
    loss = Memory()
    recipe = small_recipe(epochs=1, decoder_epochs=0, weight_decay=0.0)
    trainer(tmp_path, recipe=recipe, loss=loss).fit(pictures(), resume=False)
    assert (loss.centres != 1).all()


def test_weight_decay_shrinks_a_matrix_and_spares_a_bias(tmp_path: Path) -> None:
    # Without a gradient AdamW only multiplies by 1 - rate * decay at each of the 3 steps; after
    # a warm-up of 0 steps the rates of a cosine from 0.01 to 0 are 0.01 (1 + cos(pi k / 3)) / 2:
    # 0.01, 0.0075, 0.0025. So 0.99 * 0.9925 * 0.9975.
    loss = Memory()
    recipe = small_recipe(
        epochs=1, decoder_epochs=0, weight_decay=1.0, warmup_epochs=0, final_learning_rate=0
    )
    trainer(tmp_path, recipe=recipe, loss=loss).fit(pictures(), resume=False)
    expected = torch.full((2, 2), 0.99 * 0.9925 * 0.9975)
    torch.testing.assert_close(loss.idle_matrix.detach(), expected)
    assert loss.idle_bias.tolist() == [1, 1]


# Resuming


def killer(stage: str, epoch: int) -> Progress:
    """Kill this process in the middle of an epoch, after its second step."""

    @contextmanager
    def progress(title: str, total: int | None) -> Iterator[Callable[[int], None]]:
        steps = 0

        def tick(_: int) -> None:
            nonlocal steps
            steps += 1
            if title.startswith(f"{stage} {epoch}/") and steps == 2:
                os.kill(os.getpid(), signal.SIGKILL)

        yield tick

    return progress


def train_until_killed(folder: str) -> None:
    """Be killed in the second epoch of the stage that the run has reached."""
    stage = "decoder" if (Path(folder) / CHECKPOINT).exists() else "training"
    found = trainer(Path(folder), progress=killer(stage, 2), loss=None)
    found.fit(pictures(), resume=True)


def test_a_run_killed_in_both_stages_equals_an_uninterrupted_one_bit_for_bit(
    tmp_path: Path, whole: tuple[Path, Trainer, History]
) -> None:
    for rows in (1, 4):
        child = get_context("spawn").Process(target=train_until_killed, args=(str(tmp_path),))
        child.start()
        child.join()
        assert child.exitcode == -signal.SIGKILL
        with (tmp_path / LOG).open(encoding="utf-8") as file:
            assert len(list(csv.DictReader(file))) == rows
    resumed = trainer(tmp_path)
    history = resumed.fit(pictures(), resume=True)
    assert told(history) == told(whole[2])
    assert same(snapshot(resumed.encoder), snapshot(whole[1].encoder))
    events = EventAccumulator(str(tmp_path / TENSORBOARD))
    events.Reload()
    shown = [(event.step, event.value) for event in events.Scalars("loss")]
    assert shown == [(i, pytest.approx(row["loss"])) for i, row in enumerate(history, start=1)]


OPTIONS = {"average": 0.9, "mixing": 0.4, "balance": 0.7}


@pytest.mark.parametrize("options", [{key: value} for key, value in OPTIONS.items()] + [OPTIONS])
def test_with_any_option_a_resumed_run_equals_an_uninterrupted_one(
    tmp_path: Path, options: dict[str, float], whole: tuple[Path, Trainer, History]
) -> None:
    recipe = small_recipe(decoder_epochs=1, **options)
    straight = trainer(tmp_path / "a", recipe=recipe)
    expected = straight.fit(pictures(), resume=False)
    with suppress(Interrupt):
        parted = trainer(tmp_path / "b", recipe=recipe, validate=interrupted_at(2))
        parted.fit(pictures(), resume=False)
    resumed = trainer(tmp_path / "b", recipe=recipe)
    assert told(resumed.fit(pictures(), resume=True)) == told(expected)
    assert same(snapshot(resumed.encoder), snapshot(straight.encoder))
    assert not same(snapshot(straight.encoder), snapshot(whole[1].encoder))  # it does something


def test_the_average_of_all_steps_is_validated_kept_and_saved(tmp_path: Path) -> None:
    # With equal rates the network learns the same with and without an average. One step an epoch:
    # after the second the average keeps 2 / 11 of the first.
    script, plain = Script(0.1, 0.9), Script(0.1, 0.9)
    options = {"epochs": 2, "decoder_epochs": 0, "batch": PICTURES}
    found = trainer(tmp_path, recipe=small_recipe(**options, average=0.9), validate=script)
    found.fit(pictures(), resume=False)
    trainer(tmp_path, recipe=small_recipe(**options), validate=plain).fit(pictures(), resume=False)
    assert same(script.seen[0], plain.seen[0])  # the first step is taken as it is
    assert any(name.endswith("running_mean") for name in plain.seen[0])
    for name, value in plain.seen[1].items():
        if value.is_floating_point():
            expected = plain.seen[0][name] + 9 / 11 * (value - plain.seen[0][name])
            torch.testing.assert_close(script.seen[1][name], expected)
    assert same(snapshot(found.encoder), script.seen[1])
    assert not same(script.seen[1], plain.seen[1])


class Noting(SCH):
    """Keep what is judged."""

    def __init__(self) -> None:
        super().__init__(class_counts=pictures().class_counts)
        self.shown: list[Batch] = []

    def forward(self, encoding: Encoding, batch: Batch) -> LossTerms:
        self.shown.append(batch)
        return super().forward(encoding, batch)


def test_mixed_pictures_are_judged_by_mixed_labels(tmp_path: Path) -> None:
    loss = Noting()
    recipe = small_recipe(epochs=1, decoder_epochs=0, mixing=1.0)
    trainer(tmp_path, recipe=recipe, loss=loss).fit(pictures(), resume=False)
    labels = torch.cat([batch.labels for batch in loss.shown])
    assert ((labels > 0.01) & (labels < 0.99)).any()


def test_a_balanced_epoch_shows_all_classes_equally_often(tmp_path: Path) -> None:
    # 16 and 8 pictures of two classes; in 24, 12 of each.
    rows = torch.arange(PICTURES)
    labels = torch.nn.functional.one_hot((rows >= 16).long(), CLASSES).float()
    loss = Noting()
    recipe = small_recipe(epochs=1, decoder_epochs=0, balance=1.0)
    uneven = ImageSet(pictures().images, labels)
    trainer(tmp_path, recipe=recipe, loss=loss).fit(uneven, resume=False)
    counts = torch.cat([batch.labels for batch in loss.shown]).sum(dim=0)
    assert counts.sum() == PICTURES
    assert (counts - torch.tensor([12.0, 12, 0])).abs().max() <= 1


def test_a_finished_run_that_is_resumed_stays_as_it_is(
    tmp_path: Path, whole: tuple[Path, Trainer, History]
) -> None:
    (tmp_path / CHECKPOINT).write_bytes((whole[0] / CHECKPOINT).read_bytes())
    resumed = trainer(tmp_path, validate=Script())  # would fail if it were asked
    assert resumed.fit(pictures(), resume=True) == whole[2]
    assert same(snapshot(resumed.encoder), snapshot(whole[1].encoder))
    assert (tmp_path / LOG).read_text() == (whole[0] / LOG).read_text()


def test_momenta_of_the_loss_and_best_weights_survive_an_interruption(tmp_path: Path) -> None:
    recipe = small_recipe(epochs=4, decoder_epochs=0)

    def run(folder: Path, resume: bool, *values: float) -> tuple[Memory, Trainer]:
        folder.mkdir(exist_ok=True)
        loss = Memory()
        left = list(values)

        def validate(_: Encoder) -> float:
            if not left:
                raise Interrupt
            return left.pop(0)

        found = trainer(folder, recipe=recipe, loss=loss, validate=validate)
        with suppress(Interrupt):
            found.fit(pictures(), resume=resume)
        return loss, found

    straight, expected = run(tmp_path / "a", False, 0.5, 0.4, 0.3, 0.2)
    run(tmp_path / "b", False, 0.5, 0.4)
    resumed, found = run(tmp_path / "b", True, 0.3, 0.2)
    assert same(snapshot(straight), snapshot(resumed))
    assert same(snapshot(expected.encoder), snapshot(found.encoder))


def test_patience_goes_on_counting_after_an_interruption(tmp_path: Path) -> None:
    recipe = small_recipe(epochs=1, decoder_epochs=0, patience=2)
    trainer(tmp_path, recipe=recipe, validate=Script(0.5)).fit(pictures(), resume=False)
    longer = replace(recipe, training=replace(recipe.training, epochs=9))
    resumed = trainer(tmp_path, recipe=longer, validate=Script(0.4, 0.3, 0.2))
    assert len(resumed.fit(pictures(), resume=True)) == 3


def test_a_run_that_is_not_resumed_starts_afresh(tmp_path: Path) -> None:
    recipe = small_recipe(epochs=1, decoder_epochs=0)
    trainer(tmp_path, recipe=recipe, seed=7).fit(pictures(), resume=False)
    fresh = trainer(tmp_path, recipe=recipe)
    assert len(fresh.fit(pictures(), resume=False)) == 1
    assert fresh.seed == 0


def test_an_altered_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / CHECKPOINT).write_bytes(b"nothing")
    with pytest.raises(BundleError, match="is not a whole checkpoint"):
        trainer(tmp_path).fit(pictures(), resume=True)


# Devices and processes


def test_the_processor_is_a_device() -> None:
    assert make_fabric("cpu", "32").device == torch.device("cpu")


def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(UsageError, match="the device is 'cuda:99', but torch finds"):
        make_fabric("cuda:99", "32")


def train_as_one_of_two(rank: int, port: int, folder: str, loss: str) -> None:
    """Train as a launcher would start it, and keep the weights."""
    os.environ.update(
        MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(port),
        GLOO_SOCKET_IFNAME="lo0" if sys.platform == "darwin" else "lo",
        WORLD_SIZE="2",
        RANK=str(rank),
        LOCAL_RANK=str(rank),
        NODE_RANK="0",
    )
    recipe = small_recipe(epochs=1, decoder_epochs=1)
    given = {"class_counts": pictures().class_counts}
    found = trainer(Path(folder), recipe=recipe, loss=build(losses.get(loss), {}, **given))
    found.fit(pictures(), resume=False)
    learned = {name: p.detach() for name, p in found.encoder.named_parameters()}
    save_file(learned, Path(folder) / f"{rank}.safetensors")


@pytest.mark.parametrize("loss", ["sch", "dch"])  # with and without use for the class head
def test_two_processes_train_one_network(tmp_path: Path, loss: str) -> None:
    context, port = get_context("spawn"), free_port()
    children = [
        context.Process(target=train_as_one_of_two, args=(rank, port, str(tmp_path), loss))
        for rank in range(2)
    ]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0, 0]
    first, second = (load_file(tmp_path / f"{rank}.safetensors") for rank in range(2))
    assert same(first, second)
    start = trainer(tmp_path).encoder
    assert not any(torch.equal(first[n], p) for n, p in start.named_parameters() if p.ndim > 1)
    assert (tmp_path / CHECKPOINT).exists()


def test_an_epoch_of_a_small_source_shows_it_several_times(tmp_path: Path) -> None:
    # Two epochs show 2 * PICTURES; so that at least 5 * PICTURES are shown, each shows all thrice.
    shown: list[Int[Tensor, " batch"]] = []

    class Noting(SCH):
        def forward(self, encoding: Encoding, batch: Batch) -> LossTerms:
            shown.append(batch.rows)
            return super().forward(encoding, batch)

    recipe = small_recipe(epochs=2, decoder_epochs=1, least_views=5 * PICTURES)
    noting = Noting(class_counts=pictures().class_counts)
    history = trainer(tmp_path, recipe=recipe, loss=noting).fit(pictures(), resume=False)
    assert [row["stage"] for row in history] == [1, 1, 2]
    assert torch.cat(shown).bincount().tolist() == [6] * PICTURES
    assert not torch.equal(shown[0], shown[len(shown) // 6])  # each time in another order

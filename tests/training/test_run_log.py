"""The history of a run as CSV and as TensorBoard scalars."""

import csv
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import (  # type: ignore[import-untyped]
    EventAccumulator,
)

from acir.training.run_log import LOG, TENSORBOARD, RunLog

FIRST: dict[str, Any] = {"stage": 1, "epoch": 1, "loss": 0.5, "val_mAP": 0.25}
SECOND: dict[str, Any] = {"stage": 1, "epoch": 2, "loss": 0.25, "val_mAP": 0.75}
DECODER: dict[str, Any] = {"stage": 2, "epoch": 1, "loss": 2.0, "reconstruction": 2.0}


def read_csv(folder: Path) -> list[dict[str, str]]:
    with (folder / LOG).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read_scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    events = EventAccumulator(str(folder / TENSORBOARD))
    events.Reload()
    return {
        tag: [(event.step, event.value) for event in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }


def test_the_table_has_a_column_for_every_key_and_blanks_where_a_stage_lacks_it(
    tmp_path: Path,
) -> None:
    with closing(RunLog(tmp_path, [])) as log:
        for row in (FIRST, SECOND, DECODER):
            log.add(row)
    rows = read_csv(tmp_path)
    assert list(rows[0]) == ["stage", "epoch", "loss", "val_mAP", "reconstruction"]
    assert [row["val_mAP"] for row in rows] == ["0.25", "0.75", ""]
    assert [row["reconstruction"] for row in rows] == ["", "", "2.0"]


def test_tensorboard_has_a_scalar_for_every_column_and_a_step_for_every_row(
    tmp_path: Path,
) -> None:
    with closing(RunLog(tmp_path, [])) as log:
        for row in (FIRST, SECOND, DECODER):
            log.add(row)
    assert read_scalars(tmp_path) == {
        "stage": [(1, 1), (2, 1), (3, 2)],
        "epoch": [(1, 1), (2, 2), (3, 1)],
        "loss": [(1, 0.5), (2, 0.25), (3, 2)],
        "val_mAP": [(1, 0.25), (2, 0.75)],
        "reconstruction": [(3, 2)],
    }


def test_a_resumed_log_replaces_what_was_never_checkpointed(tmp_path: Path) -> None:
    with closing(RunLog(tmp_path, [])) as log:
        log.add(FIRST)
        log.add({**SECOND, "loss": 9.0})  # lost: the process was killed before its checkpoint
    with closing(RunLog(tmp_path, [FIRST])) as log:
        log.add(SECOND)
    assert read_scalars(tmp_path)["loss"] == [(1, 0.5), (2, 0.25)]
    assert [row["loss"] for row in read_csv(tmp_path)] == ["0.5", "0.25"]


def test_a_row_that_the_log_missed_is_written_when_the_run_resumes(tmp_path: Path) -> None:
    with closing(RunLog(tmp_path, [])) as log:
        log.add(FIRST)
    RunLog(tmp_path, [FIRST, SECOND]).close()
    assert [row["epoch"] for row in read_csv(tmp_path)] == ["1", "2"]
    assert read_scalars(tmp_path)["epoch"] == [(1, 1), (2, 2)]


def test_rows_can_be_read_while_the_run_goes_on(tmp_path: Path) -> None:
    with closing(RunLog(tmp_path, [])) as log:
        log.add(FIRST)
        assert read_scalars(tmp_path)["loss"] == [(1, 0.5)]


def test_an_interruption_waits_until_a_row_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it hits the locks of TensorBoard's queue, closing the file would never end."""
    # What a shell starts in the background may ignore Ctrl-C.
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)
    with closing(RunLog(tmp_path, [])) as log:
        write = log.writer.add_scalar
        steps: list[int] = []

        def interrupted(column: str, value: float, step: int) -> None:
            signal.raise_signal(signal.SIGINT)
            write(column, value, step)
            steps.append(step)

        monkeypatch.setattr(log.writer, "add_scalar", interrupted)
        with pytest.raises(KeyboardInterrupt):
            log.add({"epoch": 1, "loss": 0.5})
        assert steps == [1, 1]
    assert signal.signal(signal.SIGINT, usual) is signal.default_int_handler
    assert "loss" in (tmp_path / LOG).read_text(encoding="utf-8")


def test_a_thread_writes_a_row_too(tmp_path: Path) -> None:
    with closing(RunLog(tmp_path, [])) as log, ThreadPoolExecutor(1) as pool:
        pool.submit(log.add, {"epoch": 1, "loss": 0.5}).result()
    assert "loss" in (tmp_path / LOG).read_text(encoding="utf-8")

"""The log of a run, one row an epoch: `log.csv`, and the same numbers for TensorBoard."""

import csv
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from acir.durable import whole

History = list[dict[str, Any]]

LOG = "log.csv"
TENSORBOARD = "tensorboard"


class RunLog:
    """Write down a history and what is added to it.

    A row is a step of TensorBoard and each of its columns a scalar. The history that a resumed
    run begins with is written again and replaces what an earlier process left, so that a kill
    between checkpoint and log loses nothing.

    Args:
        folder: The folder of the run.
        history: The rows so far.
    """

    def __init__(self, folder: Path, history: History) -> None:
        # Imported here: it takes a second or more, and only training needs it.
        from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415

        self.table = folder / LOG
        self.history: History = []
        for stale in (folder / TENSORBOARD).glob("events.out.tfevents.*"):
            stale.unlink()
        self.writer = SummaryWriter(str(folder / TENSORBOARD))
        for row in history:
            self.add(row)

    def add(self, row: dict[str, Any]) -> None:
        """Write one more row."""
        self.history.append(row)
        write_csv(self.table, self.history)
        with _uninterrupted():
            for column, value in row.items():
                self.writer.add_scalar(column, value, len(self.history))
            self.writer.flush()

    def close(self) -> None:
        """Close the TensorBoard file."""
        with _uninterrupted():
            self.writer.close()


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Put Ctrl-C off until this is over.

    TensorBoard's file is written by a thread that is reached through locks. An interruption just
    after a lock was taken, and before it is known to be held, would leave it taken for ever, and
    closing the file would never end.
    """
    if threading.current_thread() is not threading.main_thread():  # which alone is interrupted
        yield
        return
    caught: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: caught.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if caught:
            signal.raise_signal(caught[0])


def write_csv(path: Path, history: History) -> None:
    """Write one CSV row an epoch, the whole table in one step; what a stage lacks stays empty."""
    columns = list(dict.fromkeys(key for row in history for key in row))
    with whole(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(history)

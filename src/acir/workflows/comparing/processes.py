"""Many runs, each in a fresh process: what one leaves in memory cannot touch the next.

Not `concurrent.futures`: a pool whose worker is stopped while it waits for a task keeps the lock of
its queue, and then waits for ever.
"""

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import cast

from acir.errors import AcirError, StorageError

LONGEST = 20_000  # of a traceback; a pipe of 64 KiB takes it without a reader


@dataclass(frozen=True)
class Work:
    """A call for another process.

    Attributes:
        title: What it is, for messages.
        call: A picklable function without arguments; it leaves its result on disk.
    """

    title: str
    call: Callable[[], object]


@dataclass(frozen=True)
class _Failure:
    """How a call ended that did not return."""

    text: str
    traceback: str
    of_files: bool


@dataclass(frozen=True)
class _Child:
    """A process at work."""

    work: Work
    process: SpawnProcess
    failures: Connection

    def settle(self) -> None:
        """Raise what ended the process, which has ended, unless it is done."""
        self.process.join()
        if self.process.exitcode == 0:
            return
        try:
            failure = cast(_Failure, self.failures.recv())
        except EOFError:
            raise AcirError(
                f"the process of {self.work.title} ended with {self.process.exitcode} and without "
                "a word, as for want of memory; try fewer --jobs, the same command goes on"
            ) from None
        error = (StorageError if failure.of_files else AcirError)(
            f"{self.work.title} failed: {failure.text}; the same command goes on"
        )
        error.add_note(failure.traceback)  # for the log
        raise error


def threads_each(jobs: int) -> int:
    """Return how many threads each of several processes may use."""
    return max(1, (os.cpu_count() or 1) // jobs)


def carry_out(works: Sequence[Work], jobs: int, done: Callable[[Work], None]) -> None:
    """Do all works, so many at a time; stop all at the first that fails, and at Ctrl-C.

    Args:
        works: In the order in which they are begun.
        jobs: How many processes.
        done: Called after each.

    Raises:
        StorageError: A work could not write its result.
        AcirError: A work failed; the message names it.
    """
    waiting = iter(works)
    with _children() as running:
        while True:
            for work in islice(waiting, jobs - len(running)):
                child = _start(work)
                running[child.process.sentinel] = child
            if not running:
                return
            for sentinel in wait(list(running)):
                ended = running.pop(cast(int, sentinel))
                ended.settle()
                done(ended.work)


@contextmanager
def _children() -> Iterator[dict[int, _Child]]:
    """Give a place for running children; whoever is in it at the end is stopped."""
    running: dict[int, _Child] = {}
    try:
        yield running
    finally:
        for child in running.values():
            child.process.terminate()
        for child in running.values():
            child.process.join()


def _start(work: Work) -> _Child:
    context = get_context("spawn")
    failures, report = context.Pipe(duplex=False)
    process = context.Process(target=_do, args=(work.call, report), daemon=True)
    process.start()
    report.close()  # else its end would never be seen
    return _Child(work, process, failures)


def _do(call: Callable[[], object], report: Connection) -> None:
    """Work in the child. Ctrl-C reaches all processes of a terminal; only the parent acts on it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    try:
        call()
    except Exception as error:
        text = str(error) if isinstance(error, AcirError) else f"{type(error).__name__}: {error}"
        of_files = isinstance(error, OSError | StorageError)
        report.send(_Failure(text, traceback.format_exc()[-LONGEST:], of_files))
        sys.exit(1)


def _end_with_the_parent() -> None:
    """Leave no one at work for a parent that was killed, which can stop no child."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)

"""Many runs, each in a fresh process: what one leaves in memory cannot touch the next."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import islice

from acir.errors import AcirError, StorageError


@dataclass(frozen=True)
class Work:
    """A call for another process.

    Attributes:
        title: What it is, for messages.
        call: A picklable function without arguments; it leaves its result on disk.
    """

    title: str
    call: Callable[[], None]


def threads_each(jobs: int) -> int:
    """Return how many threads each of several processes may use."""
    return max(1, (os.cpu_count() or 1) // jobs)


def carry_out(works: Sequence[Work], jobs: int, done: Callable[[Work], None]) -> None:
    """Do all works, so many at a time; stop at the first that fails, and at Ctrl-C, at once.

    Args:
        works: In the order in which they are begun.
        jobs: How many processes.
        done: Called after each.

    Raises:
        StorageError: A work could not write its result.
        AcirError: A work failed; the message names it.
    """
    waiting = iter(works)
    running: dict[Future[None], Work] = {}
    with ProcessPoolExecutor(
        jobs,
        multiprocessing.get_context("spawn"),
        _leave_interrupts_to_the_parent,
        max_tasks_per_child=1,
    ) as pool:
        try:
            while True:
                for work in islice(waiting, jobs - len(running)):
                    running[pool.submit(work.call)] = work
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    _raise_as_its_own(running[future], future.exception())
                    done(running.pop(future))
        except BaseException:
            for child in multiprocessing.active_children():
                child.terminate()
            raise


def _leave_interrupts_to_the_parent() -> None:
    """Ctrl-C reaches all processes of a terminal; only the parent is to act on it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _raise_as_its_own(work: Work, error: BaseException | None) -> None:
    if error is None:
        return
    if isinstance(error, BrokenProcessPool):
        raise AcirError(
            f"the process of {work.title} ended at once, as for want of memory; try fewer --jobs, "
            "the same command goes on"
        ) from error
    if isinstance(error, OSError):
        raise StorageError(
            f"{work.title} cannot use the files: {error}; make room, the same command goes on"
        ) from error
    raise AcirError(f"{work.title} failed: {type(error).__name__}: {error}") from error

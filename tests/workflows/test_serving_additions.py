"""The thread that adds pictures to a served index: how it ends."""

import time
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Thread

import pytest

from acir.workflows.serving import additions
from acir.workflows.serving.additions import Additions, Job


class SlowQueue(SimpleQueue[str | None]):
    """A queue after whose answer that it holds something others have time to take it."""

    def empty(self) -> bool:
        found = super().empty()
        time.sleep(0.2)
        return found


def _unwitnessed(_: Job) -> None:
    pass


def test_closing_never_waits_for_what_the_thread_has_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(additions, "SimpleQueue", SlowQueue)
    jobs = Additions(tmp_path, _unwitnessed)
    closing = Thread(target=jobs.__exit__, args=(None, None, None), daemon=True)
    closing.start()
    closing.join(10)
    assert not closing.is_alive()


def test_the_job_that_runs_is_ended_and_the_others_wait_for_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "store.sqlite").touch()
    begun, may_end, over = Event(), Event(), list[Job]()

    def added(_: Additions, job: Job) -> Job:
        begun.set()
        assert may_end.wait(10)
        return job

    monkeypatch.setattr(Additions, "_added", added)
    jobs = Additions(tmp_path, over.append)
    first, second = (jobs.begin("ann", [b"one"], "", "") for _ in range(2))
    assert begun.wait(10)
    closing = Thread(target=jobs.__exit__, args=(None, None, None), daemon=True)
    closing.start()
    closing.join(0.1)  # it waits for the job that runs
    may_end.set()
    closing.join(10)
    assert [job.id for job in over] == [first.id]
    assert [place.name for place in (tmp_path / additions.FOLDER).iterdir()] == [second.id]

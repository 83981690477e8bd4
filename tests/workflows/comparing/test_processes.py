"""Works are carried out in other processes; the first that fails ends them all and is named."""

import multiprocessing
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from acir.errors import AcirError, StorageError
from acir.workflows.comparing.processes import Work, carry_out, threads_each


def test_all_works_are_done_and_reported(tmp_path: Path) -> None:
    works = [Work(f"{n}", partial((tmp_path / f"{n}").touch)) for n in range(3)]
    done: list[str] = []
    carry_out(works, 2, lambda work: done.append(work.title))
    assert sorted(done) == ["0", "1", "2"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("call", "kind", "said"),
    [
        (partial(divmod, 1, 0), AcirError, "work two failed: ZeroDivisionError: "),
        (partial(os._exit, 3), AcirError, "the process of work two ended with 3 and without a"),
        (partial(os.mkdir, "/proc/none"), StorageError, "work two failed: FileNotFoundError: "),
    ],
)
def test_a_failure_is_named_and_ends_the_rest(
    tmp_path: Path, call: "partial[None]", kind: type[AcirError], said: str
) -> None:
    last = tmp_path / "last"
    works = [Work("work one", partial((tmp_path / "one").touch)), Work("work two", call)]
    with pytest.raises(kind, match=said):
        carry_out([*works, Work("work three", partial(last.touch))], 1, lambda _: None)
    assert (tmp_path / "one").exists()
    assert not last.exists()


def test_the_log_gets_the_traceback(tmp_path: Path) -> None:
    with pytest.raises(AcirError) as caught:
        carry_out([Work("one", partial(divmod, 1, 0))], 1, lambda _: None)
    assert "ZeroDivisionError" in caught.value.__notes__[0]
    assert "Traceback" not in str(caught.value)


def test_what_is_at_work_is_stopped_with_the_rest(tmp_path: Path) -> None:
    def interrupted(_: Work) -> None:
        raise KeyboardInterrupt

    ended = tmp_path / "two"
    works = [
        Work("short", partial((tmp_path / "one").touch)),
        Work("long", partial(_sleep_and_touch, ended)),
    ]
    with pytest.raises(KeyboardInterrupt):
        carry_out(works, 2, interrupted)
    assert multiprocessing.active_children() == []
    assert not ended.exists()


def _sleep_and_touch(note: Path) -> None:
    time.sleep(60)
    note.touch()


def _name_yourself_and_sleep(note: Path) -> None:
    note.write_text(str(os.getpid()), encoding="utf-8")
    time.sleep(60)


def _is_alive(pid: int) -> bool:
    """Whether a process is there and more than a zombie that nobody has collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").split()[2] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="there is no /proc here")
def test_whoever_is_at_work_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    works = [Work("long", partial(_name_yourself_and_sleep, note))]
    parent = multiprocessing.get_context("spawn").Process(
        target=carry_out, args=(works, 1, _not_reached)
    )
    parent.start()
    _wait_for(lambda: note.exists() and note.read_text(encoding="utf-8") != "")
    child = int(note.read_text(encoding="utf-8"))
    assert _is_alive(child)
    parent.kill()
    parent.join()
    _wait_for(lambda: not _is_alive(child))


def _not_reached(work: Work) -> None:
    raise AssertionError(work.title)


def _wait_for(holds: Callable[[], bool], seconds: float = 50) -> None:
    """Wait until something holds; fail the test when it never does."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def test_nothing_to_do_starts_nothing() -> None:
    done: list[object] = []
    carry_out([], 1, done.append)
    assert not done


def test_processes_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert [threads_each(jobs) for jobs in (1, 2, 3, 16)] == [8, 4, 2, 1]

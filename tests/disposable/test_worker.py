"""A worker is asked for anything at all; its child is written here, and may be hostile.

What a child that decodes may do to its parent is tested in `tests/pacs/test_guard.py`.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from acir.disposable.messages import Message, pixels_of
from acir.disposable.worker import Worker
from acir.errors import GuardError, UnreadableImageError

CHILD = """
import sys
import numpy as np
from acir.disposable.child import serve

def answer(data, request):
    if request["want"] == "pixels":
        return {"kind": "pixels", "type": "|u1", "shape": [1, len(data)]}, np.frombuffer(data, "u1")
    return request["want"], None

serve(answer, int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
"""
Make = Callable[[], Worker]


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    (tmp_path / "made_child.py").write_text(CHILD)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    made = Worker("made_child", 5.0, 3 * 2**30)
    yield made
    made.end()


def _number(said: Message, _: int) -> int:
    return int(said["number"])


def test_files_go_in_and_pixels_come_out(worker: Worker) -> None:
    for data in (b"\x01\x02\x03", b"\x09"):
        found = worker.ask({"name": "a", "want": "pixels"}, data, pixels_of)
        assert np.array_equal(found, [list(data)])
    assert worker.lives


@pytest.mark.parametrize(
    "said",
    [
        {"kind": "unreadable"},
        {"kind": "usage"},
        {},
        {"kind": "code"},
        {"kind": "number", "number": float("inf")},
    ],
)
def test_what_is_no_answer_counts_as_a_crash(worker: Worker, said: dict[str, object]) -> None:
    with pytest.raises(UnreadableImageError, match="b: its content made the decoder crash"):
        worker.ask({"name": "b", "want": said}, b"", _number)
    assert not worker.lives


def test_a_number_of_nought_is_an_answer(worker: Worker) -> None:
    want = {"kind": "number", "number": 0}
    assert worker.ask({"name": "a", "want": want}, b"", _number) == 0


def test_where_no_process_can_be_started_nothing_stays_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise BlockingIOError

    monkeypatch.setattr("subprocess.Popen", refused)
    before = os.dup(0)
    os.close(before)
    with pytest.raises(GuardError, match="the process that decodes files does not start"):
        Worker("made_child", 5.0, 2**30)
    after = os.dup(0)
    os.close(after)
    assert after == before

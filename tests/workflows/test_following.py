"""`acir pacs sync` while it, or the PACS, is killed: nothing is lost, nothing comes twice."""

import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import numpy as np
import pytest

from acir.index.feeds import Step
from acir.index.store import Store
from acir.privacy.pseudonym import load_key, pseudonym
from made_model import acir, program
from made_orthanc import MadeOrthanc, configured, slice_of, uid, uids

MakeDicom = Callable[..., bytes]
PATIENCE_SECONDS = 60.0


class Sidecar:
    """A sidecar that can be killed and started again."""

    def __init__(self, config: Path) -> None:
        self.config = config
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        words = program("pacs", "sync", self.config, "--device", "cpu")
        self.process = subprocess.Popen(**words, stderr=subprocess.PIPE, text=True)

    def await_line(self, text: str) -> None:
        """Read what it says until a line holds a text."""
        assert self.process is not None
        assert self.process.stderr is not None
        assert any(text in line for line in self.process.stderr)

    def end(self, number: signal.Signals) -> str:
        assert self.process is not None
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=PATIENCE_SECONDS)
        return said


@contextmanager
def following(config: Path) -> Iterator[Sidecar]:
    """Run a sidecar until the end of the block, and end it as Ctrl-C does."""
    sidecar = Sidecar(config)
    sidecar.start()
    try:
        yield sidecar
    finally:
        assert sidecar.process is not None
        if sidecar.process.poll() is None:
            said = sidecar.end(signal.SIGINT)
            assert "Traceback" not in said
            assert sidecar.process.returncode == 130


@pytest.fixture
def index(tmp_path: Path) -> Path:
    return tmp_path / "followed"


@pytest.fixture
def config(tmp_path: Path, orthanc: MadeOrthanc, bundle: Path, index: Path) -> Path:
    return configured(tmp_path, orthanc, index, model=bundle, collection="ward", retry_seconds=0.01)


def held(index: Path) -> list[str]:
    """Return the ids that are committed."""
    with suppress(Exception), Store.open(index) as store, store.view() as view:
        return [entry.id for entry in view.entries(np.arange(len(view.gallery.keys)))]
    return []


def wait_for(fact: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not fact():
        assert time.monotonic() < end
        time.sleep(0.1)


def named(index: Path, numbers: set[int]) -> list[str]:
    key = load_key(index / "secret.key")
    return sorted(pseudonym(key, "instance", uid(number)) for number in numbers)


@pytest.mark.parametrize(
    ("count", "kills"),
    [
        (40, 2),
        pytest.param(1000, 8, marks=pytest.mark.soak),
        pytest.param(5000, 40, marks=pytest.mark.soak),
    ],
)
def test_the_index_equals_the_pacs_though_both_are_killed(
    config: Path, index: Path, orthanc: MadeOrthanc, make_dicom: MakeDicom, count: int, kills: int
) -> None:
    rng = random.Random(count)
    moments = {number: rng.random() for number in rng.sample(range(1, count), kills)}
    stored, there = dict[int, str](), set[int]()
    with following(config) as sidecar:
        for number in range(count):
            if number in moments:
                if moments[number] < 0.5:
                    sidecar.end(signal.SIGKILL)
                    sidecar.start()
                else:
                    orthanc.kill()
                    orthanc.start()
            stored[number] = store(orthanc, make_dicom(slice_of(number), **uids(number)))
            there.add(number)
            if rng.random() < 0.1:
                gone = rng.choice(sorted(there))
                orthanc.delete(stored[gone])
                there.discard(gone)
        wait_for(lambda: bool(held(index)) and named(index, {max(there)})[0] in held(index))
    outcome = acir("pacs", "sync", config, "--once", "--device", "cpu", "--json")
    assert outcome.code == 0, outcome.err
    found = held(index)
    assert sorted(found) == named(index, there)
    assert len(set(found)) == len(found)
    assert len(orthanc.instances()) == len(there)
    assert acir("index", "verify", "--index", index).out == "the index is whole\n"


def test_a_series_enters_whole_once_it_is_stable(
    config: Path, index: Path, orthanc: MadeOrthanc, make_dicom: MakeDicom
) -> None:
    config.write_text(f'{config.read_text()}\nlevel = "series"', encoding="utf-8")

    def put(*numbers: int) -> None:
        for number in numbers:
            about = {
                **uids(0),
                "SOPInstanceUID": uid(number),
                "ImagePositionPatient": [0, 0, 5 * number],
                "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
            }
            store(orthanc, make_dicom(slice_of(number), **about))

    def whole(count: int) -> set[int]:
        return {int((k + 0.5) * count / 5) for k in range(5)}

    def has_entered(count: int) -> bool:
        """Whether the series is there; never is a part of what speaks for it."""
        found = sorted(held(index))
        # A slow machine may let it seem stable before all of it was stored.
        assert not found or found in [named(index, whole(n)) for n in range(1, count + 1)]
        return found == named(index, whole(count))

    with following(config):
        wait_for((index / "secret.key").exists)  # from here on, changes tell
        put(*range(10))
        wait_for(lambda: has_entered(10))
        put(*range(10, 20))
        wait_for(lambda: has_entered(20))


def store(orthanc: MadeOrthanc, file: bytes) -> str:
    """Store a file; a sender tries again while the PACS is away."""
    for _ in range(100):
        with suppress(httpx.TransportError):
            return orthanc.store(file)
        time.sleep(0.1)
    raise AssertionError("the PACS did not come back")


def test_a_pacs_that_is_away_is_said_once_and_waited_for(
    config: Path, index: Path, orthanc: MadeOrthanc, make_dicom: MakeDicom
) -> None:
    store(orthanc, make_dicom(slice_of(0), **uids(0)))
    with following(config) as sidecar:
        wait_for(lambda: len(held(index)) == 1)
        orthanc.kill()
        sidecar.await_line("the server main does not answer")
        orthanc.start()
        store(orthanc, make_dicom(slice_of(1), **uids(1)))
        wait_for(lambda: len(held(index)) == 2)
        sidecar.await_line("the server main is followed again")
    log = config.with_suffix(".log").read_text(encoding="utf-8")
    assert log.count("does not answer") == 1


def test_a_pacs_that_counts_anew_is_compared(
    config: Path, index: Path, orthanc: MadeOrthanc, make_dicom: MakeDicom
) -> None:
    store(orthanc, make_dicom(slice_of(0), **uids(0)))
    words = ("pacs", "sync", config, "--once", "--device", "cpu", "--json")
    assert acir(*words).line()["taken"] == 1
    with Store.open(index) as opened:
        cursor = opened.feed("main").cursor()
        assert cursor is not None
        opened.feed("main").follow(Step(cursor=cursor + 1000))
    orthanc.clear()
    store(orthanc, make_dicom(slice_of(1), **uids(1)))
    assert acir(*words).line() == {"taken": 1, "passed": 0, "failed": 0, "gone": 1}
    assert held(index) == named(index, {1})
    with Store.open(index) as opened:
        assert (opened.feed("main").cursor() or 0) < cursor + 1000


def test_once_fails_where_the_pacs_is_away(config: Path, index: Path, orthanc: MadeOrthanc) -> None:
    orthanc.kill()
    outcome = acir("pacs", "sync", config, "--once", "--device", "cpu")
    assert outcome.code == 1
    assert "the server main does not answer (ConnectError)" in outcome.err

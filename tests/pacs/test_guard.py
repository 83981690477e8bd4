"""The guard against decoders that die, hang, panic and take all memory.

Such decoders are stand-ins: a module that the children find before the real reader and that does
what the first pixel of a file tells.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import acir.disposable.worker
from acir.errors import GuardError, UnreadableImageError, UsageError
from acir.pacs import guard, reader
from acir.pacs.guard import Pool, warm
from acir.pacs.release import release
from acir.privacy.deid import Profile

KEY = bytes(range(32))
GREY = np.arange(60, dtype=np.int16).reshape(6, 10)
STAND_IN = """
import ctypes, os, sys, time
from acir.pacs import reader

honest = reader.read

class Panic(BaseException):
    pass

def read(*asked):
    found = honest(*asked)
    match int(found.picture.pixels[0, 0]):
        case 101: os.abort()
        case 102: ctypes.string_at(0)
        case 103: time.sleep(600)
        case 104: bytearray(2**40)
        case 105: raise Panic
        case 106: os._exit(0)
        case 107: os.write(1, b"not an answer" * 9); print("nor this", flush=True)
        case 108: sys.exit(3)
    return found

reader.read = read
reader.locate = read
"""

MakeDicom = Callable[..., bytes]


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(workers=1) as pool:
        yield pool


@pytest.fixture
def harmful(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pool]:
    """Return a pool whose children do what the first pixel tells."""
    (tmp_path / "sitecustomize.py").write_text(STAND_IN)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    with Pool(workers=1, seconds=3.0) as pool:
        yield pool


def _grey(first: int) -> np.ndarray:
    pixels = GREY.copy()
    pixels[0, 0] = first
    return pixels


def _pid(pool: Pool) -> int:
    worker = pool._places.queue[-1]
    assert worker is not None
    return worker._process.pid


def test_a_child_gives_what_the_reader_gives(pool: Pool, make_dicom: MakeDicom) -> None:
    for attributes in ({}, {"PatientID": "", "PhotometricInterpretation": "MONOCHROME1"}):
        data = make_dicom(GREY, **attributes)
        found, expected = pool.read(data, KEY, "a", "cat"), reader.read(data, KEY, "a", "cat")
        assert np.array_equal(found.picture.pixels, expected.picture.pixels)
        assert found.picture.pixels.dtype == expected.picture.pixels.dtype
        assert found.picture.pixels.flags.writeable
        assert found.picture.value_range == expected.picture.value_range
        assert found.picture.inverted == expected.picture.inverted
        for name in ("id", "patient", "draw_key", "label", "metadata"):
            assert getattr(found, name) == getattr(expected, name)


def test_colour_and_floats_come_through(pool: Pool, make_dicom: MakeDicom) -> None:
    colour = np.arange(180, dtype=np.uint8).reshape(6, 10, 3)
    assert np.array_equal(pool.read(make_dicom(colour), KEY, "a").picture.pixels, colour)
    data = make_dicom(GREY, RescaleSlope=0.5, RescaleIntercept=0)
    pixels = pool.read(data, KEY, "a").picture.pixels
    assert pixels.dtype == np.float32
    assert np.array_equal(pixels, GREY / 2)


def test_the_frame_is_passed_on(pool: Pool, make_dicom: MakeDicom) -> None:
    stack = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    found = pool.read(make_dicom(stack), KEY, "a", frame="last")
    assert np.array_equal(found.picture.pixels, stack[2])


def test_a_child_gives_the_place_that_the_reader_gives(pool: Pool, make_dicom: MakeDicom) -> None:
    geometry = {
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "ImagePositionPatient": [1, 2, "3.5"],
        "InstanceNumber": 7,
        "SeriesInstanceUID": "1.2.3",
        "FrameOfReferenceUID": "1.2.4",
    }
    for attributes in (geometry, {}):
        data = make_dicom(GREY, **attributes)
        assert pool.locate(data, KEY, "a") == reader.locate(data, KEY, "a")
    with pytest.raises(UnreadableImageError, match="cannot read a: its content is not DICOM"):
        pool.locate(b"Dear Sir or Madam" * 9, KEY, "a")


def test_a_child_that_answers_something_else_is_replaced(
    harmful: Pool, make_dicom: MakeDicom
) -> None:
    with pytest.raises(UnreadableImageError, match="made the decoder give up"):
        harmful.locate(make_dicom(_grey(109)), KEY, "a")
    assert harmful.replaced == 1


def test_a_child_releases_what_release_does(pool: Pool, make_dicom: MakeDicom) -> None:
    data = make_dicom(GREY, StudyInstanceUID="1.2.7.1", SeriesInstanceUID="1.2.7.2")
    for profile in (Profile(KEY), Profile(KEY, dates=True)):
        assert pool.release(data, profile, "a") == release(data, profile, "a")
    with pytest.raises(UnreadableImageError, match="cannot read a: it has no StudyInstanceUID"):
        pool.release(make_dicom(GREY), Profile(KEY), "a")


def test_a_refusal_is_the_readers_own(pool: Pool, make_dicom: MakeDicom) -> None:
    before = pool.replaced
    with pytest.raises(UnreadableImageError, match="cannot read DICOM file 3 of 9: its content is"):
        pool.read(b"Dear Sir or Madam", KEY, "DICOM file 3 of 9")
    with pytest.raises(UnreadableImageError, match="the file ends before its pixels do") as caught:
        pool.read(make_dicom(GREY)[:-20], KEY, "a")
    assert caught.value.code == "truncated"
    assert pool.replaced == before


def test_without_a_key_nothing_is_read(pool: Pool, make_dicom: MakeDicom) -> None:
    with pytest.raises(UsageError, match="the instance must be hidden"):
        pool.read(make_dicom(GREY), b"", "a")


def test_a_child_stays_for_the_next_file(pool: Pool, make_dicom: MakeDicom) -> None:
    pool.read(make_dicom(GREY), KEY, "a")
    one = _pid(pool)
    pool.read(make_dicom(GREY), KEY, "a")
    assert _pid(pool) == one


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        (101, "its content made the decoder crash"),
        (102, "its content made the decoder crash"),
        (103, "decoding it takes more than 3 s"),
        (104, "decoding it takes more memory than a file may have"),
        (105, "its content made the decoder give up"),
        (106, "its content made the decoder crash"),
        (108, "its content made the decoder give up"),
    ],
)
def test_whatever_a_decoder_does_the_next_file_is_read(
    harmful: Pool, make_dicom: MakeDicom, first: int, reason: str
) -> None:
    with pytest.raises(UnreadableImageError, match=f"^cannot read b: {reason}$"):
        harmful.read(make_dicom(_grey(first)), KEY, "b")
    assert harmful.replaced == 1
    found = harmful.read(make_dicom(GREY), KEY, "c")
    assert np.array_equal(found.picture.pixels, GREY)
    assert harmful.replaced == 1


def test_what_a_decoder_prints_is_no_answer(harmful: Pool, make_dicom: MakeDicom) -> None:
    found = harmful.read(make_dicom(_grey(107)), KEY, "b")
    assert np.array_equal(found.picture.pixels, _grey(107))


def test_a_child_that_was_killed_between_two_files_is_replaced(make_dicom: MakeDicom) -> None:
    with Pool(workers=1) as pool:
        pool.read(make_dicom(GREY), KEY, "a")
        worker = pool._places.queue[-1]
        assert worker is not None
        worker._process.kill()
        worker._process.wait()
        assert np.array_equal(pool.read(make_dicom(GREY), KEY, "a").picture.pixels, GREY)


def test_a_pool_that_closes_leaves_no_process(make_dicom: MakeDicom) -> None:
    with Pool(workers=2) as pool:
        list(pool.map(lambda data: pool.read(data, KEY, "a"), [make_dicom(GREY)] * 6))
        pids = [w._process.pid for w in pool._places.queue if w is not None]
    assert pids
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_child_ends_with_its_parent(make_dicom: MakeDicom) -> None:
    with Pool(workers=1) as pool:
        pool.read(make_dicom(GREY), KEY, "a")
        worker = pool._places.queue[-1]
        assert worker is not None
        worker._requests.close()  # as the system does when the parent is killed
        assert worker._process.wait(10) == 0


def test_an_interrupt_is_for_the_parent(make_dicom: MakeDicom) -> None:
    with Pool(workers=1) as pool:
        pool.read(make_dicom(GREY), KEY, "a")
        one = _pid(pool)
        os.kill(one, signal.SIGINT)
        pool.read(make_dicom(GREY), KEY, "a")
        assert _pid(pool) == one


def test_a_child_has_no_secret_and_no_torch(
    monkeypatch: pytest.MonkeyPatch, make_dicom: MakeDicom
) -> None:
    monkeypatch.setenv("ACIR_TOKEN", "canary")
    with Pool(workers=1) as pool:
        pool.read(make_dicom(GREY), KEY, "a")
        place = Path(f"/proc/{_pid(pool)}")
        if not place.is_dir():
            pytest.skip("this system has no /proc")
        assert b"canary" not in (place / "environ").read_bytes()
        assert KEY.hex() not in (place / "cmdline").read_text()
        assert "torch" not in (place / "maps").read_text()
        limits = (place / "limits").read_text()
    assert "Max core file size        0 " in limits
    assert f"Max address space         {guard.MEMORY} " in limits


def test_several_threads_read_at_once(make_dicom: MakeDicom) -> None:
    files = [make_dicom(_grey(first)) for first in range(12)]
    with Pool(workers=2) as pool:
        firsts: dict[int, int] = {}

        def work(place: int) -> None:
            firsts[place] = int(pool.read(files[place], KEY, "a").picture.pixels[0, 0])

        threads = [threading.Thread(target=work, args=(place,)) for place in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert firsts == {place: place for place in range(12)}


def test_map_keeps_the_order_and_works_ahead_by_little() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(9):
            taken.append(item)
            yield item

    def work(item: int) -> int:
        time.sleep(0.01 * (item % 2))
        return item * 10

    with Pool(workers=2) as pool:
        results = pool.map(work, items())
        assert next(results) == 0
        assert len(taken) == 3
        assert list(results) == [10, 20, 30, 40, 50, 60, 70, 80]


def test_map_raises_what_the_work_raises_and_may_be_left_early() -> None:
    def work(item: int) -> int:
        if item == 2:
            raise UsageError("two")
        return item

    with Pool(workers=1) as pool:
        results = pool.map(work, range(1000))
        assert [next(results), next(results)] == [0, 1]
        with pytest.raises(UsageError, match="two"):
            next(results)
        other = pool.map(work, [5, 6, 7])
        assert next(other) == 5
        other.close()  # type: ignore[attr-defined]


def test_a_large_file_leaves_no_memory_behind(
    monkeypatch: pytest.MonkeyPatch, make_dicom: MakeDicom
) -> None:
    monkeypatch.setattr(acir.disposable.worker, "KEPT_BYTES", 2**16)
    with Pool(workers=1) as pool:
        pool.read(make_dicom(np.zeros((300, 300), np.int16)), KEY, "a")
        worker = pool._places.queue[-1]
        assert worker is not None
        assert os.fstat(worker._memory).st_size == 0
        assert np.array_equal(pool.read(make_dicom(GREY), KEY, "a").picture.pixels, GREY)


def test_a_child_that_cannot_start_says_how_to_see_why(
    monkeypatch: pytest.MonkeyPatch, make_dicom: MakeDicom
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with (
        Pool(workers=1) as pool,
        pytest.raises(GuardError, match="does not start; to see why, run: python -m"),
    ):
        pool.read(make_dicom(GREY), KEY, "a")


def test_a_process_has_one_warm_pool() -> None:
    assert warm() is warm()

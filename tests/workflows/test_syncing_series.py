"""`acir pacs sync` series by series, against a real Orthanc: each comes in whole, or anew."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pytest

from acir.errors import GoneError, PacsError, SilentError, UnreachableError
from acir.index.store import Store
from acir.pacs.feed import Changes
from acir.pacs.orthanc import Member, OrthancSeries, Series
from acir.pacs.patience import Patience
from acir.privacy.pseudonym import load_key, pseudonym
from acir.sources.base import SourceOptions, open_source
from made_model import acir
from made_orthanc import CREDENTIALS, MadeOrthanc, configured, slice_of, uid

PATIENCE_SECONDS = 60.0

MakeDicom = Callable[..., bytes]


class Scans:
    """Series in a PACS, and the same files in a folder, to be read by another way."""

    def __init__(self, orthanc: MadeOrthanc, folder: Path, make_dicom: MakeDicom) -> None:
        self.orthanc, self.folder, self.make_dicom = orthanc, folder, make_dicom
        self.stored: dict[int, str] = {}
        folder.mkdir()

    def put(self, series: int, *numbers: int, **attributes: object) -> None:
        """Store slices of a series; slice `number` lies so many times 5 mm up."""
        for number in numbers:
            about = {
                "PatientID": f"P{series}",
                "StudyInstanceUID": f"{uid(series)}.1",
                "SeriesInstanceUID": f"{uid(series)}.2",
                "SOPInstanceUID": uid(100 * series + number),
                "FrameOfReferenceUID": f"{uid(series)}.3",
                "InstanceNumber": 100 - number,
                "ImagePositionPatient": [0, 0, 5 * number],
                "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
            }
            file = self.make_dicom(slice_of(100 * series + number), **{**about, **attributes})
            self.stored[100 * series + number] = self.orthanc.store(file)
            (self.folder / f"{100 * series + number}.dcm").write_bytes(file)

    def delete(self, *numbers: int) -> None:
        for number in numbers:
            self.orthanc.delete(self.stored[number])
            (self.folder / f"{number}.dcm").unlink()

    def settle(self) -> None:
        """Wait until nothing has come to any series for a second."""
        end = time.monotonic() + PATIENCE_SECONDS
        url = f"{self.orthanc.url}/series?expand"
        while not all(s["IsStable"] for s in httpx.get(url, auth=CREDENTIALS).json()):
            assert time.monotonic() < end
            time.sleep(0.1)

    def spoken_for(self, index: Path) -> dict[str, str]:
        """Say which slices speak for the series, and which each is, as a folder has them."""
        key = load_key(index / "secret.key")
        source = open_source(f"dicom:{self.folder}@series", SourceOptions(key=key))
        return {record.id: record.metadata["Slice"] for record in source}


@pytest.fixture
def scans(tmp_path: Path, orthanc: MadeOrthanc, make_dicom: MakeDicom) -> Scans:
    return Scans(orthanc, tmp_path / "scans", make_dicom)


@pytest.fixture
def followed(tmp_path: Path) -> Path:
    return tmp_path / "followed"


@pytest.fixture
def config(tmp_path: Path, orthanc: MadeOrthanc, bundle: Path, followed: Path) -> Path:
    return configured_for(tmp_path, orthanc, bundle, followed, level="series")


def configured_for(
    folder: Path, orthanc: MadeOrthanc, bundle: Path, index: Path, **keys: object
) -> Path:
    return configured(folder, orthanc, index, model=bundle, retry_seconds=0.01, **keys)


def sync(config: Path, *words: str) -> dict[str, int]:
    return acir("pacs", "sync", config, "--once", "--device", "cpu", "--json", *words).done()


def letters(index: Path) -> list[dict[str, str]]:
    return list(acir("index", "failed", "--index", index, "--json").line()["failed"])


def held(index: Path) -> dict[str, str]:
    """Return which slice of its series each stored picture is."""
    with Store.open(index) as store, store.view() as view:
        entries = view.entries(np.arange(len(view.gallery.keys)))
        return {entry.id: entry.metadata.get("Slice", "") for entry in entries}


def test_a_series_is_known_by_the_slices_that_a_folder_has(
    config: Path, scans: Scans, followed: Path, identity: tuple[str, ...]
) -> None:
    scans.put(1, *range(12))
    scans.put(2, 0, 1, 2)
    scans.settle()
    assert sync(config) == {"taken": 8, "passed": 7, "failed": 0, "gone": 0}
    assert held(followed) == scans.spoken_for(followed)
    assert sync(config) == {"taken": 0, "passed": 0, "failed": 0, "gone": 0}
    content = (followed / "store.sqlite").read_bytes() + config.with_suffix(".log").read_bytes()
    assert not [word for word in (*identity, uid(1)) if word.encode() in content]


def test_a_series_of_the_pacs_is_asked_about_as_a_whole(
    config: Path, scans: Scans, followed: Path
) -> None:
    for series in range(1, 5):
        scans.put(series, *range(12))
    scans.settle()
    sync(config)
    asked = ("pacs", "search", config, "-k", 2, "--force", "--json", "--series")
    answer = acir(*asked, f"{uid(1)}.1/{uid(1)}.2").line()
    assert answer["query"] == pseudonym(load_key(followed / "secret.key"), "series", f"{uid(1)}.2")
    assert (len(answer["views"]), len(answer["hits"])) == (5, 2)
    (scans.folder / "one").mkdir()
    for number in range(12):
        (scans.folder / f"{100 + number}.dcm").rename(scans.folder / "one" / f"{number}.dcm")
    words = ("search", "--index", followed, "-k", 2, "--force", "--json", "--series")
    assert answer == acir(*words, scans.folder / "one").line()
    assert acir(*asked, f"{uid(1)}.1").line() == answer  # of the study, its only series
    assert acir(*asked, f"{uid(1)}.1/{uid(1)}.2/{uid(100)}").refusal() == (
        "a series is asked for, and an instance is named; give STUDY/SERIES, or STUDY for all "
        "series of a study"
    )


def test_a_series_that_changed_is_taken_anew(config: Path, scans: Scans, followed: Path) -> None:
    scans.put(1, *range(12))
    scans.settle()
    sync(config)
    first = scans.spoken_for(followed)
    scans.put(1, *range(12, 20))  # late
    scans.settle()
    sync(config)
    assert held(followed) == scans.spoken_for(followed) != first
    scans.delete(*(100 + n for n in range(8)))  # among them some that spoke for it
    sync(config)
    assert held(followed) == scans.spoken_for(followed)
    scans.delete(113)  # one that did not, so that others lie in the middle
    sync(config)
    assert held(followed) == scans.spoken_for(followed)
    scans.orthanc.clear()
    assert sync(config, "--erase")["gone"] == 11
    assert held(followed) == {}
    assert acir("index", "verify", "--index", followed).out == "the index is whole\n"


def test_a_series_that_may_grow_is_waited_for(
    config: Path, scans: Scans, followed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scans.put(1, *range(3))
    scans.settle()
    honest = OrthancSeries.series

    def unstable(feed: OrthancSeries) -> list[Series]:
        return [replace(series, is_stable=False) for series in honest(feed)]

    with monkeypatch.context() as patched:
        patched.setattr(OrthancSeries, "series", unstable)
        assert sync(config)["taken"] == 0
    assert sync(config)["taken"] == 3
    with monkeypatch.context() as patched:  # something is coming: what is there stays
        patched.setattr(OrthancSeries, "series", unstable)
        assert sync(config) == {"taken": 0, "passed": 0, "failed": 0, "gone": 0}
    assert len(held(followed)) == 3


def test_one_that_fails_is_tried_again_with_its_series(
    config: Path, scans: Scans, followed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scans.put(1, *range(5))
    scans.settle()
    honest, refused = OrthancSeries.file, scans.stored[102]

    def failing(feed: OrthancSeries, handle: str) -> bytes:
        if handle == refused:
            raise PacsError("no")
        return honest(feed, handle)

    with monkeypatch.context() as patched:
        patched.setattr(OrthancSeries, "file", failing)
        assert sync(config) == {"taken": 4, "passed": 0, "failed": 1, "gone": 0}
    time.sleep(0.05)
    assert sync(config)["taken"] == 5
    assert held(followed) == scans.spoken_for(followed)


@pytest.mark.parametrize(
    "error",
    [PacsError("it is odd"), GoneError("it is not there"), UnreachableError("it hung up")],
)
def test_a_series_that_is_listed_and_not_given_stops_no_other_and_is_tried_again(
    config: Path, scans: Scans, followed: Path, monkeypatch: pytest.MonkeyPatch, error: PacsError
) -> None:
    scans.put(1, *range(3))
    scans.put(2, *range(2))
    scans.settle()
    honest = OrthancSeries.members
    odd = next(s.handle for s in _series(config) if len(s.instances) == 3)

    def failing(
        feed: OrthancSeries, handle: str, patience: Patience
    ) -> dict[str, Member | PacsError]:
        if handle == odd:
            raise error
        return honest(feed, handle, patience)

    with monkeypatch.context() as patched:
        patched.setattr(OrthancSeries, "members", failing)
        assert sync(config) == {"taken": 2, "passed": 0, "failed": 3, "gone": 0}
        assert [letter["reason"] for letter in letters(followed)] == [str(error)] * 3
    time.sleep(0.05)
    assert sync(config) == {"taken": 3, "passed": 0, "failed": 0, "gone": 0}
    assert letters(followed) == []


def test_a_file_that_the_pacs_has_lost_is_told_and_the_rest_of_its_series_is_known(
    tmp_path: Path, scans: Scans, bundle: Path, followed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = configured(
        tmp_path, scans.orthanc, followed, model=bundle, level="series", retry_seconds=3600
    )
    scans.put(1, *range(3))
    scans.put(2, *range(2))
    scans.settle()
    lost = scans.orthanc.file(scans.stored[101])
    kept = lost.read_bytes()
    lost.unlink()
    scans.orthanc.kill()  # what it has in memory is lost, too
    scans.orthanc.start()
    scans.settle()
    assert sync(patient) == {"taken": 4, "passed": 0, "failed": 1, "gone": 0}
    (letter,) = letters(followed)
    assert letter["reason"] == "the server main answered with status 500"
    assert sorted(held(followed).values()) == ["1 of 2", "1 of 2", "2 of 2", "2 of 2"]
    # it is not asked for before it is due
    assert sync(patient) == {"taken": 0, "passed": 0, "failed": 0, "gone": 0}
    assert letters(followed) == [letter]
    lost.write_bytes(kept)
    monkeypatch.setattr("acir.index.feeds.time", lambda: time.time() + 7200)
    assert sync(patient) == {"taken": 3, "passed": 0, "failed": 0, "gone": 0}
    assert letters(followed) == []
    assert held(followed) == scans.spoken_for(followed)


def test_a_server_that_is_silent_is_not_asked_for_every_series_and_nothing_is_erased(
    config: Path, scans: Scans, followed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for series in range(1, 7):
        scans.put(series, *range(3))
    scans.settle()
    sync(config)
    before = held(followed)
    config.write_text(f'{config.read_text()}\ncollection = "ward"', encoding="utf-8")
    asked, lasts, last = list[tuple[str, ...]](), list[int](), OrthancSeries.last

    def counted(feed: OrthancSeries) -> int:
        lasts.append(last(feed))
        return lasts[-1]

    def silent(feed: OrthancSeries, *path: str) -> dict[str, object]:
        asked.append(path)
        raise SilentError("it was silent for too long")

    with monkeypatch.context() as patched:
        patched.setattr(OrthancSeries, "_json", silent)
        patched.setattr(OrthancSeries, "last", counted)
        outcome = acir("pacs", "sync", config, "--once", "--device", "cpu")
    assert outcome.code == 1
    assert "silent about 10 instances in a row, and is asked" in outcome.err.replace("\n", " ")
    assert len(asked) == 10
    assert len(lasts) == 1  # of the rest, it is not asked whether the server is there at all
    assert held(followed) == before
    assert len(letters(followed)) == 18
    time.sleep(0.05)
    assert sync(config)["taken"] == 18


def test_a_series_that_is_gone_before_it_is_asked_for_leaves_nothing(
    config: Path, scans: Scans, followed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scans.put(1, *range(2))
    scans.settle()
    sync(config)
    scans.put(2, *range(3))
    scans.settle()
    honest = OrthancSeries.changes

    def late(feed: OrthancSeries, since: int) -> Changes:
        found = honest(feed, since)
        scans.delete(*(n for n in (200, 201, 202) if (scans.folder / f"{n}.dcm").exists()))
        return found

    monkeypatch.setattr(OrthancSeries, "changes", late)
    assert sync(config) == {"taken": 0, "passed": 0, "failed": 0, "gone": 0}
    assert letters(followed) == []
    assert len(held(followed)) == 2


def _series(config: Path) -> list[Series]:
    from acir.pacs.settings import load  # noqa: PLC0415 - beside its only use

    feed = OrthancSeries(load(config).servers[0])
    try:
        return feed.series()
    finally:
        feed.close()


def test_what_is_not_wanted_is_no_part_of_a_series(
    tmp_path: Path, scans: Scans, bundle: Path, followed: Path
) -> None:
    config = configured_for(
        tmp_path, scans.orthanc, bundle, followed, level="series", modalities=["CT"]
    )
    scans.put(1, *range(4))
    scans.put(1, 9, Modality="MR")
    (scans.folder / "109.dcm").unlink()
    scans.settle()
    assert sync(config) == {"taken": 4, "passed": 1, "failed": 0, "gone": 0}
    assert held(followed) == scans.spoken_for(followed)


def test_another_level_is_another_look(
    tmp_path: Path, scans: Scans, bundle: Path, followed: Path
) -> None:
    scans.put(1, *range(12))
    scans.settle()
    every = configured_for(tmp_path, scans.orthanc, bundle, followed)
    assert sync(every)["taken"] == 12
    whole = configured_for(tmp_path, scans.orthanc, bundle, followed, level="series")
    assert sync(whole) == {"taken": 5, "passed": 7, "failed": 0, "gone": 0}
    assert held(followed) == scans.spoken_for(followed)
    every = configured_for(tmp_path, scans.orthanc, bundle, followed)
    assert sync(every)["taken"] == 12
    key = load_key(followed / "secret.key")
    assert held(followed) == {pseudonym(key, "instance", uid(100 + n)): "" for n in range(12)}

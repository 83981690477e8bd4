"""A QIDO query as a source: what is asked, and what a server that fails leaves."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from time import sleep

import numpy as np
import pytest

from acir.errors import PacsError, SourceError, UnreachableError, UsageError
from acir.privacy.pseudonym import pseudonym
from acir.sources.base import Source, SourceOptions, open_source
from made_dicomweb import Answer, Asked, Made, dicomweb, row, serve
from made_orthanc import MadeOrthanc, configured, slice_of, uids

KEY = bytes(range(32))
TIMEOUT = 0.5  # seconds; what is not silent answers within, on a busy machine too

MakeDicom = Callable[..., bytes]


def source(folder: Path, made: Made, query: str, *keys: str) -> Source:
    lines = ('index = "none"', "[[servers]]", 'name = "main"', f'url = "{made.url}"', *keys)
    text = "\n".join(lines)
    (folder / "pacs.toml").write_text(text, encoding="utf-8")
    return open_source(f"dicomweb:{folder}/pacs.toml?{query}", SourceOptions(key=KEY))


@pytest.fixture
def instances(make_dicom: MakeDicom) -> dict[str, bytes]:
    return {
        f"1.{n}/2.{n}/3.{n}": make_dicom(np.full((4, 5), n, np.int16), SOPInstanceUID=f"3.{n}")
        for n in range(3)
    }


def test_the_query_is_what_the_server_is_asked(tmp_path: Path, instances: dict[str, bytes]) -> None:
    with serve(dicomweb(instances)) as made:
        opened = source(tmp_path, made, "server=main&Modality=CT&StudyDate=20260101-20260131")
        records = list(opened)
        assert made.asked[0].path.startswith(
            "/instances?Modality=CT&StudyDate=20260101-20260131&limit=500&offset=0"
        )
    assert [r.id for r in records] == [pseudonym(KEY, "instance", f"3.{n}") for n in range(3)]
    assert [int(r.pixels[0, 0]) for r in records] == [0, 1, 2]
    assert {r.path for r in records} == {None}


def lying(make_dicom: MakeDicom, series: str, *depths: float) -> dict[str, bytes]:
    """Return slices of a series, in no order of their identifiers, that lie so deep."""
    return {
        f"1.1/{series}/{series}.{n}": make_dicom(
            np.full((4, 5), n, np.int16),
            SeriesInstanceUID=series,
            SOPInstanceUID=f"{series}.{n}",
            ImagePositionPatient=[0, 0, depth],
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
        )
        for n, depth in enumerate(depths)
    }


def test_of_a_series_the_slices_that_speak_for_it_are_fetched(
    tmp_path: Path, make_dicom: MakeDicom
) -> None:
    files = lying(make_dicom, "2.1", *(5.0 * (7 * n % 20) for n in range(20)))
    files |= lying(make_dicom, "2.2", 0, 5, 15)
    for name, file in files.items():
        (tmp_path / f"{name.replace('/', '-')}.dcm").write_bytes(file)
    folder = open_source(f"dicom:{tmp_path}@series", SourceOptions(key=KEY))
    with serve(dicomweb(files)) as made:
        opened = source(tmp_path, made, "StudyInstanceUID=1.1&level=series")
        found = {record.id: record.metadata for record in opened}
        fetched = [asked.path for asked in made.asked if asked.path.count("/") == 6]
    assert found == {record.id: record.metadata for record in folder}
    assert [found[name]["Slice"] for name in found][:5] == [
        f"{n} of 20" for n in (3, 7, 11, 15, 19)
    ]
    assert len(fetched) == 8
    assert opened.remarks == folder.remarks
    assert len(opened.remarks) == 1


def test_what_a_server_does_not_say_of_a_series_is_counted_and_the_rest_is_taken(
    tmp_path: Path, make_dicom: MakeDicom
) -> None:
    files = lying(make_dicom, "2.1", 0, 5, 10) | lying(make_dicom, "2.2", 0, 5)
    whole, rest = dicomweb(files), dict(files)
    del rest["1.1/2.1/2.1.1"]

    def lost(asked: Asked) -> Answer:
        """Answer like an Orthanc that has lost a file, so that it gives nothing of its series."""
        of_series, of_file = "/series/2.1/metadata", "/instances/2.1.1"
        fails = asked.path.endswith(of_series) or of_file in asked.path
        return Answer(status=500) if fails else whole(asked)

    query = "StudyInstanceUID=1.1&level=series"
    with serve(lost) as made, serve(dicomweb(rest)) as without:
        opened = source(tmp_path, made, query)
        found = {record.id: record.metadata for record in opened}
        of_rest = source(tmp_path, without, query)
        assert found == {record.id: record.metadata for record in of_rest}
    assert len(found) == 4
    assert opened.remarks == of_rest.remarks
    (skipped,) = opened.skipped
    assert skipped.reason == "the server main answered with status 500"


@pytest.mark.parametrize("level", ["instance", "series"])
def test_of_a_real_orthanc_that_has_lost_a_file_the_rest_is_taken_and_that_one_counted(
    tmp_path: Path, orthanc: MadeOrthanc, make_dicom: MakeDicom, level: str
) -> None:
    stored = {}
    for number in (10, 11, 12, 20, 21):  # of two series, with five slices or fewer each
        about = {
            **uids(number),
            "ImagePositionPatient": [0, 0, 5 * number],
            "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        }
        stored[number] = orthanc.store(make_dicom(slice_of(number), **about))
    orthanc.file(stored[11]).unlink()
    orthanc.kill()  # what it has in memory is lost, too
    orthanc.start()
    config = configured(tmp_path, orthanc, tmp_path / "none", orthanc="")
    opened = open_source(f"dicomweb:{config}?Modality=CT&level={level}", SourceOptions(key=KEY))
    found = {record.id for record in opened}
    assert found == {
        pseudonym(KEY, "instance", uids(number)["SOPInstanceUID"]) for number in (10, 12, 20, 21)
    }
    assert [(s.path, s.reason) for s in opened.skipped] == [
        ("instance 5 of 5", "the server fails to name it; see whether it can read its files")
    ]


@pytest.mark.parametrize("body", [b"{}", b"[]", json.dumps([row("1.1/2.9/2.9.1")]).encode()])
def test_of_a_server_that_answers_otherwise_every_instance_that_it_listed_is_counted(
    tmp_path: Path, make_dicom: MakeDicom, body: bytes
) -> None:
    whole = dicomweb(lying(make_dicom, "2.1", 0, 5))

    def odd(asked: Asked) -> Answer:
        return Answer(body) if asked.path.endswith("metadata") else whole(asked)

    with serve(odd) as made:
        opened = source(tmp_path, made, "StudyInstanceUID=1.1&level=series")
        assert list(opened) == []
    assert [skipped.reason for skipped in opened.skipped] == [
        "the server main does not answer as DICOMweb does; check the key url"
    ] * 2


def test_where_a_server_does_not_even_list_a_series_what_it_had_listed_is_counted(
    tmp_path: Path, make_dicom: MakeDicom
) -> None:
    whole = dicomweb(lying(make_dicom, "2.1", 0, 5) | lying(make_dicom, "2.2", 0))

    def odd(asked: Asked) -> Answer:
        fails = "/series/2.1/metadata" in asked.path or "SeriesInstanceUID=2.1" in asked.path
        return Answer(status=503) if fails else whole(asked)

    with serve(odd) as made:
        opened = source(tmp_path, made, "StudyInstanceUID=1.1&level=series")
        assert len(list(opened)) == 1
    assert [skipped.path for skipped in opened.skipped] == ["instance 1 of 3", "instance 2 of 3"]


def test_an_instance_that_fails_is_counted_and_one_that_comes_again_too(
    tmp_path: Path, instances: dict[str, bytes]
) -> None:
    instances["1.9/2.9/3.9"] = instances["1.0/2.0/3.0"]
    answer = dicomweb(instances)

    def fails_once(asked: Asked) -> Answer:
        return Answer(status=500) if asked.path.endswith("3.1") else answer(asked)

    with serve(fails_once) as made:
        opened = source(tmp_path, made, "Modality=CT")
        assert len(list(opened)) == 2
    assert [(s.path, s.reason) for s in opened.skipped] == [
        ("instance 2 of 4", "the server main answered with status 500"),
        ("instance 4 of 4", "it has the UID of an earlier instance"),
    ]


def silent_about(
    files: dict[str, bytes], which: Callable[[str], object]
) -> tuple[Callable[[Asked], Answer], list[str]]:
    """Return a server that takes too long over some paths, and those that it was asked for."""
    whole, asked_for = dicomweb(files), list[str]()

    def answer(asked: Asked) -> Answer:
        if which(asked.path):
            asked_for.append(asked.path)
            sleep(2 * TIMEOUT)
        return whole(asked)

    return answer, asked_for


def test_a_server_that_is_silent_about_every_file_is_given_up(
    tmp_path: Path, make_dicom: MakeDicom
) -> None:
    files = lying(make_dicom, "2.1", *range(40))
    answer, asked_for = silent_about(files, lambda path: "/instances/" in path)
    with serve(answer) as made:
        opened = source(tmp_path, made, "Modality=CT", f"timeout_seconds = {TIMEOUT}")
        with pytest.raises(UnreachableError, match="silent about 10 instances in a row, and is as"):
            list(opened)
    assert 10 <= len(asked_for) < 20
    assert {skipped.reason for skipped in opened.skipped} == {
        "the server main was silent for too long"
    }


def test_silence_about_some_files_stops_no_other(tmp_path: Path, make_dicom: MakeDicom) -> None:
    files = lying(make_dicom, "2.1", *range(24))
    answer, asked_for = silent_about(files, re.compile("/instances/.*[1-5]$").search)
    with serve(answer) as made:
        opened = source(tmp_path, made, "Modality=CT", f"timeout_seconds = {TIMEOUT}")
        assert len(list(opened)) + len(opened.skipped) == 24
    assert len(opened.skipped) >= len(asked_for) == 13


@pytest.mark.parametrize(("series", "slices"), [(1, 40), (20, 2)])
def test_of_series_a_server_that_is_silent_is_not_asked_for_each_instance(
    tmp_path: Path, make_dicom: MakeDicom, series: int, slices: int
) -> None:
    files = dict[str, bytes]()
    for number in range(series):
        files |= lying(make_dicom, f"2.{number}", *range(slices))
    answer, asked_for = silent_about(files, lambda path: path.endswith("/metadata"))
    with serve(answer) as made:
        opened = source(tmp_path, made, "Modality=CT&level=series", f"timeout_seconds = {TIMEOUT}")
        with pytest.raises(UnreachableError, match="silent about 10 instances in a row"):
            list(opened)
    assert len(asked_for) == 10  # series, and instances of them


def test_a_server_that_is_away_is_an_error(tmp_path: Path, instances: dict[str, bytes]) -> None:
    with serve(dicomweb(instances)) as made:
        opened = source(tmp_path, made, "Modality=CT")
    with pytest.raises(PacsError, match="the server main does not answer"):
        list(opened)


def test_what_cannot_be_asked_is_refused(tmp_path: Path, instances: dict[str, bytes]) -> None:
    with pytest.raises(
        SourceError, match=r"there is no configuration at none\.toml; give dicomweb"
    ):
        open_source("dicomweb:none.toml?Modality=CT")
    with serve(dicomweb(instances)) as made:
        with pytest.raises(UsageError, match=r"no server 'mian'.*Did you mean 'main'"):
            source(tmp_path, made, "server=mian")
        with pytest.raises(UsageError, match="'Modalitty', which is no keyword of DICOM"):
            list(source(tmp_path, made, "Modalitty=CT"))
        with pytest.raises(SourceError, match="level is 'study', expected one of instance, series"):
            source(tmp_path, made, "level=study")
        assert made.asked == []

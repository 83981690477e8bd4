"""Enhanced multi-frame files as series: beside the same slices in files of one frame each."""

import io
import subprocess
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from highdicom.legacy import LegacyConvertedEnhancedCTImage
from PIL import Image
from pydicom import dcmread
from pydicom.uid import generate_uid

from acir.prep.pixels import to_unit
from acir.privacy.pseudonym import pseudonym
from acir.sources.base import Source, SourceOptions, open_source
from acir.types import ImageRecord
from made_dicomweb import Answer, Asked, dicomweb, serve
from made_frames import AXIAL, Groups, MakeDicom, enhanced, item, lying
from made_orthanc import CREDENTIALS, MadeOrthanc, needed

KEY = bytes(range(32))
SAMPLES = Path(__file__).parents[3] / "shared" / "data" / "dicom_dev.zip"
ENHANCED = {"SeriesInstanceUID": "1.2", "SOPInstanceUID": "1.2.3", "FrameOfReferenceUID": "1.9"}
TOLERANCE = 2  # grey levels, as between acir and DCMTK elsewhere


def opened(place: Path | str) -> Source:
    return open_source(str(place), SourceOptions(strict=True, key=KEY))


def saved(folder: Path, **files: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / f"{name}.dcm").write_bytes(data)
    return folder


def stack_of(count: int) -> np.ndarray:
    """Return frames of which each shows its number."""
    frames: np.ndarray = np.repeat(np.arange(count, dtype=np.int16), 20).reshape(count, 4, 5)
    return frames


def file_of(make_dicom: MakeDicom, frames: Sequence[Groups], **more: object) -> bytes:
    return enhanced(make_dicom, stack_of(len(frames)), frames, **{**ENHANCED, **more})


def shown(records: Sequence[ImageRecord]) -> list[int]:
    return [int(record.pixels[0, 0]) for record in records]


def test_frames_that_lie_apart_are_the_slices_of_a_series(
    tmp_path: Path, make_dicom: MakeDicom
) -> None:
    # Ten frames from the head down: the middles of five parts lie at 10, 30, 50, 70 and 90 mm.
    file = file_of(make_dicom, [lying(h) for h in range(90, -1, -10)])
    folder = saved(tmp_path / "scans", a=file)
    for place in (f"dicom:{folder}@series", f"dicom:{folder}/a.dcm@series"):
        records = list(opened(place))
        assert shown(records) == [8, 6, 4, 2, 0]
        name = pseudonym(KEY, "instance", "1.2.3")
        assert [r.id for r in records] == [f"{name}@{n}" for n in (9, 7, 5, 3, 1)]
        assert [r.metadata["Slice"] for r in records] == [f"{n} of 10" for n in (2, 4, 6, 8, 10)]
        assert {r.metadata["Series"] for r in records} == {pseudonym(KEY, "series", "1.2")}
        assert len({(r.patient, r.split, r.draw) for r in records}) == 1
    assert shown(list(opened(f"dicom:{folder}@series2"))) == [7, 2]
    assert shown(list(opened(f"dicom:{folder}"))) == [5]  # as ever, the middle one


def test_what_is_odd_among_frames_is_said_as_of_slices(
    tmp_path: Path, make_dicom: MakeDicom
) -> None:
    heights = (0, 5, 10, 20, 20.01)
    coronal = {"PlaneOrientationSequence": {"ImageOrientationPatient": [1, 0, 0, 0, 0, -1]}}
    frames = [lying(h) for h in heights] + [{**lying(0), **coronal}]
    source = opened(f"dicom:{saved(tmp_path / 'a', a=file_of(make_dicom, frames))}@series")
    assert [r.metadata for r in source][-1]["Stack"] == "2 of 2"
    assert [sentence.partition(": ")[2] for sentence in source.remarks] == [
        "its 5 slices make 2 stacks (4, 1): orientation, size, frame of reference or acquisition "
        "differs",
        "stack 1: slices seem to be missing after slice 3; they are 5 mm apart",
        "stack 1: 1 slice lies where another one does: left out",
    ]


@pytest.mark.parametrize("told_by", ["time", "b-value", "dimension"])
def test_passes_over_the_same_places_are_stacks(
    tmp_path: Path, make_dicom: MakeDicom, told_by: str
) -> None:
    def frame(time: int, height: int) -> Groups:
        if told_by == "time":
            return lying(height, TemporalPositionIndex=time)
        if told_by == "b-value":
            return {**lying(height), "MRDiffusionSequence": {"DiffusionBValue": 400.0 * time}}
        return lying(height, DimensionIndexValues=[height + 1, time])

    pointers = ("ImagePositionPatient", "NominalCardiacTriggerDelayTime")
    dimensions = [item(DimensionIndexPointer=pointer) for pointer in pointers]
    frames = [frame(time, height) for height in range(3) for time in (1, 2)]
    file = file_of(make_dicom, frames, DimensionIndexSequence=dimensions)
    records = list(opened(f"dicom:{saved(tmp_path / 'a', a=file)}@series"))
    assert [r.metadata["Stack"] for r in records] == ["1 of 2"] * 3 + ["2 of 2"] * 3
    assert shown(records) == [0, 2, 4, 1, 3, 5]


def test_files_of_one_frame_and_of_several_make_one_stack(
    tmp_path: Path, make_dicom: MakeDicom
) -> None:
    upper = file_of(make_dicom, [lying(10), lying(15)], SOPInstanceUID="1.2.9")
    single = enhanced(make_dicom, stack_of(1)[0], [lying(5)], **ENHANCED, NumberOfFrames=1)
    plain = make_dicom(
        stack_of(9)[8],
        **{**ENHANCED, "SOPInstanceUID": "1.2.8"},
        ImagePositionPatient=[0, 0, 0],
        ImageOrientationPatient=AXIAL,
    )
    source = opened(f"dicom:{saved(tmp_path / 'a', a=upper, b=single, c=plain)}@series")
    records = list(source)
    assert [r.metadata["Slice"] for r in records] == [f"{n} of 4" for n in (1, 2, 3, 4)]
    assert shown(records) == [8, 0, 0, 1]
    assert [r.id.partition("@")[2] for r in records] == ["", "", "1", "2"]
    assert source.remarks == []


def test_a_film_is_its_middle_frame(tmp_path: Path, make_dicom: MakeDicom) -> None:
    films = {
        "film": file_of(make_dicom, [lying(0)] * 3),
        "cine": make_dicom(stack_of(3), SeriesInstanceUID="1.3", SOPInstanceUID="1.3.1"),
    }
    for name, file in films.items():
        (record,) = opened(f"dicom:{saved(tmp_path / name, a=file)}@series")
        assert (shown([record]), record.metadata["Slice"]) == ([1], "1 of 1")
        assert "@" not in record.id


def test_a_file_that_comes_again_is_counted_once(tmp_path: Path, make_dicom: MakeDicom) -> None:
    file = file_of(make_dicom, [lying(0), lying(5)])
    source = open_source(
        f"dicom:{saved(tmp_path / 'a', a=file, b=file)}@series", SourceOptions(key=KEY)
    )
    assert len(list(source)) == 2
    assert [s.reason for s in source.skipped] == ["it has the instance UID of an earlier file"]


def test_each_frame_is_shown_as_its_own_words_say(tmp_path: Path, make_dicom: MakeDicom) -> None:
    """Each frame has a rescale and a window of its own, and so has each single file."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(-900, 900, (3, 16, 16), dtype=np.int16)
    windows = [(40, 400), (-600, 1500), (300, 50)]
    rescales = [(1, 0), (2, -90), (1, 1024)]
    frames: list[Groups] = []
    for n, ((centre, width), (slope, intercept)) in enumerate(zip(windows, rescales, strict=True)):
        window = {"WindowCenter": centre, "WindowWidth": width}
        rescale = {"RescaleSlope": slope, "RescaleIntercept": intercept, "RescaleType": "HU"}
        said: Groups = {"FrameVOILUTSequence": window, "PixelValueTransformationSequence": rescale}
        frames.append({**lying(5 * n), **said})
        place = {"ImagePositionPatient": [0, 0, 5 * n], "ImageOrientationPatient": AXIAL}
        ids = {**ENHANCED, "SOPInstanceUID": f"1.2.3.{n}"}
        single = make_dicom(pixels[n], **ids, **place, **window, **rescale)
        saved(tmp_path / "singles", **{str(n): single})
    saved(tmp_path / "frames", a=enhanced(make_dicom, pixels, frames, **ENHANCED))
    alone = list(opened(f"dicom:{tmp_path}/singles@series"))
    together = list(opened(f"dicom:{tmp_path}/frames@series"))
    assert len(alone) == len(together) == 3
    for n, (one, other) in enumerate(zip(alone, together, strict=True)):
        assert one.pixel_hash == other.pixel_hash
        assert one.value_range == other.value_range
        by_dcmtk = rendered(tmp_path / "singles" / f"{n}.dcm")
        assert np.abs(np.rint(to_unit(other) * 255).squeeze() - by_dcmtk).max() <= TOLERANCE


def rendered(file: Path) -> np.ndarray:
    picture = file.with_suffix(".png")
    command = [needed("dcmj2pnm"), "-O", "+Wi", "1", "--write-png", str(file), str(picture)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return np.asarray(Image.open(picture)).astype(np.float64)


def compare_with_highdicom(folder: Path) -> None:
    """Convert the files of a folder by highdicom, and read both as series."""
    files = [dcmread(path) for path in sorted((folder / "singles").glob("*.dcm"))]
    made = LegacyConvertedEnhancedCTImage(
        files,
        series_instance_uid="1.2.3",
        series_number=1,
        sop_instance_uid="1.2.3.4",
        instance_number=1,
    )
    buffer = io.BytesIO()
    made.save_as(buffer, enforce_file_format=True)
    saved(folder / "frames", a=buffer.getvalue())
    singles, frames = (opened(f"dicom:{folder}/{kind}@series9") for kind in ("singles", "frames"))
    for one, other in zip(singles, frames, strict=True):
        assert np.array_equal(one.pixels, other.pixels)
        assert one.value_range == other.value_range
        assert one.metadata["Slice"] == other.metadata["Slice"]
        assert one.metadata.get("Stack") == other.metadata.get("Stack")
    said = [[text.partition(": ")[2] for text in kind.remarks] for kind in (singles, frames)]
    assert said[0] == said[1]


def test_highdicom_makes_the_same_of_single_files(tmp_path: Path, make_dicom: MakeDicom) -> None:
    rng = np.random.default_rng(1)
    ids = {"SeriesInstanceUID": "1.2", "StudyInstanceUID": "1.1", "FrameOfReferenceUID": "1.9"}
    more = {"Manufacturer": "", "StudyID": "", "StudyDate": "", "StudyTime": ""}
    for n, height in enumerate([30, 0, 5, 10, 20, 25]):
        file = make_dicom(
            rng.integers(0, 900, (8, 8), dtype=np.int16),
            **ids,
            **more,
            SOPInstanceUID=generate_uid(entropy_srcs=["frames", str(n)]),
            InstanceNumber=n + 1,
            AcquisitionNumber=1,
            ImageType=["ORIGINAL", "PRIMARY", "AXIAL"],
            ImagePositionPatient=[0, 0, height],
            ImageOrientationPatient=AXIAL,
            PixelSpacing=[1, 1],
            SliceThickness=5,
            WindowCenter=400 + n,
            WindowWidth=800,
            RescaleSlope=1,
            RescaleIntercept=-100 * n,
            RescaleType="HU",
            PatientSex="",
        )
        saved(tmp_path / "singles", **{str(n): file})
    compare_with_highdicom(tmp_path)


@pytest.mark.skipif(not SAMPLES.exists(), reason="there is no dicom_dev.zip")
@pytest.mark.filterwarnings("ignore:The string:UserWarning")  # its patient has one name
def test_highdicom_makes_the_same_of_a_real_series(tmp_path: Path) -> None:
    with zipfile.ZipFile(SAMPLES) as archive:
        names = [n for n in archive.namelist() if n.startswith("dcm_qa_ct/") and n[-4:] == ".dcm"]
        files = {Path(name).stem: archive.read(name) for name in names}
    saved(tmp_path / "singles", **files)
    compare_with_highdicom(tmp_path)


@pytest.fixture
def timed(make_dicom: MakeDicom) -> bytes:
    """Return two passes over seven places, which the dimensions tell apart."""
    pointers = ("InStackPositionNumber", "TemporalPositionIndex")
    return file_of(
        make_dicom,
        [lying(h, DimensionIndexValues=[h, time]) for time in (1, 2) for h in range(7)],
        StudyInstanceUID="1.1",
        DimensionIndexSequence=[item(DimensionIndexPointer=pointer) for pointer in pointers],
    )


def told(source: Source) -> list[tuple[object, ...]]:
    return [(r.id, r.metadata, r.pixel_hash) for r in source]


def of_server(folder: Path, url: str, *more: str) -> Source:
    """Return the series in the study, as a server gives it."""
    lines = ('index = "none"', "[[servers]]", 'name = "main"', f'url = "{url}"', *more)
    (folder / "pacs.toml").write_text("\n".join(lines), encoding="utf-8")
    return opened(f"dicomweb:{folder}/pacs.toml?StudyInstanceUID=1.1&level=series")


def test_a_server_tells_the_same_of_frames(tmp_path: Path, timed: bytes) -> None:
    folder = opened(f"dicom:{saved(tmp_path / 'a', a=timed)}@series")
    expected = told(folder)
    assert len(expected) == 10
    with serve(dicomweb({"1.1/1.2/1.2.3": timed})) as made:
        source = of_server(tmp_path, made.url)
        assert told(source) == expected
        fetched = [asked.path for asked in made.asked if asked.path.endswith("/1.2.3")]
    assert source.remarks == folder.remarks
    assert len(fetched) == 1  # whatever is wanted of it


def test_orthanc_tells_the_same_of_frames(
    tmp_path: Path, timed: bytes, orthanc: MadeOrthanc
) -> None:
    orthanc.store(timed)
    (tmp_path / "credentials").write_text(":".join(CREDENTIALS), encoding="utf-8")
    secret = f'credentials_file = "{tmp_path}/credentials"'
    source = of_server(tmp_path, f"{orthanc.url}/dicom-web", secret)
    assert told(source) == told(opened(f"dicom:{saved(tmp_path / 'a', a=timed)}@series"))


def test_indices_that_point_nowhere_are_passed_over(tmp_path: Path, timed: bytes) -> None:
    honest = dicomweb({"1.1/1.2/1.2.3": timed})

    def odd(asked: Asked) -> Answer:
        answer = honest(asked)
        assert isinstance(answer.body, bytes)
        return replace(answer, body=answer.body.replace(b'"00209128"', b'"nowhere"'))

    with serve(odd) as made:
        assert len(list(of_server(tmp_path, made.url))) == 10

"""Results of acir are no pictures to search by: by either mark, wherever a file comes from."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread

from acir.errors import UnreadableImageError
from acir.pacs import reader
from acir.pacs.gallery import Pictures, gallery
from acir.pacs.heat_map import heat_map
from acir.pacs.own import is_our_result
from acir.pacs.report import report
from acir.sources.base import SourceOptions, open_source
from made_answer import GREY, MAKER, MakeDicom, about, answered, reread

KEY = bytes(range(32))
OURS = "it is a result that acir made, not a picture"


@pytest.fixture(scope="module")
def results(make_dicom: MakeDicom) -> dict[str, Dataset]:
    origin = about(make_dicom)
    drawn = heat_map(origin, GREY.astype(np.float32), MAKER)
    assert drawn is not None
    return {
        "report": reread(report(origin, answered(), MAKER)),
        "heat map": reread(drawn),
        "gallery": reread(gallery(origin, answered(), Pictures(None, None, {}), MAKER)),
    }


@pytest.mark.parametrize("name", ["report", "heat map", "gallery"])
@pytest.mark.parametrize("lost", [None, "Manufacturer", "CodingSchemeIdentificationSequence"])
def test_either_mark_tells_a_result(
    results: dict[str, Dataset], name: str, lost: str | None
) -> None:
    found = reread(results[name])
    if lost is not None:
        del found[lost]
    assert is_our_result(found)


def test_a_picture_of_anyone_else_is_none(make_dicom: MakeDicom) -> None:
    scheme = Dataset()
    scheme.CodingSchemeDesignator = "99ACME"
    for more in ({}, {"Manufacturer": "ACME"}, {"CodingSchemeIdentificationSequence": [scheme]}):
        assert not is_our_result(dcmread(BytesIO(make_dicom(GREY, **more))))


@pytest.mark.parametrize(
    ("name", "reason"),
    [("report", "it holds no picture"), ("heat map", OURS), ("gallery", OURS)],
)
def test_the_reader_refuses_results(results: dict[str, Dataset], name: str, reason: str) -> None:
    buffer = BytesIO()
    results[name].save_as(buffer, enforce_file_format=True)
    with pytest.raises(UnreadableImageError, match=reason):
        reader.read(buffer.getvalue(), KEY, "a")


def test_a_folder_gives_the_picture_alone(
    tmp_path: Path, results: dict[str, Dataset], make_dicom: Callable[..., bytes]
) -> None:
    (tmp_path / "picture.dcm").write_bytes(make_dicom(GREY))
    for name, result in results.items():
        result.save_as(tmp_path / f"{name}.dcm", enforce_file_format=True)
    source = open_source(str(tmp_path), SourceOptions(key=KEY))
    assert [record.pixels.shape for record in source] == [GREY.shape]
    assert [skipped.reason for skipped in source.skipped].count(OURS) == 2

"""The JSON of a run: any strict reader takes it."""

import math
from pathlib import Path

import pytest

from acir.workflows import records


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "1.json"
    assert records.read(path) is None
    records.write(path, {"mAP": 0.5, "none": None})
    assert records.read(path) == {"mAP": 0.5, "none": None}
    assert [file.name for file in path.parent.iterdir()] == ["1.json"]


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
def test_what_json_cannot_say_is_not_written(tmp_path: Path, number: float) -> None:
    path = tmp_path / "1.json"
    records.write(path, {"mAP": 0.5})
    with pytest.raises(ValueError, match="not JSON compliant"):
        records.write(path, {"mAP": number})
    assert records.read(path) == {"mAP": 0.5}


@pytest.mark.parametrize("text", ["Infinity", "-Infinity", "NaN"])
def test_what_older_files_say_beyond_json_is_undefined(tmp_path: Path, text: str) -> None:
    path = tmp_path / "1.json"
    path.write_text(f'{{"effect": {text}}}', encoding="utf-8")
    assert records.read(path) == {"effect": None}

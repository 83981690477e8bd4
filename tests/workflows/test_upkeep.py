"""`acir doctor` names what is missing and how to get it."""

from importlib.metadata import version

import pytest

from acir.pacs.codecs import Codec
from acir.workflows import upkeep


def test_what_is_missing_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        upkeep,
        "requires",
        lambda _: ["numpy>=2.0", "no-such-library[fast]>=1", "no-such-tool>=2; extra == 'docs'"],
    )
    found = upkeep.doctor()
    assert found["packages"] == {
        "numpy": version("numpy"),
        "no-such-library": None,
        "no-such-tool": None,
    }
    assert found["extras"]["docs"] is False
    assert found["missing"] == [
        "no-such-library is not installed; get it with: pip install 'no-such-library'",
        "no-such-tool is not installed; get it with: pip install 'acir[docs]'",
    ]


def test_what_can_be_decoded_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Codec, "installed", property(lambda codec: codec.extra is None))
    found = upkeep.doctor()["dicom"]
    assert found["Explicit VR Little Endian"]
    assert found["JPEG-LS Lossless Image Compression"]
    lossless = [name for name in found if name.startswith("JPEG Lossless")]
    assert len(lossless) == 2
    assert not any(found[name] for name in lossless)


def test_without_torch_there_are_no_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "find_spec", lambda _: None)
    assert upkeep.doctor()["devices"] == []

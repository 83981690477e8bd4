"""`acir doctor` names what is missing and how to get it."""

from importlib.metadata import version

import pytest

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


def test_without_torch_there_are_no_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "find_spec", lambda _: None)
    assert upkeep.doctor()["devices"] == []

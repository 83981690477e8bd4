"""`acir demo`: one page with answers and a refusal, from nothing."""

import re
from pathlib import Path
from typing import Any

import pytest

from acir.workflows import demo
from acir.workflows.train import train
from made_model import CLASSES, FEWEST_EPOCHS, SETTINGS, acir


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the demo train the small network for an epoch."""

    def small(recipe: str, *, settings: dict[str, str], **others: Any) -> dict[str, Any]:  # noqa: ANN401
        return train(recipe, settings=settings | SETTINGS | FEWEST_EPOCHS, **others)

    monkeypatch.setattr(demo, "train", small)


@pytest.mark.usefixtures("quick")
def test_the_demo_ends_with_a_page_and_three_commands(tmp_path: Path, pictures: Path) -> None:
    out = tmp_path / "demo"
    outcome = acir("demo", "--data", pictures, "--out", out, "--device", "cpu")
    assert outcome.code == 0, outcome.err
    assert f"Open {out / 'report.html'} in a browser" in outcome.out
    assert len(re.findall(r"^  acir ", outcome.out, flags=re.MULTILINE)) == 3
    page = (out / "report.html").read_text(encoding="utf-8")
    assert all(f"{kind} (test/{kind}/" in page for kind in CLASSES)
    assert page.count("data:image/png;base64,") > 8
    again = acir("demo", "--data", pictures, "--out", out, "--device", "cpu")
    assert again.code == 0, again.err  # goes on where it had stopped


def test_a_demo_needs_all_splits(tmp_path: Path, pictures: Path) -> None:
    said = acir("demo", "--data", f"{pictures}#train", "--out", tmp_path / "demo").refusal()
    assert said.startswith("the demo needs all splits of a source, but")
    assert not (tmp_path / "demo").exists()


def test_an_index_that_no_demo_has_made_is_left_alone(tmp_path: Path, pictures: Path) -> None:
    kept = tmp_path / "index" / "store.sqlite"
    kept.parent.mkdir()
    kept.write_bytes(b"somebody's")
    said = acir("demo", "--data", pictures, "--out", tmp_path).refusal()
    assert said == f"{tmp_path} holds an index that no demo has made; give another folder"
    assert kept.read_bytes() == b"somebody's"
    assert not (tmp_path / "run").exists()


def test_the_foreign_picture_is_of_another_kind() -> None:
    assert demo.foreign_to("phantom:150") == demo.FOREIGN_TO_SYNTHETIC
    assert demo.foreign_to("cells.zip") == demo.FOREIGN_TO_OTHERS

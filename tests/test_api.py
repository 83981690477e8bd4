"""The public names of the package, and what importing it costs."""

import subprocess
import sys
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import jaxtyping
import numpy as np
import pytest
from PIL import Image

import acir
from acir.errors import UsageError
from made_model import draw, foreign


def test_the_public_names_are_these() -> None:
    assert acir.__all__ == ["Answer", "Hit", "Verdict", "__version__", "load", "open_index"]
    assert all(getattr(acir, name) is not None for name in acir.__all__)


def test_another_name_is_an_error_of_the_usual_kind() -> None:
    with pytest.raises(AttributeError, match="module 'acir' has no attribute 'lod'"):
        acir.lod  # noqa: B018 - reading it is the test


def test_the_public_names_are_listed_before_they_are_used() -> None:
    code = "import acir; print(set(acir.__all__) <= set(dir(acir)))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["True"]


def test_importing_the_package_loads_neither_torch_nor_numpy() -> None:
    code = "import sys, acir; print(acir.__version__, *{'torch', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == [acir.__version__]


def test_a_bundle_says_whether_it_knows_a_picture(bundle: Path, pictures: Path) -> None:
    model = acir.load(bundle)
    assert model.check(foreign(0)).verdict == "unknown"
    verdict = model.check(str(pictures / "test" / "disc" / "120.png"))
    assert isinstance(verdict, acir.Verdict)
    assert verdict.verdict != "unknown"


def test_an_index_finds_similar_pictures(index: Path) -> None:
    with acir.open_index(str(index)) as opened:
        answer = opened.search(Image.fromarray(draw("slope", 120)), k=3)
    assert isinstance(answer, acir.Answer)
    assert all(isinstance(hit, acir.Hit) for hit in answer.hits)
    assert [hit.label for hit in answer.hits] == ["slope"] * 3


@pytest.mark.parametrize("given", [None, 3, b"folder", ""])
def test_what_is_no_path_is_refused(
    given: Any,  # noqa: ANN401 - of a kind that is refused
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A caller's types are not checked as they are in these tests.
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with pytest.raises(UsageError, match=f"bundle is {given!r}, expected the path of a folder"):
        acir.load(given)
    with pytest.raises(UsageError, match=f"folder is {given!r}, expected the path of a folder"):
        acir.open_index(given)


def test_answers_cannot_be_changed(index: Path) -> None:
    with acir.open_index(index) as opened:
        answer = opened.search(draw("slope", 120).astype(np.uint8))
    assert answer.verdict
    for value, name in (
        (answer, "hits"),
        (answer.verdict, "verdict"),
        (answer.hits[0], "rank"),
        (answer.verdict.calibration, "promised"),
    ):
        with pytest.raises(FrozenInstanceError):
            setattr(value, name, None)

"""`Model` and `Searcher`: whatever form a picture comes in, the answer is the same."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jaxtyping
import numpy as np
import pytest
import torch
from PIL import Image

from acir.errors import UsageError
from acir.gate import Gate
from acir.picture import as_record
from acir.search import Model, Searcher, one_thread
from acir.sources.base import open_source
from acir.tensors import Evidence
from acir.types import Scored
from acir.workflows.search import load, open_index
from made_model import coloured, draw, foreign, save


@pytest.fixture(scope="module")
def model(bundle: Path) -> Model:
    return load(bundle)


@pytest.fixture(scope="module")
def searcher(index: Path) -> Iterator[Searcher]:
    with open_index(index) as opened:
        yield opened


def stored_forms() -> dict[str, Image.Image]:
    """Return one picture in each mode that Pillow gives back from a file."""
    grey = Image.fromarray(draw("disc", 300))
    deep = Image.fromarray(draw("disc", 300).astype(np.uint16) * 257)
    turned = Image.fromarray(draw("disc", 300))
    turned.getexif()[0x0112] = 6  # to be turned by 90 degrees
    colour = Image.fromarray(coloured(draw("disc", 300)))
    return {
        "L": grey,
        "I;16": deep,
        "1": grey.convert("1"),
        "RGB": colour,
        "RGBA": colour.convert("RGBA"),
        "P": colour.quantize(16),
        "turned": turned,
    }


@pytest.mark.parametrize("form", stored_forms())
def test_a_path_and_the_image_that_pillow_opens_are_the_same_picture(
    searcher: Searcher, tmp_path: Path, form: str
) -> None:
    path = tmp_path / "picture.png"
    stored_forms()[form].save(path, exif=stored_forms()[form].getexif())
    with Image.open(path) as image:
        assert as_record(image, b"key").pixel_hash == as_record(path, b"key").pixel_hash
        by_image = searcher.search(image, force=True)
    by_path = searcher.search(path, force=True)
    assert by_image.query == "picture"
    assert by_path.query == str(path)
    assert (by_image.verdict, by_image.hits) == (by_path.verdict, by_path.hits)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_an_array_is_the_picture_that_a_file_of_it_would_be(
    model: Model, tmp_path: Path, dtype: type[np.generic]
) -> None:
    pixels = draw("checks", 300).astype(dtype)
    pixels = pixels * np.array(np.iinfo(dtype).max // 255, dtype=dtype)  # type: ignore[type-var]
    path = save(pixels, tmp_path / "picture.png")
    assert model.check(pixels) == model.check(path) == model.check(str(path))
    record = next(iter(open_source(str(path))))
    assert model.check(record) == model.check(path)


def test_floats_and_signed_integers_are_pictures_too(model: Model) -> None:
    bytes_ = draw("bars", 300)
    bytes_[0, 0], bytes_[0, 1] = 0, 255  # so that both ends of the range are there
    expected = model.check(bytes_)
    as_floats = model.check(bytes_ / np.float32(255))
    as_signed = model.check(bytes_.astype(np.int16) * 8 - 1000)
    assert expected.verdict == as_floats.verdict == as_signed.verdict
    assert as_floats.p_value == pytest.approx(expected.p_value, abs=0.02)
    assert as_signed.p_value == pytest.approx(expected.p_value, abs=0.02)


def test_values_that_are_not_numbers_make_a_picture_unreadable(
    model: Model, searcher: Searcher
) -> None:
    pixels = draw("bars", 300) / np.float32(255)
    pixels[3, 3] = np.nan
    verdict = model.check(pixels)
    assert (verdict.verdict, verdict.reason_code) == ("unknown", "unreadable")
    assert searcher.search(pixels, force=True).hits == ()


def test_an_unreadable_file_is_an_answer_not_an_error(searcher: Searcher, tmp_path: Path) -> None:
    path = tmp_path / "half.png"
    save(draw("bars", 300), path)
    path.write_bytes(path.read_bytes()[:300])
    answer = searcher.search(path)
    assert answer.verdict
    assert (answer.verdict.verdict, answer.verdict.reason_code) == ("unknown", "truncated")
    assert answer.verdict.p_value == 1 / (answer.verdict.calibration.n + 1)
    assert answer.hits == ()


def test_a_dicom_file_can_be_asked_about(
    searcher: Searcher, model: Model, tmp_path: Path, make_dicom: Callable[..., bytes]
) -> None:
    path = tmp_path / "picture.dcm"
    path.write_bytes(make_dicom(draw("disc", 301)))
    assert model.check(path).reason_code != "unreadable"
    assert len(searcher.search(path, k=2, force=True).hits) == 2


@pytest.mark.parametrize("k", [0, -1])
def test_no_hit_at_all_cannot_be_asked_for(searcher: Searcher, k: int) -> None:
    with pytest.raises(UsageError, match=f"k is {k}, expected at least 1"):
        searcher.search(draw("disc", 300), k=k)


@pytest.mark.parametrize("kind", [np.int64, np.uint8, int])
def test_numbers_may_be_those_of_numpy(
    searcher: Searcher, kind: Callable[[int], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    ways = {"k": 3, "radius": 8, "least": 1}
    picture = draw("disc", 300)
    found = searcher.search(picture, force=True, **{name: kind(n) for name, n in ways.items()})
    assert found == searcher.search(picture, force=True, **ways)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"radius": 1.5}, "radius is 1.5, expected a whole number"),
        ({"k": 2.0}, "k is 2.0, expected a whole number"),
        ({"k": True}, "k is True, expected a whole number"),
        ({"k": None}, "k is None, expected a whole number"),
        ({"radius": "8"}, "radius is '8', expected a whole number"),
        ({"radius": np.zeros(2, int)}, r"radius is array\(\[0, 0\]\), expected a whole number"),
        ({"least": -1}, "least is -1, expected at least 0"),
        ({"where": "label=disc"}, "where is 'label=disc', expected text by key, such as dict"),
        ({"where": {"label": 3}}, "where is {'label': 3}, expected text by key, such as dict"),
        ({"mode": 3}, "mode is 3, expected text"),
        ({"mode": ["plain"]}, r"mode is \['plain'\], expected text"),
        ({"per": 3}, "per is 3, expected text"),
        ({"per": ["label"]}, r"per is \['label'\], expected text"),
        ({"like": 3}, "like is 3, expected several texts; give a set of them"),
        ({"like": [3]}, r"like is \[3\], expected several texts"),
        ({"like": None}, "like is None, expected several texts"),
        ({"unlike": [["a"]]}, r"unlike is \[\['a'\]\], expected several texts"),
        ({"collections": [3]}, r"collections is \[3\], expected several texts"),
        ({"force": "no"}, "force is 'no', expected True or False"),
        ({"include_self": 1}, "include_self is 1, expected True or False"),
        ({"keep_duplicates": None}, "keep_duplicates is None, expected True or False"),
        ({"risk": "low"}, "risk is 'low', expected a number between 0 and 1"),
    ],
)
def test_what_is_no_number_or_no_text_is_refused(
    searcher: Searcher, option: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A caller's types are not checked as they are in these tests.
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with pytest.raises(UsageError, match=said):
        searcher.search(draw("disc", 300), **option)


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("search", "absent"),
        ("search_many", ["absent"]),
        ("search_together", ["absent"]),
        ("search_stored", "absent"),
    ],
)
def test_an_option_that_does_not_exist_names_the_nearest_before_a_picture_is_read(
    searcher: Searcher, name: str, asked: str | list[str]
) -> None:
    said = "a search has no option 'radios'; it has k, radius, .*, risk. Did you mean 'radius'?"
    with pytest.raises(UsageError, match=said):
        getattr(searcher, name)(asked, radios=3)


@pytest.mark.parametrize("name", ["search_many", "search_together", "check_together"])
@pytest.mark.parametrize("path", ["scan", Path("scan")])
def test_one_path_is_not_taken_for_several(
    searcher: Searcher, name: str, path: str | Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with pytest.raises(UsageError, match="'scan' is one picture, expected several; give a l"):
        getattr(searcher, name)(path)


@pytest.mark.parametrize("name", ["search_many", "search_together", "check_together"])
@pytest.mark.parametrize("given", [None, 3, Image.new("L", (9, 9))])
def test_what_is_not_several_pictures_is_refused(
    searcher: Searcher, name: str, given: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    said = f"{type(given).__name__} is not several pictures; give a list of them"
    with pytest.raises(UsageError, match=said):
        getattr(searcher, name)(given)


@pytest.mark.parametrize("given", [None, 3, ["a"]])
def test_a_stored_picture_is_named_by_text(
    searcher: Searcher,
    given: Any,  # noqa: ANN401 - of a kind that is refused
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with pytest.raises(UsageError, match=re.escape(f"name is {given!r}, expected text")):
        searcher.search_stored(given)
    with pytest.raises(UsageError, match=re.escape(f"ids is {[given]!r}, expected several texts")):
        searcher.stored([given])


@pytest.mark.parametrize("kind", [list, tuple, set, iter])
def test_several_texts_may_come_as_anything_that_gives_them(
    searcher: Searcher, kind: Callable[[list[str]], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    (hit,) = searcher.search(draw("disc", 300), k=1, force=True).hits
    found = searcher.search(
        draw("disc", 300), force=True, unlike=kind([hit.id]), collections=kind(["default"])
    )
    assert len(found.hits) == 10
    assert hit.id not in [other.id for other in found.hits]


@pytest.mark.parametrize("name", ["like", "unlike", "collections"])
def test_one_text_is_not_taken_for_several(
    searcher: Searcher, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A caller's types are not checked as they are in these tests.
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    options: dict[str, Any] = {name: "default"}
    with pytest.raises(
        UsageError, match=f"{name} is 'default', expected several texts; give a set"
    ):
        searcher.search(draw("disc", 300), **options)


def test_a_refused_picture_can_be_searched_by_force(searcher: Searcher) -> None:
    blank = np.full((32, 32), 80, dtype=np.uint8)
    assert searcher.search(blank).hits == ()
    forced = searcher.search(blank, k=4, force=True)
    assert forced.verdict
    assert (forced.verdict.reason_code, len(forced.hits)) == ("blank", 4)


def test_the_least_similar_come_from_the_end_of_what_was_retrieved(searcher: Searcher) -> None:
    everything = searcher.search(draw("disc", 300), k=len(searcher))
    answer = searcher.search(draw("disc", 300), k=3, least=2)
    assert len(everything.hits) == len(searcher)
    ranks = [hit.rank for hit in answer.least]
    assert ranks[1] == ranks[0] + 1 >= 100
    assert answer.least[-1].similarity <= answer.hits[-1].similarity
    few = searcher.search(draw("disc", 300), k=len(searcher) - 1, least=3)
    assert [hit.rank for hit in few.least] == [len(searcher)]


def test_a_class_of_ties_that_is_too_large_is_cut_and_said_so(
    searcher: Searcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("acir.search.shortlist.MOST", 20)
    answer = searcher.search(draw("disc", 300), k=30)
    assert len(answer.hits) == 20
    assert "the first 20 by distance and id were ordered by content" in answer.notices[0]
    assert "20 pictures can be retrieved, 30 were asked for" in answer.notices[1]


def test_the_heat_map_is_as_large_as_the_picture(model: Model) -> None:
    examined = model.examine(as_record(foreign(0), b"key"))
    assert examined.evidence is not None
    found = model.heat_map(examined.evidence)
    assert found is not None
    assert found.shape == (32, 32)


def test_the_gate_that_may_encode_has_one_thread_too(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads, scored = list[int](), Gate.scored

    def noted(gate: Gate, evidence: Evidence) -> Scored:
        threads.append(torch.get_num_threads())
        return scored(gate, evidence)

    monkeypatch.setattr(Gate, "scored", noted)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        model.check(draw("disc", 300))
    finally:
        torch.set_num_threads(before)
    assert threads == [1]


def test_one_thread_is_lent_and_given_back() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(KeyError), one_thread():
            assert torch.get_num_threads() == 1
            raise KeyError
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)

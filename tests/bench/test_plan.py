"""The file of a benchmark of the index."""

from pathlib import Path

import pytest

from acir.bench.plan import Growth, load
from acir.errors import RecipeError

ROOT = Path(__file__).parents[2]
HEAD = 'title = "t"\n'
GALLERY = '[[gallery]]\ncodes = "clustered"\nrows = 1000\nbits = 64\nrounds = 3\n'


def written(folder: Path, text: str) -> Path:
    path = folder / "bench.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["index", "index_quick"])
def test_the_shipped_files_can_be_read(name: str) -> None:
    plan = load(ROOT / "benchmarks" / f"{name}.toml")
    assert any(case.bits == plan.growth.bits for case in plan.gallery)


def test_what_a_file_leaves_out_is_filled_in(tmp_path: Path) -> None:
    plan = load(written(tmp_path, HEAD + GALLERY))
    (gallery,) = plan.gallery
    assert (plan.k, plan.queries, plan.seed, plan.store) == (100, 100, 0, ())
    assert (gallery.name, gallery.batch, gallery.leave_out) == ("clustered-1000x64", 100, ())
    assert plan.growth == Growth()


def test_a_file_that_is_missing_or_broken_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"there is no benchmark at .*none\.toml; give a \.toml"):
        load(tmp_path / "none.toml")
    with pytest.raises(RecipeError, match="is not valid TOML"):
        load(written(tmp_path, "title = "))


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (HEAD + GALLERY.replace("64", "60"), r"gallery\.bits is 60, expected a multiple of 8"),
        (HEAD + GALLERY + GALLERY, r"the benchmark has clustered-1000x64 twice; leave one out"),
        (HEAD + GALLERY.replace("1000", "999"), r"rows is 999, expected at least 1000"),
        (HEAD + GALLERY.replace("rounds", "round"), r"'gallery.round'.*Did you mean 'rounds'"),
    ],
)
def test_what_cannot_be_measured_is_refused(tmp_path: Path, text: str, match: str) -> None:
    with pytest.raises(RecipeError, match=match):
        load(written(tmp_path, text))

"""A benchmark may rest on another one, and say once what tuning tries for all methods."""

from collections.abc import Callable
from pathlib import Path

import pytest

from acir.errors import RecipeError
from acir.evaluation.benchmark import Benchmark
from acir.evaluation.benchmark_file import load

BASE = """
title = "Below"
recipe = "tiny"
ours = "acir"
bits = [16, 32]
seeds = [0]
trials = [{ "training.learning_rate" = 0.01 }, { "training.learning_rate" = 0.02 }]
[shared]
"training.epochs" = 2
"model.stem" = { name = "resnet", depth = 18, width = 16, small = true }
[[data]]
name = "cells"
source = "cells.zip"
[[method]]
name = "acir"
loss = { name = "sch" }
[[method]]
name = "csq"
loss = { name = "csq" }
trials = [{}, { "training.weight_decay" = 0.1 }]
"""

Rest = Callable[..., Benchmark]


@pytest.fixture
def rest(tmp_path: Path) -> Rest:
    """Return a function that reads a benchmark in a folder beside that of the text above."""
    (tmp_path / "base.toml").write_text(BASE, encoding="utf-8")

    def read(text: str, base: str = "../base.toml") -> Benchmark:
        path = tmp_path / "own" / "bench.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f'base = "{base}"\n{text}', encoding="utf-8")
        return load(path)

    return read


def test_what_a_file_lacks_is_its_bases(rest: Rest) -> None:
    found = rest('title = "Own"')
    assert (found.title, found.ours, found.bits, found.seeds) == ("Own", "acir", (16, 32), (0,))
    assert [method.name for method in found.method] == ["acir", "csq"]


def test_what_a_file_has_replaces_that_of_its_base_as_a_whole(rest: Rest) -> None:
    found = rest('[shared]\n"training.batch" = 8\n[[data]]\nname = "x"\nsource = "y"')
    assert [data.name for data in found.data] == ["x"]
    recipe = found.recipe_for(found.data[0], found.method[0], 16)
    assert (recipe.training.batch, recipe.training.epochs) == (8, 10)  # 10 epochs are those of tiny


def test_a_base_may_have_a_base(rest: Rest, tmp_path: Path) -> None:
    between = 'base = "../base.toml"\nbits = [64]\nseeds = [5]\n'
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "between.toml").write_text(between, encoding="utf-8")
    found = rest("seeds = [6]", "between.toml")
    assert (found.title, found.bits, found.seeds) == ("Below", (64,), (6,))


def test_a_benchmark_cannot_rest_on_itself(rest: Rest) -> None:
    with pytest.raises(
        RecipeError, match=r"base leads back to .*bench\.toml; let it end at a file"
    ):
        rest("", "../own/bench.toml")


def test_a_base_that_is_not_there_is_named(rest: Rest) -> None:
    with pytest.raises(RecipeError, match=r"there is no benchmark at .*nothing\.toml"):
        rest("", "nothing.toml")


def test_a_base_is_a_path(rest: Rest, tmp_path: Path) -> None:
    path = tmp_path / "bench.toml"
    path.write_text(BASE.replace('title = "Below"', 'title = "Below"\nbase = 3'), encoding="utf-8")
    with pytest.raises(RecipeError, match="benchmark key base is 3, expected a value of type str"):
        load(path)


def test_the_trials_of_the_benchmark_are_those_of_methods_without_their_own(rest: Rest) -> None:
    acir, csq = rest("").method
    assert [dict(trial) for trial in acir.trials] == [
        {"training.learning_rate": 0.01},
        {"training.learning_rate": 0.02},
    ]
    assert [dict(trial) for trial in csq.trials] == [{}, {"training.weight_decay": 0.1}]


def test_the_trials_of_the_benchmark_choose_as_little_as_those_of_a_method(rest: Rest) -> None:
    with pytest.raises(RecipeError, match=r"a trial of method 'acir' sets 'training.epochs', but"):
        rest('trials = [{}, { "training.epochs" = 9 }]')


def test_a_data_set_changes_a_part_of_what_is_shared_for_itself_alone(rest: Rest) -> None:
    found = rest(
        '[[data]]\nname = "large"\nsource = "x"\nset = { "model.stem.small" = false }\n'
        '[[data]]\nname = "little"\nsource = "y"'
    )
    stems = [found.recipe_for(data, found.method[0], 16).model.stem.options for data in found.data]
    assert [stem["small"] for stem in stems] == [False, True]
    assert [stem["width"] for stem in stems] == [16, 16]


def test_the_benchmark_of_the_documentation_rests_on_the_shipped_one(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    page = (root / "docs" / "how-to" / "compare.md").read_text(encoding="utf-8")
    _, own = (block.split("```")[0] for block in page.split("```toml\n")[1:])
    shipped = (root / "benchmarks" / "small.toml").as_posix()
    path = tmp_path / "bench.toml"
    path.write_text(own.replace("small.toml", shipped, 1), encoding="utf-8")
    assert [data.name for data in load(path).data] == ["mine"]

"""The file of a benchmark: read with its base, and checked as a whole."""

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from acir import tables
from acir.errors import RecipeError
from acir.evaluation.benchmark import NOTHING, Benchmark, require_known
from acir.evaluation.fairness import require_fair

PLAIN_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


def load(path: Path) -> Benchmark:
    """Read and check a benchmark.

    Raises:
        RecipeError: No such file, broken TOML, a base that rests on the file, an unknown key, a
            wrong type, a value out of range, names that do not fit together, or a method with an
            unfair advantage.
    """
    built = tables.build(Benchmark, _with_base(path, ()), "benchmark")
    methods = (replace(m, trials=m.trials or built.trials) for m in built.method)
    benchmark = replace(built, method=tuple(methods))
    _check_names(benchmark)
    require_fair(benchmark)
    _check_recipes(benchmark)
    return benchmark


def _with_base(path: Path, above: tuple[Path, ...]) -> dict[str, Any]:
    """Return the tables of a file, completed by its base; `above` are the files that led here."""
    if path.resolve() in above:
        raise RecipeError(
            f"benchmark key base leads back to {path}; let it end at a file without a base"
        )
    table = tables.read(path, "benchmark")
    base = table.get("base")
    if not base or not isinstance(base, str):  # any other type is refused where all types are
        return table
    return _with_base(path.parent / base, (*above, path.resolve())) | table


def _check_names(benchmark: Benchmark) -> None:
    listed: dict[str, list[str]] = {
        "data": [d.name for d in benchmark.data],
        "method": [m.name for m in benchmark.method],
        "floor": [f.name for f in benchmark.floor],
        "bits": [*map(str, benchmark.bits)],
        "seeds": [*map(str, benchmark.seeds)],
    }
    for key, names in listed.items():
        if not names and key != "floor":
            raise RecipeError(f"benchmark key {key} is empty, expected at least one")
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise RecipeError(f"benchmark key {key} has {twice[0]} twice; give each its own name")
        for name in names:
            if not PLAIN_NAME.fullmatch(name):
                raise RecipeError(
                    f"benchmark key {key} has the name {name!r}, expected small letters, digits, "
                    "- and _, since a folder is called so"
                )
    methods = listed["method"]
    for floor in benchmark.floor:
        require_known("method of the benchmark", floor.of, methods)
        if floor.name in methods:
            raise RecipeError(f"{floor.name!r} names a method and a floor; rename the method")
    require_known("method of the benchmark", benchmark.ours, methods)


def _check_recipes(benchmark: Benchmark) -> None:
    """Build one recipe for everything that a recipe could refuse."""
    data, method, bits = benchmark.data[0], benchmark.method[0], benchmark.bits[0]
    for other in benchmark.data:
        benchmark.recipe_for(other, method, bits)
    for length in benchmark.bits:
        benchmark.recipe_for(data, method, length)
    for one in benchmark.method:
        for tuned in one.trials or (NOTHING,):
            benchmark.recipe_for(data, one, bits, tuned)

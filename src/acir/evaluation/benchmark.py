"""A benchmark: which methods learn from which pictures, under conditions that are the same for all.

What decides a run is laid down in this order: the recipe, what the benchmark shares, what belongs
to the data set, what belongs to the method, and what tuning chose. A method may only set what makes
it a method; anything else would be an advantage of its own.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal

from acir import recipe as recipes
from acir import tables
from acir.data.draw import Draw
from acir.errors import RecipeError, suggestion
from acir.recipe import Recipe
from acir.tables import Component, Count, Range, Table

Settings = Mapping[str, object]
Seed = Annotated[int, Range(0)]

OWN = (
    "model.fusion",
    "model.attention",
    "model.transformer",
    "model.scattering",
    "model.pooled",
    "model.head",
    "loss",
    "search",
)
TUNED = ("training.learning_rate", "training.weight_decay", "model.head.balance", "loss")
OF_THE_METHODS = ("model.bits", "model.decoder", "loss")
MOST_TRIALS = 4
TUNING_BITS = 32  # where the benchmark has them, else the middle of its lengths
PLAIN_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")

NOTHING: Settings = MappingProxyType({})


class _BenchmarkTable(Table):
    file: ClassVar[str] = "benchmark"


@dataclass(frozen=True)
class DataSet(_BenchmarkTable):
    """Pictures to learn from and to be asked for.

    Attributes:
        name: Short name; also that of a folder.
        source: SOURCE, relative to the working directory.
        title: For people; the name where it is empty.
        set: Recipe keys for all methods on this data set.
        draw: How its training pictures are thinned out.
    """

    table: ClassVar[str] = "data"
    name: str
    source: str
    title: str = ""
    set: Settings = field(default_factory=lambda: NOTHING)
    draw: Draw | None = None


@dataclass(frozen=True)
class Method(_BenchmarkTable):
    """A contestant.

    Attributes:
        name: Short name; also that of a folder.
        loss: Its loss with options.
        title: For people; the name where it is empty.
        set: Recipe keys of its own, of those that `OWN` and `TUNED` name.
        trials: What tuning tries, recipe keys that `TUNED` names; those of the benchmark where the
            file names none.
    """

    table: ClassVar[str] = "method"
    name: str
    loss: Component
    title: str = ""
    set: Settings = field(default_factory=lambda: NOTHING)
    trials: tuple[Settings, ...] = ()


@dataclass(frozen=True)
class Floor(_BenchmarkTable):
    """What any method must beat, or the float ceiling, on the embeddings of a method.

    Attributes:
        name: ITQ or LSH codes of the embeddings, or their cosine.
        of: The method whose embeddings they are, of the same seed.
        title: For people; the name where it is empty.
    """

    table: ClassVar[str] = "floor"
    name: Literal["itq", "lsh", "cosine"]
    of: str
    title: str = ""


@dataclass(frozen=True)
class Benchmark(_BenchmarkTable):
    """Methods x data sets x code lengths x seeds.

    Attributes:
        base: Another benchmark's file, relative to this one's folder: whatever key at the top this
            file does not have is taken from there, and whatever it has replaces that key as a
            whole. Empty for none.
        title: For people.
        recipe: What every contestant shares: a shipped recipe or the path of a `.toml` file.
        ours: The method that the others are compared with.
        bits: Code lengths.
        seeds: Of the runs that are compared.
        tuning_seed: Of the trials; none of `seeds`.
        trials: What tuning tries for each method that names no trials of its own.
        shared: Recipe keys for everybody.
        data: The data sets.
        method: The methods.
        floor: Floors and ceiling.
    """

    title: str
    recipe: str
    ours: str
    bits: tuple[Count, ...]
    seeds: tuple[Seed, ...]
    data: tuple[DataSet, ...]
    method: tuple[Method, ...]
    floor: tuple[Floor, ...] = ()
    base: str = ""
    tuning_seed: Seed = 100
    trials: tuple[Settings, ...] = ()
    shared: Settings = field(default_factory=lambda: NOTHING)

    @property
    def tuning_bits(self) -> int:
        """The code length of the trials."""
        return TUNING_BITS if TUNING_BITS in self.bits else sorted(self.bits)[len(self.bits) // 2]

    def recipe_for(
        self, data: DataSet, method: Method, bits: int, tuned: Settings = NOTHING
    ) -> Recipe:
        """Return what decides the training of a method on a data set.

        Raises:
            RecipeError: An unknown key, a wrong type or a value out of range.
        """
        table = recipes.read(self.recipe)
        for key, value in {**self.shared, **data.set}.items():
            tables.put(table, key, deepcopy(value))  # a later key may lie inside of it
        table["loss"] = {"name": method.loss.name, **method.loss.options}
        for key, value in {**method.set, **tuned}.items():
            tables.put(table, key, value)
        tables.put(table, "model.bits", bits)
        tables.put(table, "model.decoder.on", False)  # it plays no part in retrieval
        return recipes.from_dict(table)


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
    _check_fairness(benchmark)
    _check_recipes(benchmark)
    return benchmark


def selected(benchmark: Benchmark, only: Mapping[str, Iterable[str]]) -> Benchmark:
    """Return the part of a benchmark with these data sets, methods, bits and seeds.

    Args:
        benchmark: The whole.
        only: For some of `data`, `method`, `bits` and `seed` the names to keep.

    Raises:
        RecipeError: There is no such part, or no such name in it.
    """
    parts = {
        "data": [d.name for d in benchmark.data],
        "method": [m.name for m in benchmark.method],
        "bits": [str(bits) for bits in benchmark.bits],
        "seed": [str(seed) for seed in benchmark.seeds],
    }
    for part, names in only.items():
        _require_known("part of a benchmark", part, list(parts))
        for name in names:
            _require_known(f"{part} of the benchmark", name, parts[part])
    kept = {part: set(only.get(part, names)) for part, names in parts.items()}
    return replace(
        benchmark,
        data=tuple(d for d in benchmark.data if d.name in kept["data"]),
        method=tuple(m for m in benchmark.method if m.name in kept["method"]),
        floor=tuple(f for f in benchmark.floor if f.of in kept["method"]),
        bits=tuple(b for b in benchmark.bits if str(b) in kept["bits"]),
        seeds=tuple(s for s in benchmark.seeds if str(s) in kept["seed"]),
    )


def with_sources(benchmark: Benchmark, sources: Mapping[str, str]) -> Benchmark:
    """Return the benchmark with other places for some data sets, by their names.

    Raises:
        RecipeError: There is no such data set.
    """
    names = [d.name for d in benchmark.data]
    for name in sources:
        _require_known("data of the benchmark", name, names)
    moved = (replace(d, source=sources.get(d.name, d.source)) for d in benchmark.data)
    return replace(benchmark, data=tuple(moved))


def _with_base(path: Path, above: tuple[Path, ...]) -> dict[str, Any]:
    """Return the tables of a file, completed by its base; `above` are the files that led here."""
    if path.resolve() in above:
        raise RecipeError(
            f"benchmark key base leads back to {path}; let it end at a file without a base"
        )
    table = _read(path)
    base = table.get("base")
    if not base or not isinstance(base, str):  # any other type is refused where all types are
        return table
    return _with_base(path.parent / base, (*above, path.resolve())) | table


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeError(
            f"there is no benchmark at {path}; give a .toml file that exists"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} is not valid TOML: {error}") from error


def _require_known(what: str, name: str, known: list[str]) -> None:
    if name not in known:
        raise RecipeError(
            f"{name!r} is no {what}, expected one of {', '.join(known)}.{suggestion(name, known)}"
        )


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
        _require_known("method of the benchmark", floor.of, methods)
        if floor.name in methods:
            raise RecipeError(f"{floor.name!r} names a method and a floor; rename the method")
    _require_known("method of the benchmark", benchmark.ours, methods)


def _check_fairness(benchmark: Benchmark) -> None:
    for key in (*benchmark.shared, *(key for d in benchmark.data for key in d.set)):
        if _is_below(key, OF_THE_METHODS):
            raise RecipeError(
                f"benchmark key {key!r} cannot be shared: bits and losses are listed in the "
                "benchmark, and no method has a decoder"
            )
    for method in benchmark.method:
        for key in method.set:
            if not _is_below(key, (*OWN, *TUNED)):
                raise RecipeError(
                    f"method {method.name!r} sets {key!r}, but fairness forbids that a method has "
                    "it to itself; move it to [shared], where every method gets it"
                )
        for key in (key for trial in method.trials for key in trial):
            if not _is_below(key, TUNED):
                raise RecipeError(
                    f"a trial of method {method.name!r} sets {key!r}, but fairness lets tuning "
                    f"choose only what lies at or below {', '.join(TUNED)}"
                )
    _check_trials(benchmark)


def _check_trials(benchmark: Benchmark) -> None:
    counts = {method.name: len(method.trials) for method in benchmark.method}
    if len(set(counts.values())) > 1 or max(counts.values()) > MOST_TRIALS:
        said = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise RecipeError(
            f"the methods have unequal or too many trials ({said}); fairness asks for the same "
            f"number for each, at most {MOST_TRIALS}"
        )
    if max(counts.values()) and benchmark.tuning_seed in benchmark.seeds:
        raise RecipeError(
            f"benchmark key tuning_seed is {benchmark.tuning_seed}, which is one of the seeds that "
            "are compared; give another, so that tuning sees none of the compared runs"
        )


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


def _is_below(key: str, keys: tuple[str, ...]) -> bool:
    return any(key == known or key.startswith(f"{known}.") for known in keys)

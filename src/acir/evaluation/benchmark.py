"""A benchmark: which methods learn from which pictures, under conditions that are the same for all.

What decides a run is laid down in this order: the recipe, what the benchmark shares, what belongs
to the data set, what belongs to the method, and what tuning chose. A method may only set what makes
it a method; anything else would be an advantage of its own.
"""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal

from acir import recipe as recipes
from acir import tables
from acir.data.draw import Draw
from acir.errors import RecipeError, suggestion
from acir.recipe import Recipe
from acir.tables import Component, Count, Range, Table

Settings = Mapping[str, object]
Seed = Annotated[int, Range(0)]

TUNING_BITS = 32  # where the benchmark has them, else the middle of its lengths

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
        block: A word that data sets of the same patients share; those of one source need none.
    """

    table: ClassVar[str] = "data"
    name: str
    source: str
    title: str = ""
    set: Settings = field(default_factory=lambda: NOTHING)
    draw: Draw | None = None
    block: str = ""

    def shares_patients_with(self, other: "DataSet") -> bool:
        """Whether both are of one source, or their block says that they show the same patients."""
        return self.source == other.source or (bool(self.block) and self.block == other.block)


@dataclass(frozen=True)
class Method(_BenchmarkTable):
    """A contestant.

    Attributes:
        name: Short name; also that of a folder.
        loss: Its loss with options.
        title: For people; the name where it is empty.
        set: Recipe keys of its own, of those that `acir.evaluation.fairness` allows.
        trials: What tuning tries, allowed likewise; those of the benchmark where the
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
        tuning_bits: Of the trials; 0 for 32, or the middle one of `bits` where 32 is none of them.
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
    tuning_bits: Annotated[int, Range(0)] = 0
    trials: tuple[Settings, ...] = ()
    shared: Settings = field(default_factory=lambda: NOTHING)

    @property
    def bits_of_trials(self) -> int:
        """The code length of the trials."""
        usual = TUNING_BITS if TUNING_BITS in self.bits else sorted(self.bits)[len(self.bits) // 2]
        return self.tuning_bits or usual

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


def selected(benchmark: Benchmark, only: Mapping[str, Iterable[str]]) -> Benchmark:
    """Return the part of a benchmark with these data sets, methods, bits and seeds.

    Tuning stays that of the whole, whatever part of it is run.

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
        require_known("part of a benchmark", part, list(parts))
        for name in names:
            require_known(f"{part} of the benchmark", name, parts[part])
    kept = {part: set(only.get(part, names)) for part, names in parts.items()}
    return replace(
        benchmark,
        data=tuple(d for d in benchmark.data if d.name in kept["data"]),
        method=tuple(m for m in benchmark.method if m.name in kept["method"]),
        floor=tuple(f for f in benchmark.floor if f.of in kept["method"]),
        bits=tuple(b for b in benchmark.bits if str(b) in kept["bits"]),
        seeds=tuple(s for s in benchmark.seeds if str(s) in kept["seed"]),
        tuning_bits=benchmark.bits_of_trials,
    )


def with_sources(benchmark: Benchmark, sources: Mapping[str, str]) -> Benchmark:
    """Return the benchmark with other places for some data sets, by their names.

    Raises:
        RecipeError: There is no such data set.
    """
    names = [d.name for d in benchmark.data]
    for name in sources:
        require_known("data of the benchmark", name, names)
    moved = (replace(d, source=sources.get(d.name, d.source)) for d in benchmark.data)
    return replace(benchmark, data=tuple(moved))


def require_known(what: str, name: str, known: list[str]) -> None:
    """Refuse a name that is none of some.

    Raises:
        RecipeError: It is none; the nearest is named.
    """
    if name not in known:
        raise RecipeError(
            f"{name!r} is no {what}, expected one of {', '.join(known)}.{suggestion(name, known)}"
        )

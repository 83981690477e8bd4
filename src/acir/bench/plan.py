"""What a benchmark of the index measures, as its file says."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from acir import tables
from acir.codes import BITS_PER_BYTE
from acir.errors import RecipeError
from acir.tables import Count, Positive, Range, Table

FILE = "benchmark"

Rows = Annotated[int, Range(1000)]  # below, a call costs more than a scan


class _PlanTable(Table):
    file: ClassVar[str] = FILE


@dataclass(frozen=True)
class Gallery(_PlanTable):
    """Codes that every engine searches.

    Attributes:
        codes: How they are drawn: around 64 centres as those of a trained model, or each bit by
            itself.
        rows: How many, at least 1,000.
        bits: Their length, a multiple of 8.
        rounds: Single queries of each contender.
        batch: Queries of one call.
        batch_rounds: Such calls of each contender.
        leave_out: Engines that would take too long.
    """

    table: ClassVar[str] = "gallery"
    codes: Literal["clustered", "uniform"]
    rows: Rows
    bits: Count
    rounds: Count
    batch: Count = 100
    batch_rounds: Count = 3
    leave_out: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of its result."""
        return f"{self.codes}-{self.rows}x{self.bits}"


@dataclass(frozen=True)
class Stored(_PlanTable):
    """An index on disk, with clustered codes.

    Attributes:
        rows: Pictures, at least 1,000.
        bits: Length of the codes.
        dim: Length of the embeddings.
        rounds: Repetitions.
        engine: What searches it.
    """

    table: ClassVar[str] = "store"
    rows: Rows
    bits: Count
    dim: Count
    rounds: Count
    engine: str = "faiss"

    @property
    def name(self) -> str:
        """The name of its result."""
        return f"store-{self.rows}x{self.bits}-{self.engine}"


@dataclass(frozen=True)
class Growth(_PlanTable):
    """A gallery too large to measure, whose needs follow from what was measured.

    Attributes:
        images: Pictures.
        bits: Length of the codes; a gallery and an index of this length have to be measured.
        answer_seconds: How long one core may scan for a query.
        core_month: Price of a core.
        memory_gb_month: Price of a gigabyte of memory.
        disk_gb_month: Price of a gigabyte of disk.
        currency: Of the prices, which are assumptions.
    """

    table: ClassVar[str] = "growth"
    images: Count = 1_000_000_000
    bits: Count = 64
    answer_seconds: Positive = 0.25
    core_month: Positive = 20.0
    memory_gb_month: Positive = 3.0
    disk_gb_month: Positive = 0.1
    currency: str = "USD"


@dataclass(frozen=True)
class Plan(_PlanTable):
    """All cases.

    Attributes:
        title: For people.
        k: Neighbours wanted.
        queries: Different queries, which the rounds take in turn.
        seed: Of codes, filters and queries.
        gallery: Codes for all engines.
        store: Indexes on disk.
        growth: What is worked out from the rest.

    Raises:
        RecipeError: Codes do not fill bytes, or two cases have one name.
    """

    title: str
    gallery: tuple[Gallery, ...]
    store: tuple[Stored, ...] = ()
    growth: Growth = field(default_factory=Growth)
    k: Count = 100
    queries: Count = 100
    seed: Annotated[int, Range(0)] = 0

    def __post_init__(self) -> None:
        """Refuse lengths that do not fill bytes, and two cases of one name."""
        super().__post_init__()
        cases: tuple[Gallery | Stored, ...] = (*self.gallery, *self.store)
        names = [case.name for case in cases]
        for case in cases:
            if case.bits % BITS_PER_BYTE:
                raise RecipeError(
                    f"benchmark key {case.table}.bits is {case.bits}, expected a multiple of 8"
                )
            if names.count(case.name) > 1:
                raise RecipeError(f"the benchmark has {case.name} twice; leave one out")


def load(path: Path) -> Plan:
    """Read and check a benchmark.

    Raises:
        RecipeError: No such file, broken TOML, an unknown key, a wrong type, a value out of range.
    """
    return tables.build(Plan, tables.read(path, "benchmark"), FILE)

"""What a gallery too large to measure would need, worked out from what was measured."""

from collections.abc import Iterable, Iterator, Mapping
from math import ceil
from typing import Any

from acir.bench.plan import Growth

Case = Mapping[str, Any]
GIGABYTE = 1e9
DAY = 86_400
ENGINES = ("numba", "faiss")  # of those that keep all codes in memory and look at each


def page(results: Mapping[str, Any], growth: Growth) -> str | None:
    """Write the plan, or return None where no gallery and index of its length were measured."""
    cases = results["cases"].values()
    fitting = [case for case in cases if case["bits"] == growth.bits]
    galleries = [c for c in fitting if "engines" in c and {*ENGINES} & {*c["engines"]}]
    stores = [case for case in fitting if "change" in case]
    if not (galleries and stores):
        return None
    return "\n".join(_page(_largest(galleries), _largest(stores), growth))


def _largest(cases: Iterable[Case]) -> Case:
    return max(cases, key=lambda case: int(case["rows"]))


def _page(gallery: Case, store: Case, growth: Growth) -> Iterator[str]:
    on = gallery["conditions"]
    yield from (
        f"# On paper: {growth.images:,} images",
        "",
        "<!-- Written by acir bench index; do not edit. -->",
        "",
        f"Nobody has measured this. It multiplies what was measured with {gallery['rows']:,} codes "
        f"of {gallery['bits']} bits (search) and {store['rows']:,} pictures with embeddings of "
        f"{store['dim']} dimensions (store), on one thread ({on['cpu']['name']}, {on['date']}). A "
        "scan reads every code, so time and memory grow with the rows. Not foreseen are cores that "
        "share the speed of memory, the network between shards, and copies for the case that a "
        "machine fails.",
        "",
        "## Measured",
        "",
        "| | a row |",
        "|---|---|",
        f"| reading the codes | {_ns(gallery['figures']['read'], gallery):.3f} ns |",
    )
    for name in _engines(gallery):
        figures = gallery["figures"]
        yield f"| `{name}`, one query | {_ns(figures[f'{name} knn'], gallery):.3f} ns |"
        yield f"| `{name}`, a query of a batch | {_ns(figures[f'{name} batch'], gallery):.3f} ns |"
    yield f"| memory: code and its place in the index | {_memory(store):.0f} bytes |"
    yield f"| disk | {_disk(store):.0f} bytes |"
    yield f"| adding | {1e6 / store['rows_a_second']:.0f} us |"
    yield f"| opening | {_ns(store['open'], store):.0f} ns |"
    yield from _needed(gallery, store, growth)


def _needed(gallery: Case, store: Case, growth: Growth) -> Iterator[str]:
    memory = growth.images * _memory(store) / GIGABYTE
    disk = growth.images * _disk(store) / GIGABYTE
    yield from (
        "",
        f"## Needed for {growth.images:,}",
        "",
        f"A shard is an index of its own on one core; its rows are as many as a core scans in "
        f"{growth.answer_seconds:g} s. A query goes to all shards at once, and their answers are "
        "merged by (distance, id), which keeps the order exact.",
        "",
        f"| | {' | '.join(f'`{name}`' for name in _engines(gallery))} |",
        f"|---|{'---|' * len(_engines(gallery))}",
    )
    columns = [_column(gallery, store, growth, name) for name in _engines(gallery)]
    for label in columns[0]:
        yield f"| {label} | {' | '.join(column[label] for column in columns)} |"
    yield from (
        "",
        f"Memory {memory:,.0f} GB and disk {disk:,.0f} GB in all, whatever the engine. Prices are "
        f"assumptions: {growth.core_month:g} {growth.currency} a core, {growth.memory_gb_month:g} "
        f"a gigabyte of memory and {growth.disk_gb_month:g} of disk, each for a month.",
        "",
    )


def _column(gallery: Case, store: Case, growth: Growth, name: str) -> dict[str, str]:
    one = _ns(gallery["figures"][f"{name} knn"], gallery) / 1e9
    batch = _ns(gallery["figures"][f"{name} batch"], gallery) / 1e9
    rows = round(growth.answer_seconds / one)
    shards = ceil(growth.images / rows)
    here = min(rows, growth.images)
    gigabytes = growth.images * _memory(store) / GIGABYTE
    month = (
        shards * growth.core_month
        + gigabytes * growth.memory_gb_month
        + growth.images * _disk(store) / GIGABYTE * growth.disk_gb_month
    )
    return {
        "rows of a shard": f"{rows:,}",
        "shards, one core each": f"{shards:,}",
        "memory of a shard": f"{here * _memory(store) / GIGABYTE:,.1f} GB",
        "opening a shard": f"{here * _ns(store['open'], store) / 1e9:,.0f} s",
        "filling all shards, each by its own core": (
            f"{here / store['rows_a_second'] / DAY:,.1f} days"
        ),
        "queries a second, in batches": f"{1 / (batch * here):,.0f}",
        "a month": f"{month:,.0f} {growth.currency}",
    }


def _engines(gallery: Case) -> list[str]:
    return [name for name in ENGINES if name in gallery["engines"]]


def _ns(one: Case, case: Case) -> float:
    """Return nanoseconds a row, by the median: a plan should not rest on the best round."""
    return float(one["median_ms"]) * 1e6 / int(case["rows"])


def _memory(store: Case) -> float:
    # Where the system does not say: the code twice, in the gallery and in the engine, and its key.
    least = 2 * int(store["bits"]) / 8 + 8
    measured = store["memory_bytes"] or 0
    return max(least, measured / int(store["rows"]))


def _disk(store: Case) -> float:
    return int(store["bytes"]) / int(store["rows"])

"""The results of a benchmark of the index as Markdown."""

from collections.abc import Iterator, Mapping
from typing import Any

from acir.bench.references import BARE, NUMPY, READ

Case = Mapping[str, Any]
MEGABYTE = 1e6
REFERENCES = (READ, BARE, NUMPY)
RERANKED = {"met": "met before", "warm": "warm", "cold": "cold"}


def page(results: Mapping[str, Any]) -> str:
    """Write all cases, each with the conditions under which it was measured."""
    lines = [
        f"# {results['title']}",
        "",
        "One thread. Times are of one query, in milliseconds: the best of interleaved rounds, and "
        "the median in parentheses. Only ratios within a case can be compared; `x read` is the "
        "multiple of the time that reading all codes once takes, `x FAISS` that of bare FAISS with "
        f"the same kind of question. {results['k']} neighbours; a radius of an eighth of the bits.",
    ]
    for name, case in results["cases"].items():
        lines += ["", f"## {name}", "", _conditions(case["conditions"]), ""]
        lines += _stored(case) if "change" in case else _gallery(case)
    return "\n".join([*lines, ""])


def _conditions(found: Case) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    return (
        f"{found['date']}; {found['cpu']['name']} ({' '.join(found['cpu']['flags'])}), "
        f"{found['cores']} cores, load {found['load']}; {found['system']} {found['machine']}, "
        f"Python {found['python']}, {versions}."
    )


def _gallery(case: Case) -> Iterator[str]:
    figures, kinds = case["figures"], case["engines"]
    served = {name for name, kind in kinds.items() if kind["on_server"]}
    yield f"{case['rows']:,} codes of {case['bits']} bits, read by {case['read_by']}."
    yield from ("", "| | ms | x read | x FAISS | x numpy |", "|---|---|---|---|---|")
    here = [name for name in figures if name.split(" ")[0] not in served]
    yield from (_row(name, figures[name], ("to_read", "to_faiss", "to_numpy")) for name in here)
    yield from ("", "| engine | build | memory | recall | answers as numpy's |")
    yield "|---|---|---|---|---|"
    for name, kind in kinds.items():
        yield (
            f"| {name} | {kind['build_seconds']:.2f} s | {_megabytes(kind['memory_bytes'])} | "
            f"{kind['recall']:.4g} | {kind['as_numpy']:.0%} |"
        )
    if served:
        yield from ("", "In processes of their own, on as many cores as they like:")
        yield from ("", "| | ms |", "|---|---|")
        yield from (_row(name, figures[name], ()) for name in figures if name not in here)


def _stored(case: Case) -> Iterator[str]:
    rerank, change, first = case["rerank"], case["change"], case["open"]["first_ms"]
    yield (
        f"{case['rows']:,} pictures of {case['bits']} bits and {case['dim']} dimensions, searched "
        f"by `{case['engine']}`."
    )
    yield from ("", "| | ms | x FAISS |", "|---|---|---|")
    yield from (_row(name, one, ("to_faiss",)) for name, one in case["figures"].items())
    yield from ("", "| | |", "|---|---|")
    yield (
        f"| adding in bulk | {case['rows_a_second']:,.0f} rows/s, {case['to_sqlite']:.2f} of the "
        "time that SQLite alone takes for the same bytes |"
    )
    a_row = case["bytes"] / case["rows"]
    yield f"| on disk | {_megabytes(case['bytes'])}, {a_row:.0f} bytes a row |"
    yield f"| in memory | {_megabytes(case['memory_bytes'])} |"
    yield f"| opening, with the engine | {_time(case['open'])} ms, first {first:.0f} ms |"
    yield f"| adding one picture | {_time(change['add_one'])} ms |"
    yield f"| deleting one picture | {_time(change['delete_one'])} ms |"
    yield f"| the engine's answer after a change | {_time(change['next_query'])} ms |"
    for kind, where in RERANKED.items():
        if kind in rerank:
            yield f"| re-ranking {rerank['rows']:,}, {where} | {_time(rerank[kind])} ms |"


def _row(name: str, one: Case, others: tuple[str, ...]) -> str:
    multiples = (f"{one[o]['best']:.2f} ({one[o]['median']:.2f})" for o in others)
    return f"| {' | '.join([name, _time(one), *multiples])} |"


def _time(one: Case) -> str:
    return f"{one['best_ms']:.3f} ({one['median_ms']:.3f})"


def _megabytes(count: int | None) -> str:
    return "not known here" if count is None else f"{count / MEGABYTE:,.1f} MB"

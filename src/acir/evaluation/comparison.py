"""From the records of runs to tables."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HAMMING, RERANKED = "hamming", "reranked"
COLUMNS = ("data", "method", "bits", "seed", "order", "metric", "value")


@dataclass(frozen=True)
class Value:
    """One number of one run."""

    data: str
    method: str
    bits: int
    seed: int
    order: str
    metric: str
    value: float


def tidy(records: Iterable[Mapping[str, Any]]) -> Iterator[Value]:
    """Yield the numbers of the runs that were possible, one by one.

    A number inside a table of its record is called `table/number`. What has no order, such as the
    seconds of the training, stands in the order `hamming`, which needs nothing but the codes.
    """
    for record in records:
        if record["status"] != "done":
            continue
        run = (record["data"], record["method"], record["bits"], record["seed"])
        orders = {HAMMING: dict(record["test"])}
        orders[RERANKED] = orders[HAMMING].pop(RERANKED)
        orders[HAMMING] |= {key: record[key] for key in ("seconds", "views", "parameters")}
        for order, values in orders.items():
            for metric, value in _numbers(values):
                yield Value(*run, order, metric, value)


def write_csv(path: Path, values: Iterable[Value]) -> None:
    """Write a row a number."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows([*vars(value).values()] for value in values)


def _numbers(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, float]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{above}{key}/")
        elif isinstance(value, int | float):
            yield f"{above}{key}", float(value)

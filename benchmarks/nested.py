r"""One training whose first bits are codes too, beside a training for each length.

    python benchmarks/nested.py benchmarks/small.toml --data hard --split test \
        --tuning benchmarks/results/small/tuning.json --out benchmarks/results/nested.json

Our method of a benchmark is trained for each length (`own`). Of the training for the longest code
the first bits are asked as they are (`cut`), and those of one with `model.head.nested` (`nested`).
All figures are mAP of codes over the whole gallery, a number a seed; `nested` is set against `own`
query by query. Choose by `--split val`; `--split test` reads the test pictures.
"""

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from acir import recipe as recipes
from acir.codes import BITS_PER_BYTE
from acir.evaluation import benchmark_file
from acir.evaluation.benchmark import Benchmark, DataSet, Settings
from acir.evaluation.claims import holm
from acir.evaluation.protocol import CodedSet
from acir.evaluation.significance import compare
from acir.metrics.retrieval import average_precision
from acir.metrics.ties import by_distance
from acir.types import silent
from acir.workflows import records
from acir.workflows.comparing.contest import Entry, Place, train
from acir.workflows.comparing.pictures import keep_exam, keep_lessons, open_exam, open_lessons
from acir.workflows.learning import coded

LENGTHS = (8, 16, 32, 64, 128)
LONGEST = LENGTHS[-1]

Scores = Mapping[
    tuple[str, int], list[Float[np.ndarray, " queries"]]
]  # by kind and length, a seed each


class Contest:
    """Our method on the pictures of one data set.

    Args:
        benchmark: Whose method it is.
        data: The data set.
        tuned: What tuning chose for it.
        scratch: Where the pictures are kept.
        split: The pictures that ask, `val` or `test`.
    """

    def __init__(
        self, benchmark: Benchmark, data: DataSet, tuned: Settings, scratch: Path, split: str
    ) -> None:
        self.benchmark, self.data, self.tuned, self.scratch = benchmark, data, tuned, scratch
        (self.method,) = (m for m in benchmark.method if m.name == benchmark.ours)
        self.lessons, exam = scratch / f"{data.name}.npz", scratch / f"{data.name}-test.npz"
        recipe = benchmark.recipe_for(data, self.method, LONGEST, tuned)
        keep_lessons(data, recipe, self.lessons, download=False, progress=silent, say=print)
        if split == "test":
            keep_exam(data, self.lessons, exam, download=False, progress=silent)
        lessons = open_lessons(self.lessons)
        self.gallery, self.queries = (
            lessons.train,
            lessons.val if split == "val" else open_exam(exam),
        )

    def scores(self, seed: int) -> Iterator[tuple[str, int, Float[np.ndarray, " queries"]]]:
        """Train each length, and the longest nested; yield kind, bits and the AP of each query."""
        for bits in LENGTHS:
            gallery, queries = self._coded(bits, seed, nested=False)
            yield "own", bits, _precision(gallery, queries, bits)
        for bits in LENGTHS:  # of the longest, which is the last
            yield "cut", bits, _precision(gallery, queries, bits)
        gallery, queries = self._coded(LONGEST, seed, nested=True)
        for bits in LENGTHS:
            yield "nested", bits, _precision(gallery, queries, bits)

    def _coded(self, bits: int, seed: int, *, nested: bool) -> tuple[CodedSet, CodedSet]:
        recipe = self.benchmark.recipe_for(self.data, self.method, bits, self.tuned)
        table = recipes.to_dict(recipe)
        table["model"]["head"]["nested"] = nested
        entry = Entry(self.data.name, self.method.name, seed, table, {}, self.lessons, key="")
        encoder, _ = train(entry, Place("cpu", torch.get_num_threads(), self.scratch))
        gallery = coded(encoder, self.gallery.images, self.gallery.pixel_hashes)
        queries = coded(encoder, self.queries.images, self.queries.pixel_hashes)
        return gallery, queries.without(gallery)


def measured(contest: Contest, seeds: tuple[int, ...]) -> dict[str, Any]:
    """Return mAP by kind, length and seed, and what nesting costs at each length."""
    found: dict[tuple[str, int], list[Float[np.ndarray, " queries"]]] = {}
    for seed in seeds:
        for kind, bits, scores in contest.scores(seed):
            found.setdefault((kind, bits), []).append(scores)
            print(contest.data.name, seed, kind, bits, f"{scores.mean():.4f}", flush=True)  # noqa: T201
    paired = [
        compare(np.stack(found["nested", bits]), np.stack(found["own", bits])) for bits in LENGTHS
    ]
    adjusted = holm(np.array([one.p for one in paired]))
    return {
        "queries": paired[0].queries,
        "mAP": {
            kind: {bits: [float(s.mean()) for s in found[kind, bits]] for bits in LENGTHS}
            for kind in ("own", "cut", "nested")
        },
        "nested_minus_own": {
            bits: {
                "difference": one.difference,
                "interval": [one.low, one.high],
                "p_holm": float(p),
            }
            for bits, one, p in zip(LENGTHS, paired, adjusted, strict=True)
        },
    }


def _precision(gallery: CodedSet, queries: CodedSet, bits: int) -> Float[np.ndarray, " queries"]:
    first = slice(bits // BITS_PER_BYTE)
    groups = by_distance(
        queries.codes[:, first], queries.labels, gallery.codes[:, first], gallery.labels
    )
    return average_precision(groups)


def main() -> None:
    """Measure the data sets asked for; write the result."""
    parser = argparse.ArgumentParser()
    parser.add_argument("benchmark", type=Path)
    parser.add_argument("--data", action="append", required=True)
    parser.add_argument("--split", choices=("val", "test"), default="val")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--tuning", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    benchmark = benchmark_file.load(asked.benchmark)
    chosen = json.loads(asked.tuning.read_text(encoding="utf-8"))
    result: dict[str, Any] = {"split": asked.split, "seeds": asked.seeds, "data": {}}
    with TemporaryDirectory() as scratch:
        for data in benchmark.data:
            if data.name in asked.data:
                tuned = chosen[data.name][benchmark.ours]["set"]
                contest = Contest(benchmark, data, tuned, Path(scratch), asked.split)
                result["data"][data.name] = measured(contest, tuple(range(asked.seeds)))
                records.write(asked.out, result)


if __name__ == "__main__":
    main()

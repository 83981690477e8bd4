"""The numba engine where it differs from the others: long answers, large batches, other CPUs."""

import os
import subprocess
import sys
from pathlib import Path
from typing import no_type_check

import numpy as np
import pytest
from jaxtyping import UInt8
from numba.core.caching import CacheImpl

from acir import registry
from acir.errors import UsageError
from acir.index import engines, kernel
from acir.index.engines.base import Engine

PLAIN_CHECK = """
import numpy as np
from acir.index import engines, kernel
rng = np.random.default_rng(0)
codes = rng.integers(0, 256, (1000, 24), dtype=np.uint8)
exact = np.bitwise_count(codes ^ codes[0]).sum(axis=1, dtype=np.int64)
order = np.lexsort((np.arange(1000), exact))[:50]
distances, rows = engines.get("numba")(codes).knn(codes[:1], 50)
assert (rows[0] == order).all() and (distances[0] == exact[order]).all()
kept = len(kernel.scan.stats.cache_hits)
if not kept:  # what comes from the disk cannot be looked into
    (assembly,) = kernel.scan.inspect_asm().values()
    assert "popcnt" not in assembly
print(kept)
"""


def engine_of(codes: UInt8[np.ndarray, "n bytes"]) -> Engine:
    return registry.build(engines.get("numba"), {}, codes=codes)


def test_each_code_nearer_than_all_before_it_enters_the_answer() -> None:
    n, bits = 3_000, 512
    steps = np.arange(n)[::-1] * bits // n  # falling distances: none can be passed over
    codes = np.packbits(np.arange(bits) < steps[:, None], axis=1)
    distances, rows = engine_of(codes).knn(np.zeros((1, bits // 8), np.uint8), 10)
    order = np.lexsort((np.arange(n), steps))[:10]
    assert rows[0].tolist() == order.tolist()
    assert distances[0].tolist() == steps[order].tolist()


def test_a_batch_of_thousands_is_answered_as_its_queries_alone_are() -> None:
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 256, (130, 8), dtype=np.uint8)
    queries = rng.integers(0, 256, (2_100, 8), dtype=np.uint8)
    engine = engine_of(codes)
    distances, rows = engine.knn(queries, 7)
    exact = np.bitwise_count(queries[:, None] ^ codes).sum(axis=2, dtype=np.int64)
    order = np.argsort(exact, axis=1, kind="stable")[:, :7]
    assert (rows == order).all()
    assert (distances == np.take_along_axis(exact, order, axis=1)).all()
    assert len(engine.within(queries, 64)) == 2_100
    assert all(len(found) == 130 for _, found in engine.within(queries[-1100:], 64))


def test_more_codes_than_it_can_number_are_refused() -> None:
    codes = np.broadcast_to(np.zeros((1, 8), np.uint8), (2**32 + 1, 8))
    with pytest.raises(UsageError, match=r"at most 4294967296 codes, 4294967297 were given"):
        engine_of(codes)


def test_a_cpu_without_vector_popcount_gives_the_same_answers_and_the_code_is_kept(
    tmp_path: Path,
) -> None:
    plain = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": "", "NUMBA_CACHE_DIR": tmp_path}
    environment = os.environ | {key: str(value) for key, value in plain.items()}
    for kept in (0, 1):
        done = subprocess.run(
            [sys.executable, "-c", PLAIN_CHECK],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout == f"{kept}\n", done.stderr


def test_where_nothing_can_be_kept_it_is_compiled_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(CacheImpl, "_locator_classes", [])
    assert kernel.compiled(no_type_check(lambda a, b: a * b))(3, 4) == 12

"""What the suites of the engines share: galleries full of ties, engines, and a plain reference."""

from collections.abc import Callable

import numpy as np
import pytest
from jaxtyping import Bool, UInt8

from acir import registry
from acir.errors import ComponentError
from acir.index import engines
from acir.index.engines.base import Engine, Found
from made_servers import Server

Pairs = list[tuple[int, int]]
Codes = UInt8[np.ndarray, "n bytes"]
Keys = np.ndarray
Mask = Bool[np.ndarray, " n"]


class Maker:
    """Builds engines of one kind; those of a server share a collection for each length."""

    def __init__(self, name: str, server: Server | None) -> None:
        self.name, self.kind, self.server = name, engines.get(name), server

    def __call__(self, codes: Codes, keys: Keys | None = None, collection: str = "acir") -> Engine:
        given: dict[str, object] = {"codes": codes}
        if self.server is not None:
            # As a store numbers pictures whose ids do not ascend with time.
            numbered = np.random.default_rng(0).permutation(len(codes)) * 3 + 1
            given["keys"] = numbered if keys is None else keys
            given["server"] = self.server.address
            given["collection"] = f"{collection}_{codes.shape[1]}"
        return registry.build(self.kind, {}, **given)


def maker_of(name: str, server_of: Callable[[str], Server | None]) -> Maker:
    """Give what builds engines of one kind; skip where its library is missing."""
    try:
        engines.get(name)
    except ComponentError as error:
        pytest.skip(f"{error}; its suite runs in an environment of its own, see make services")
    return Maker(name, server_of(name))


def crowded(seed: int, rows: int, bits: int) -> tuple[Codes, Codes]:
    """Draw a gallery around four centres, so that most distances tie, and queries from it."""
    rng = np.random.default_rng(seed)
    centres = rng.integers(0, 256, (4, bits // 8), dtype=np.uint8)
    flips = rng.random((rows, bits)) < 0.02
    codes = centres[rng.integers(0, 4, rows)] ^ np.packbits(flips, axis=1)
    return codes, np.vstack([centres[:2], rng.integers(0, 256, (1, bits // 8), dtype=np.uint8)])


def sorted_pairs(
    query: UInt8[np.ndarray, " bytes"], codes: Codes, allow: Mask | None = None
) -> Pairs:
    """Sort (distance, row) of all rows allowed, distances counted as ones in a Python integer."""
    asked = int.from_bytes(query.tobytes(), "big")
    return sorted(
        ((asked ^ int.from_bytes(code.tobytes(), "big")).bit_count(), row)
        for row, code in enumerate(codes)
        if allow is None or allow[row]
    )


def pairs(found: Found) -> Pairs:
    distances, rows = found
    return list(zip(distances.tolist(), rows.tolist(), strict=True))


def tied(expected: Pairs, k: int) -> Pairs:
    """Cut a sorted list after the last that ties with the k-th."""
    if k == 0 or not expected:
        return []
    last = expected[min(k, len(expected)) - 1][0]
    return [pair for pair in expected if pair[0] <= last]


def drawn_mask(seed: int, rows: int, share: float | None) -> Mask | None:
    return None if share is None else np.random.default_rng(seed).random(rows) < share


def assert_agrees(engine: Engine, codes: Codes, queries: Codes, k: int, allow: Mask | None) -> None:
    """Compare k-NN and its class of ties with the reference."""
    distances, found = engine.knn(queries, k, allow)
    complete = engine.tie_complete(queries, k, allow)
    assert len(complete) == len(distances) == len(found) == len(queries)
    for i, query in enumerate(queries):
        expected = sorted_pairs(query, codes, allow)
        assert pairs((distances[i], found[i])) == expected[:k]
        assert pairs(complete[i]) == tied(expected, k)

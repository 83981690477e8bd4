"""What engines are set in relation to."""

import numpy as np
import pytest

from acir.bench import references
from acir.bench.drawn import Drawn
from acir.bench.references import NUMBA_SUM, NUMPY_SUM, nearest, radius_of, reading
from acir.errors import ComponentError
from acir.index import engines


def test_the_nearest_are_those_that_counting_bits_one_by_one_finds() -> None:
    codes = np.random.default_rng(0).integers(0, 256, (200, 2), dtype=np.uint8)
    distances, rows = nearest(codes, codes[3], 30)
    counted = [sum(bin(a ^ b).count("1") for a, b in zip(c, codes[3], strict=True)) for c in codes]
    expected = sorted((d, row) for row, d in enumerate(counted))[:30]
    assert list(zip(distances.tolist(), rows.tolist(), strict=True)) == expected


def test_reading_looks_at_every_word() -> None:
    codes = np.random.default_rng(0).integers(0, 256, (100, 16), dtype=np.uint8)
    how, read = reading(codes)
    assert how == NUMBA_SUM
    assert read() == codes.view(np.uint64).sum()


def test_without_numba_numpy_reads_and_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ComponentError(f"{name} is missing")

    monkeypatch.setattr(engines, "get", missing)
    codes = np.full((3, 8), 1, dtype=np.uint8)
    how, read = reading(codes)
    assert how == NUMPY_SUM
    assert read() == 3 * 0x0101010101010101


def test_bare_faiss_is_asked_for_a_radius_that_includes_its_end() -> None:
    assert radius_of(64) == 8
    codes = np.array([[0, 0], [0, 3], [0, 7]], dtype=np.uint8)  # 0, 2 and 3 of 16 bits
    drawn = Drawn(codes, codes[:1], np.zeros(3, np.int64))
    works = references.references(drawn, 2, references.bare_faiss(codes), lambda: None)
    found = works["bare FAISS radius"](0)
    assert isinstance(found, tuple)
    assert sorted(found[2].tolist()) == [0, 1]

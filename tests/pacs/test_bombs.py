"""Bombs are refused by what their headers say, before anything unpacks them."""

import json
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from statistics import median

import pytest

from acir.bench.conditions import conditions
from acir.errors import UnreadableImageError
from acir.pacs import reader
from acir.pacs.guard import Pool
from made_bombs import GREY, bombs

KEY = bytes(range(32))
RESULTS = Path(__file__).parents[2] / "benchmarks" / "results" / "dicom_bombs.json"
REASONS = {
    "deflate, 2 GB": "it inflates 200-fold, as a decompression bomb does",
    "RLE of 65535 x 65535": "it has more than 89,478,485 pixels",
    "RLE that unpacks 64-fold": "its compressed pixels are too many for its size",
    "JPEG 2000 of 65535 x 65535": "it has more than 89,478,485 pixels",
    "JPEG 2000, harmless header": "its compressed pixels are damaged or of another size",
    "JPEG, harmless header": "its compressed pixels are damaged or of another size",
    "JPEG-LS, harmless header": "its compressed pixels are damaged or of another size",
    "2 million frames": "it has more than 5,000 frames",
    "5,000 frames of 64 MB": "its frames take more than 512 MiB when decoded",
    "zip, 256 MB": "its content is not DICOM",
}

MakeDicom = Callable[..., bytes]


@pytest.fixture(scope="module")
def all_bombs(make_dicom: MakeDicom) -> dict[str, bytes]:
    made = bombs(make_dicom)
    assert made.keys() == REASONS.keys()
    assert max(map(len, made.values())) < 5 * 2**20
    return made


@pytest.mark.parametrize("name", REASONS)
def test_a_bomb_is_refused_before_it_unpacks(all_bombs: dict[str, bytes], name: str) -> None:
    tracemalloc.start()
    with pytest.raises(UnreadableImageError, match=REASONS[name]):
        reader.read(all_bombs[name], KEY, "a")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 * 2**20


def test_no_bomb_costs_a_child(all_bombs: dict[str, bytes]) -> None:
    with Pool(workers=1) as pool:
        for name, data in all_bombs.items():
            with pytest.raises(UnreadableImageError, match=REASONS[name]):
                pool.read(data, KEY, "a")
        assert pool.replaced == 0


@pytest.mark.soak
def test_how_long_a_bomb_takes_is_written_down(
    all_bombs: dict[str, bytes], make_dicom: MakeDicom
) -> None:
    times: dict[str, list[float]] = {name: [] for name in all_bombs}
    with Pool(workers=1) as pool:
        pool.read(make_dicom(GREY), KEY, "a")  # a service's child is warm
        for _ in range(10):
            for name, data in all_bombs.items():
                begin = time.perf_counter()
                with pytest.raises(UnreadableImageError, match=REASONS[name]):
                    pool.read(data, KEY, "a")
                times[name].append((time.perf_counter() - begin) * 1000)
    found = {
        name: {
            "bytes": len(all_bombs[name]),
            "ms": round(median(ms), 1),
            "worst_ms": round(max(ms), 1),
        }
        for name, ms in times.items()
    }
    text = json.dumps({"conditions": conditions(), "bombs": found}, indent=1)
    RESULTS.write_text(text + "\n", encoding="utf-8")

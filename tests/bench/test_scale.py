"""What a gallery too large to measure would need."""

import pytest
from made_results import gallery, results, store

from acir.bench.plan import Growth
from acir.bench.scale import page

GROWTH = Growth(
    images=1_000_000_000,
    answer_seconds=0.25,
    core_month=20.0,
    memory_gb_month=3.0,
    disk_gb_month=0.1,
)


def test_needs_follow_from_what_a_row_takes() -> None:
    text = page(results(clustered=gallery(), store=store()), GROWTH)
    assert text is not None
    rows = {
        line.split("|")[1].strip(): line.split("|")[2:-1]
        for line in text.splitlines()
        if "|" in line
    }
    cells = {label: [cell.strip() for cell in row] for label, row in rows.items()}
    assert cells["`numba`, one query"] == ["0.500 ns"]
    assert cells["memory: code and its place in the index"] == ["30 bytes"]
    # numba scans 0.25 s / 0.5 ns = 500 million codes, FAISS 250 million.
    assert cells["rows of a shard"] == ["500,000,000", "250,000,000"]
    assert cells["shards, one core each"] == ["2", "4"]
    assert cells["memory of a shard"] == ["15.0 GB", "7.5 GB"]
    assert cells["opening a shard"] == ["200 s", "100 s"]  # 400 ns a row
    # 500 million rows at 100,000 a second are 5,000 s.
    assert cells["filling all shards, each by its own core"] == ["0.1 days", "0.0 days"]
    # A batched query of a shard takes 0.25 ns and 2 ns a row.
    assert cells["queries a second, in batches"] == ["8", "2"]
    # 30 GB of memory at 3, 500 GB of disk at 0.1, and 20 for each core.
    assert cells["a month"] == ["180 USD", "220 USD"]
    assert "Memory 30 GB and disk 500 GB in all" in text


def test_the_largest_that_was_measured_counts() -> None:
    small, large = gallery(100_000), gallery(10_000_000)
    text = page(results(a=large, b=small, c=store(1000), d=store(2000)), GROWTH)
    assert text is not None
    assert "10,000,000 codes of 64 bits (search) and 2,000 pictures" in text


def test_where_memory_is_not_known_codes_and_keys_are_counted() -> None:
    case = store() | {"memory_bytes": None}
    text = page(results(a=gallery(), b=case), GROWTH)
    assert text is not None
    assert "| memory: code and its place in the index | 24 bytes |" in text


@pytest.mark.parametrize(
    "cases", [{"a": gallery()}, {"b": store()}, {"a": gallery(bits=128), "b": store()}]
)
def test_without_a_gallery_and_an_index_of_this_length_there_is_no_plan(
    cases: dict[str, dict[str, object]],
) -> None:
    assert page(results(**cases), GROWTH) is None

"""The results as Markdown."""

from made_results import figure, gallery, kind, results, store

from acir.bench.report import page


def test_times_and_multiples_stand_beside_the_conditions() -> None:
    text = page(results(clustered=gallery()))
    assert "2026-11-28 12:00 UTC; Some CPU (avx2), 2 cores, load [0.1, 0.2, 0.3]" in text
    assert "1,000,000 codes of 64 bits, read by a compiled sum of words." in text
    row = "| faiss knn | 0.500 (1.000) | 2.00 (3.00) | 2.00 (3.00) | 2.00 (3.00) |"
    assert row in text.splitlines()
    assert "| numba | 1.50 s | 8.0 MB | 1 | 100% |" in text.splitlines()
    assert "processes of their own" not in text


def test_servers_are_kept_apart_and_without_multiples() -> None:
    case = gallery()
    case["engines"]["milvus"] = kind(on_server=True) | {"memory_bytes": None}
    case["figures"]["milvus knn"] = figure(5.0)
    lines = page(results(clustered=case)).splitlines()
    assert lines.index("| milvus knn | 2.500 (5.000) |") > lines.index(
        "In processes of their own, on as many cores as they like:"
    )
    assert "| milvus | 1.50 s | not known here | 1 | 100% |" in lines


def test_an_index_on_disk_has_a_page_of_its_own_kind() -> None:
    case = store()
    lines = page(results(store=case)).splitlines()
    assert "| answer | 1.000 (2.000) | 2.00 (3.00) |" in lines
    told = "100,000 rows/s, 1.50 of the time that SQLite alone takes for the same bytes"
    assert f"| adding in bulk | {told} |" in lines
    assert "| on disk | 500.0 MB, 500 bytes a row |" in lines
    assert "| opening, with the engine | 200.000 (400.000) ms, first 900 ms |" in lines
    assert "| re-ranking 1,000, cold | 25.000 (50.000) ms |" in lines
    del case["rerank"]["cold"]
    assert "cold" not in page(results(store=case))

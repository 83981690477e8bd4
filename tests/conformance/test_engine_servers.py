"""The suites of Milvus, run beside its server in an environment of its own.

Its client of the server's version wants older libraries than ours. Milvus listens on all addresses,
so root gives it a network of its own that holds nothing but this machine.
"""

import os
import re
import subprocess
import sys

import pytest

from made_servers import ROOT, python_of

LOOPBACK = ROOT / "tests" / "tools" / "loopback_only.py"
SUITES = (
    "tests/conformance/test_engines.py",
    "tests/conformance/test_mirrored.py",
    "tests/index/engines/test_milvus.py",
)
LONG = SUITES[1:]


def run(*words: str) -> str:
    confined = ["unshare", "--net", sys.executable, str(LOOPBACK)] if os.geteuid() == 0 else []
    python = [*confined, str(python_of(".venv-milvus"))]
    # Our fixtures want libraries that are not there, and the client warns of what it does itself.
    pytest_words = ["-m", "pytest", "--noconftest", "-W", "default", "-p", "made_servers"]
    command = [*python, *pytest_words, "-k", "milvus", *words]
    path = os.pathsep.join(str(ROOT / name) for name in ("src", "tests"))
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    return done.stdout


def test_milvus_passes_the_suites_of_the_engines() -> None:
    said = run("-m", "not soak", "--hypothesis-profile=server", *SUITES)
    assert re.search(r"\d+ passed", said), said
    assert "skipped" not in said


@pytest.mark.soak
@pytest.mark.parametrize("suite", LONG)  # one at a time: a second server beside one does not start
def test_milvus_passes_the_long_suites_of_the_engines(suite: str) -> None:
    said = run("-m", "soak", suite)
    assert re.search(r"\d+ passed", said), said

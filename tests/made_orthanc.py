"""A real Orthanc for the tests: on this machine alone, with a password, in a folder of its own.

Debian's Orthanc 1.10.1 has no setting that binds it to one address; it refuses HTTP from elsewhere,
and DICOM from anyone whom it does not know by name.
"""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest
from pydicom.uid import generate_uid

from made_ports import free_port

PLUGINS = Path("/usr/share/orthanc/plugins")
CREDENTIALS = ("indexer", "indexer-secret")
PATIENCE_SECONDS = 30.0


def needed(program: str) -> str:
    """Return where a system program is; skip, or fail where it has to be there."""
    found = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        reason = f"there is no {program}; install it with apt-get, as .ci/run does"
        if os.environ.get("ACIR_REQUIRE_SERVICES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@dataclass
class MadeOrthanc:
    """An Orthanc that can be killed and started again with what it has stored."""

    program: str
    folder: Path
    http_port: int
    dicom_port: int
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    def start(self) -> None:
        """Start, and wait until it answers."""
        with (self.folder / "orthanc.log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.program, str(self.folder / "orthanc.json")], stdout=log, stderr=log
            )
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            assert self.process.poll() is None, (self.folder / "orthanc.log").read_text()
            with suppress(httpx.HTTPError):
                if httpx.get(f"{self.url}/system", auth=CREDENTIALS).is_success:
                    return
            assert time.monotonic() < end
            time.sleep(0.05)

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def store(self, file: bytes) -> str:
        """Store a file and return the identifier of its instance."""
        answer = httpx.post(f"{self.url}/instances", content=file, auth=CREDENTIALS)
        return str(answer.raise_for_status().json()["ID"])

    def delete(self, identifier: str) -> None:
        httpx.delete(f"{self.url}/instances/{identifier}", auth=CREDENTIALS).raise_for_status()

    def file(self, identifier: str) -> Path:
        """Return where an instance is stored."""
        url = f"{self.url}/instances/{identifier}/attachments/dicom/info"
        name = str(httpx.get(url, auth=CREDENTIALS).raise_for_status().json()["Uuid"])
        return self.folder / "db" / name[:2] / name[2:4] / name

    def instances(self) -> list[str]:
        return list(httpx.get(f"{self.url}/instances", auth=CREDENTIALS).json())

    def clear(self) -> None:
        for identifier in self.instances():
            self.delete(identifier)


@contextmanager
def running(folder: Path) -> Iterator[MadeOrthanc]:
    """Run an Orthanc until the end of the block."""
    program = needed("Orthanc")
    folder.mkdir(parents=True, exist_ok=True)
    made = MadeOrthanc(program, folder, free_port(), free_port())
    settings = {
        "Name": "TESTPACS",
        "StorageDirectory": str(folder / "db"),
        "IndexDirectory": str(folder / "db"),
        "Plugins": [str(PLUGINS / "libOrthancDicomWeb.so"), str(PLUGINS / "libOrthancGdcm.so")],
        "HttpPort": made.http_port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": True,
        "RegisteredUsers": dict([CREDENTIALS]),
        "DicomAet": "TESTPACS",
        "DicomPort": made.dicom_port,
        "DicomCheckCalledAet": True,
        "DicomAlwaysAllowStore": False,
        "DicomModalities": {"acir": ["STORESCU", "127.0.0.1", 11112]},
        "StableAge": 1,
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    (folder / "orthanc.json").write_text(json.dumps(settings), encoding="utf-8")
    made.start()
    try:
        yield made
    finally:
        made.kill()


@pytest.fixture(scope="session")
def session_orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MadeOrthanc]:
    with running(tmp_path_factory.mktemp("orthanc")) as made:
        yield made


@pytest.fixture
def orthanc(session_orthanc: MadeOrthanc) -> MadeOrthanc:
    """Return an empty Orthanc."""
    if session_orthanc.process is None:
        session_orthanc.start()
    session_orthanc.clear()
    return session_orthanc


def configured(
    folder: Path, made: MadeOrthanc, index: Path, *, model: Path | None = None, **server: object
) -> Path:
    """Write a configuration that follows an Orthanc; further keywords are keys of the server."""
    (folder / "credentials").write_text(":".join(CREDENTIALS), encoding="utf-8")
    keys = {
        "name": "main",
        "url": f"{made.url}/dicom-web",
        "orthanc": made.url,
        "credentials_file": "credentials",
        **server,
    }
    top = {"index": index, **({"model": model} if model else {})}
    lines = [f"{key} = {json.dumps(str(path))}" for key, path in top.items()] + ["[[servers]]"]
    lines += [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
    path = folder / "pacs.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def slice_of(number: int) -> np.ndarray:
    """Draw a slice of 32 x 32; no two are alike."""
    return np.random.default_rng(number).integers(0, 2000, (32, 32), dtype=np.int16)


def uid(number: int) -> str:
    return str(generate_uid(entropy_srcs=["acir", str(number)])[:60])


def uids(number: int) -> dict[str, str]:
    """Return the identifiers of slice `number`: ten make a series."""
    return {
        "SOPInstanceUID": uid(number),
        "StudyInstanceUID": f"{uid(number // 10)}.1",
        "SeriesInstanceUID": f"{uid(number // 10)}.2",
    }

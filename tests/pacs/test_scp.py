"""The C-STORE listener: who may send, how much, and what garbage does to the others."""

import gc
import random
import socket
import ssl
import struct
import subprocess
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE
from pynetdicom.dimse_primitives import C_STORE

from acir.errors import PacsError, UsageError
from acir.pacs import guard, scp
from acir.pacs.scp import Listener, Status
from acir.pacs.settings import Listen
from made_certificate import certificate
from made_orthanc import needed, slice_of, uids
from made_ports import free_port

MakeDicom = Callable[..., bytes]
PATIENCE_SECONDS = 10.0  # within which a good caller must be served after a flood


@pytest.fixture(autouse=True)
def sockets_of_pynetdicom() -> Iterator[None]:
    """Let go of sockets that pynetdicom does not close where the peer was faster, and so warns."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


class Received:
    """Remembers files, and says what it is told to say."""

    def __init__(self) -> None:
        self.files: list[bytes] = []
        self.status = Status.STORED

    def __call__(self, data: bytes) -> Status:
        self.files.append(data)
        return self.status


@pytest.fixture
def settings() -> Listen:
    return Listen(ae_title="ACIR", calling=("MODALITY",), port=free_port(), timeout_seconds=2.0)


@pytest.fixture
def received(settings: Listen) -> Iterator[Received]:
    """Return what a listener with these settings receives."""
    found = Received()
    with Listener(settings, found):
        yield found


@pytest.fixture
def file(make_dicom: MakeDicom) -> bytes:
    return make_dicom(slice_of(0), **uids(0))


def call(settings: Listen, calling: str = "MODALITY", called: str = "ACIR") -> Any:  # noqa: ANN401 - of pynetdicom, with what it keeps to itself
    entity = AE(ae_title=calling)
    entity.add_requested_context(CTImageStorage, ExplicitVRLittleEndian)
    entity.add_requested_context(scp.VERIFICATION)
    return entity.associate("127.0.0.1", settings.port, ae_title=called)


def send(settings: Listen, file: bytes) -> int:
    """Store a file as a known caller; return the status."""
    association = call(settings)
    try:
        return int(association.send_c_store(dcmread(BytesIO(file))).Status)
    finally:
        association.release()


def send_raw(settings: Listen, content: bytes) -> int | None:
    """Store any bytes as the data set; return the status, None where the association ended."""
    association = call(settings)
    request = C_STORE()
    request.MessageID, request.Priority = 1, 2
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = CTImageStorage, "1.2.3"
    request.DataSet = BytesIO(content)
    context = next(c for c in association.accepted_contexts if c.abstract_syntax == CTImageStorage)
    association._reactor_checkpoint.clear()  # as send_c_store does
    while not association._is_paused:
        time.sleep(0.001)
    association.dimse.send_msg(request, context.context_id)
    _, answer = association.dimse.get_msg(block=True)
    association.abort()
    return None if answer is None else int(answer.Status)


def is_served(settings: Listen, file: bytes) -> bool:
    """Whether a good caller is served within the time that is promised."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        association = call(settings)
        if association.is_established:
            answer = association.send_c_store(dcmread(BytesIO(file)))
            association.release()
            return int(answer.Status) == Status.STORED
        time.sleep(0.1)
    return False


def test_what_a_known_caller_sends_arrives_as_it_was(
    settings: Listen, received: Received, file: bytes
) -> None:
    assert send(settings, file) == 0
    (found,) = received.files
    assert dcmread(BytesIO(found)).PixelData == dcmread(BytesIO(file)).PixelData
    received.status = Status.CANNOT_UNDERSTAND
    assert send(settings, file) == 0xC000


@pytest.mark.parametrize(("calling", "called"), [("STRANGER", "ACIR"), ("MODALITY", "OTHER")])
def test_an_unknown_title_is_refused_at_association(
    settings: Listen, received: Received, calling: str, called: str
) -> None:
    association = call(settings, calling, called)
    assert association.is_rejected
    assert received.files == []


def test_dcmtk_sends_compressed_files(
    tmp_path: Path, settings: Listen, received: Received, file: bytes
) -> None:
    (tmp_path / "plain.dcm").write_bytes(file)
    subprocess.run([needed("dcmcrle"), tmp_path / "plain.dcm", tmp_path / "rle.dcm"], check=True)
    command = [needed("storescu"), "-xr", "-aet", "MODALITY", "-aec", "ACIR", "127.0.0.1"]
    subprocess.run([*command, str(settings.port), tmp_path / "rle.dcm"], check=True)
    picture = guard.warm().read(received.files[0], b"k" * 32, "a file")
    assert np.array_equal(picture.picture.pixels, slice_of(0))
    stranger = [w if w != "MODALITY" else "STRANGER" for w in command]
    refused = subprocess.run(
        [*stranger, str(settings.port), tmp_path / "rle.dcm"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode != 0
    assert "Calling AE Title Not Recognized" in refused.stderr
    assert len(received.files) == 1


def garbage(number: int) -> bytes:
    """Make what is no DICOM: noise, half a packet, a huge one, an association with nonsense."""
    rng = random.Random(number)
    noise = rng.randbytes(rng.randrange(1, 3000))
    return (
        noise,
        struct.pack(">BBL", 1, 0, 0xFFFFFFFF) + noise,
        struct.pack(">BBL", 1, 0, len(noise) + 50) + noise,
        struct.pack(">BBL", 4, 0, len(noise)) + noise,
        b"GET / HTTP/1.1\r\nHost: acir\r\n\r\n",
        b"",
    )[number % 6]


# pynetdicom leaves the socket of a caller that it has no room for to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_after_200_garbage_connections_a_good_caller_is_served(
    settings: Listen, received: Received, file: bytes
) -> None:
    connections = []
    for number in range(200):
        client = socket.create_connection(("127.0.0.1", settings.port), timeout=5)
        connections.append(client)
        with suppress(OSError):  # there may be no room for it
            client.sendall(garbage(number))
    assert is_served(settings, file)
    for client in connections:
        client.close()
    gc.collect()  # here, where its warning is not taken for that of another test


def test_a_caller_that_dribbles_is_cut_off(
    settings: Listen, received: Received, file: bytes
) -> None:
    slow = [socket.create_connection(("127.0.0.1", settings.port), timeout=5) for _ in range(10)]
    for client in slow:
        client.sendall(struct.pack(">BBL", 1, 0, 200))
    end = time.monotonic() + PATIENCE_SECONDS
    while slow and time.monotonic() < end:
        for client in list(slow):
            try:
                client.sendall(b"x")
            except OSError:
                slow.remove(client)
                client.close()
        time.sleep(0.05)
    assert slow == []
    assert is_served(settings, file)


def test_a_message_that_is_too_large_ends_the_association(
    settings: Listen, received: Received, file: bytes
) -> None:
    received.files.clear()
    small = replace(settings, port=free_port(), max_mib=1)
    with Listener(small, received):
        assert send_raw(small, bytes(2 * scp.MIB)) is None
        assert is_served(small, file)
    assert len(received.files) == 1


def test_a_message_without_sense_ends_the_association_alone(
    settings: Listen, received: Received, file: bytes
) -> None:
    rng = random.Random(5)
    for _ in range(5):
        association = call(settings)
        body = rng.randbytes(100)
        value = struct.pack(">LBB", len(body) + 2, 1, 3) + body
        association.dul.socket.socket.sendall(struct.pack(">BBL", 4, 0, len(value)) + value)
        end = time.monotonic() + PATIENCE_SECONDS
        while association.is_established and time.monotonic() < end:
            time.sleep(0.02)
        assert association.is_aborted
    assert is_served(settings, file)


def test_tls_with_the_certificate_of_the_caller(
    tmp_path: Path, settings: Listen, file: bytes
) -> None:
    cert, key = certificate(tmp_path)
    found = Received()
    secure = replace(settings, certificate=cert, private_key=key, ca_file=cert)
    context = ssl.create_default_context(cafile=cert)
    context.check_hostname = False
    with Listener(secure, found):
        assert not call(secure).is_established
        for certified in (False, True):
            if certified:
                context.load_cert_chain(cert, key)
            entity = AE(ae_title="MODALITY")
            entity.add_requested_context(CTImageStorage, ExplicitVRLittleEndian)
            association = entity.associate(
                "127.0.0.1", secure.port, ae_title="ACIR", tls_args=(context, "localhost")
            )
            assert association.is_established == certified
        assert association.send_c_store(dcmread(BytesIO(file))).Status == 0
        association.release()


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"calling": ()}, "the configuration names no AE title that may call; add some"),
        ({"calling": ("MUCH TOO LONG A TITLE",)}, "'MUCH TOO LONG A TITLE' is no AE title"),
        ({"ae_title": " "}, "' ' is no AE title; expected 1 to 16 letters"),
        ({"ca_file": "ca.pem"}, "the key listen.certificate is missing"),
        ({"certificate": "none.pem"}, "the certificates of the table listen cannot be read"),
    ],
)
def test_what_cannot_be_listened_with_is_refused(
    settings: Listen, changed: dict[str, object], sentence: str
) -> None:
    with pytest.raises(UsageError, match=sentence):
        Listener(replace(settings, **changed), Received())  # type: ignore[arg-type]


def test_a_port_that_is_taken_is_said(settings: Listen, received: Received) -> None:
    with pytest.raises(PacsError, match=r"cannot listen at 127\.0\.0\.1, port \d+"):
        Listener(settings, received).__enter__()

"""Store objects on a DICOMweb server (STOW-RS, PS3.18 section 10.5)."""

import json
from collections.abc import Iterable, Mapping
from uuid import uuid4

from acir.errors import PacsError
from acir.pacs.client import Client

JSON = "application/dicom+json"
TAKEN, INSTANCE = "00081199", "00081155"  # Referenced SOP Sequence, its instance UID


def store(client: Client, study: str, files: Mapping[str, bytes]) -> None:
    """Store files in a study; sending a file that is there already is harmless.

    Args:
        client: Of the server's DICOMweb root.
        study: UID of the study that all of them belong to.
        files: By their SOP Instance UIDs.

    Raises:
        PacsError: The server cannot be used, or did not say of each that it took it.
    """
    boundary = uuid4().hex
    answer = client.post(
        ("studies", study),
        _multipart(files.values(), boundary),
        f'multipart/related; type="application/dicom"; boundary={boundary}',
        JSON,
    )
    missing = len(files.keys() - _taken(answer))
    if missing:
        raise PacsError(f"the server did not take {missing} of {len(files)} objects; see its log")


def _multipart(files: Iterable[bytes], boundary: str) -> bytes:
    head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    return b"".join(head + file + b"\r\n" for file in files) + f"--{boundary}--\r\n".encode()


def _taken(answer: bytes) -> set[str]:
    """Return the instances that a server says it stored (PS3.18, table 10.5.1-1)."""
    try:
        said = json.loads(answer)
        return {item[INSTANCE]["Value"][0] for item in said[TAKEN]["Value"]}
    except (ValueError, LookupError, TypeError, RecursionError):
        return set()

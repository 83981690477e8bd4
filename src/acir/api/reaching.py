"""How a client reaches a server: its address, a token, certificates."""

import os
import ssl
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from acir.errors import UsageError

TOKEN = "ACIR_TOKEN"


def token(file: str | Path | None) -> str:
    """Read a token, from a file or else from the environment.

    Raises:
        UsageError: It is in neither.
    """
    if file is None:
        found = os.environ.get(TOKEN, "").strip()
        missing = f"give token_file, or set the environment variable {TOKEN}"
    else:
        try:
            found = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                f"the token cannot be read from {file}; give a text file that can"
            ) from error
        missing = f"{file} is empty; write one into it"
    if not found.isascii() or not found.isprintable() or not found:
        raise UsageError(f"there is no token to send: {missing}; acir user token makes one")
    return found


def certificates(file: str | Path | None) -> ssl.SSLContext:
    """Return what a server's certificate is checked against: a file, or those of the system.

    Raises:
        UsageError: The file cannot be read.
    """
    try:
        return ssl.create_default_context(cafile=file)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"the certificates {file} cannot be read; give a PEM file") from error


def checked(address: str) -> str:
    """Return an address without a slash at its end, if a token may be sent there.

    Raises:
        UsageError: It is none, or it is of another machine and not encrypted.
    """
    place = urlsplit(address)
    if place.scheme not in {"http", "https"} or not place.hostname:
        raise UsageError(f"the address of the server is {address!r}, expected https://HOST")
    if place.scheme == "http" and not _is_here(place.hostname):
        raise UsageError(
            f"the address {address!r} is not encrypted, and whoever listens would have the token; "
            "use https"
        )
    return address.rstrip("/")


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

"""Where a server of the configuration may be: checked addresses, and names resolved once."""

import ipaddress
import socket
from urllib.parse import SplitResult, urlsplit

from acir.errors import UnreachableError, UsageError
from acir.pacs.settings import Server

PORTS = {"http": 80, "https": 443}
# Where clouds answer any program on the machine with its secrets; the other one is link-local.
METADATA = {ipaddress.ip_address(a) for a in ("fd00:ec2::254", "100.100.100.200", "192.0.0.192")}
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def checked(server: Server, root: str) -> SplitResult:
    """Return the parts of an address that says where a server is, and no more.

    Raises:
        UsageError: It is no such address.
    """
    try:
        place = urlsplit(root)
        port = place.port
    except ValueError:
        place, port = SplitResult("", "", "", "", ""), 0
    if place.scheme not in PORTS or not place.hostname or port == 0:
        raise UsageError(
            f"the address of the server {server.name} is {root!r}, expected https://HOST/PATH"
        )
    if place.username is not None or place.query or place.fragment:
        raise UsageError(
            f"the address of the server {server.name} holds more than a place; leave out what "
            "stands before @ and after ? or #, and name credentials by credentials_file"
        )
    if place.scheme == "http" and not server.plain_http and not _is_here(place.hostname):
        raise UsageError(
            f"the address of the server {server.name} is not encrypted; use https, or say "
            "plain_http = true where the network between is safe"
        )
    return place


def _is_here(host: str) -> bool:
    """Whether a host is written as this machine; a name that happens to lead here is not."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def resolved(server: Server, place: SplitResult) -> tuple[str, ...]:
    """Return the addresses of a host; they are kept, so that a later answer changes nothing.

    Raises:
        UnreachableError: It has none.
        UsageError: One of them is of a kind that no PACS has.
    """
    host = place.hostname or ""
    try:
        found = socket.getaddrinfo(host, place.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise UnreachableError(
            f"the name of the server {server.name}, {host}, cannot be resolved; check it"
        ) from error
    addresses = tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
    for address in addresses:
        if _is_forbidden(ipaddress.ip_address(address.partition("%")[0]), host):
            raise UsageError(
                f"the server {server.name} is at {address}, where no PACS is; configure its "
                "address as it is written on the network"
            )
    return addresses


def _is_forbidden(address: Address, host: str) -> bool:
    """Whether an address is one that only an attacker, or a mistake, gives to a PACS."""
    if isinstance(address, ipaddress.IPv6Address):
        hidden = address.ipv4_mapped or address.sixtofour
        if hidden is not None:
            return _is_forbidden(hidden, host)
    if address.is_loopback:
        return not _is_here(host)
    return (
        address.is_link_local
        or address.is_multicast
        or address.is_unspecified
        or address.is_reserved
        or address in METADATA
    )

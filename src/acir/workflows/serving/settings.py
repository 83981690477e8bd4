"""How `acir serve` is to run: a TOML file, and the options that replace what it says."""

from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, ClassVar

from acir import tables
from acir.errors import UsageError
from acir.governance.registration import OidcTable
from acir.tables import Count, Positive, Range, Table

FILE = "configuration"
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True)
class ServerTable(Table):
    """Where the server listens, and who may stand before it.

    Attributes:
        host: Address to listen at.
        port: Port to listen at.
        names: Names by which it may be called; on loopback those of the machine itself suffice.
        certificate: File with the certificate chain; empty without TLS.
        private_key: File with its key.
        proxies: Addresses of proxies that end TLS and are believed about clients.
    """

    table: ClassVar[str] = "server"
    file: ClassVar[str] = FILE
    host: str = "127.0.0.1"
    port: Annotated[int, Range(1, 65535)] = 8000
    names: tuple[str, ...] = ()
    certificate: str = ""
    private_key: str = ""
    proxies: tuple[str, ...] = ()

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def is_encrypted(self) -> bool:
        """Whether clients speak TLS, to the server or to a proxy before it."""
        return bool(self.certificate and self.private_key) or bool(self.proxies)

    @property
    def called(self) -> tuple[str, ...]:
        """Every name by which it may be called."""
        return (*self.names, *(LOOPBACK if self.is_loopback else ()))


@dataclass(frozen=True)
class LimitsTable(Table):
    """What a request may cost.

    Attributes:
        upload_mb: Largest body of a request, in MB.
        views: Most pictures of a request.
        workers: Pictures that are examined at the same time.
        waiting: Requests that may wait for a worker, of all callers together.
        upload_s: Seconds within which a body has to be here.
        answer_s: Seconds after which a caller is told that it took too long.
    """

    table: ClassVar[str] = "limits"
    file: ClassVar[str] = FILE
    upload_mb: Positive = 64.0
    views: Count = 16
    workers: Count = 2
    waiting: Count = 128
    upload_s: Positive = 30.0
    answer_s: Positive = 60.0


@dataclass(frozen=True)
class ServeSettings(Table):
    """All tables of the configuration.

    Attributes:
        index: Folder of the index; `--index` on the command line.
        server: Where it listens.
        limits: What a request may cost.
        oidc: The identity provider through which people may sign in; None for none.
    """

    file: ClassVar[str] = FILE
    index: str = ""
    server: ServerTable = ServerTable()
    limits: LimitsTable = LimitsTable()
    oidc: OidcTable | None = None


def load_settings(
    path: Path | None, *, index: Path | None = None, host: str | None, port: int | None
) -> ServeSettings:
    """Read a configuration; an option that was given replaces what the file says.

    Args:
        path: The TOML file; None for the defaults.
        index: As on the command line, like the others.
        host: See `ServerTable`.
        port: See `ServerTable`.

    Raises:
        RecipeError: Broken TOML, an unknown key, a wrong type or a value out of range.
        UsageError: No index is named.
    """
    table = {} if path is None else tables.read(path, "configuration")
    settings = tables.build(ServeSettings, table, file=FILE)
    given = {key: value for key, value in (("host", host), ("port", port)) if value is not None}
    settings = replace(settings, server=replace(settings.server, **given))  # type: ignore[arg-type]
    if index is not None:
        settings = replace(settings, index=str(index))
    if not settings.index:
        raise UsageError("there is nothing to serve; give the folder of an index with --index")
    return settings

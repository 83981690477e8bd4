"""The configuration of everything that speaks with a PACS: one TOML file, no secret in it."""

import os
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from acir import tables
from acir.errors import RecipeError, UsageError, suggestion
from acir.tables import Count, Positive, Range, Table

FILE = "configuration"
SERVER = "server"  # names one in the query of a source
LEVEL, LEVELS = "level", ("instance", "series")  # of such a query: what comes in as one
Port = Annotated[int, Range(1, 65535)]


@dataclass(frozen=True)
class PacsTable(Table):
    """How a PACS is reached.

    Attributes:
        name: What messages call it.
        url: Root of its DICOMweb services.
        orthanc: Root of the REST API of an Orthanc; empty for another PACS.
        credentials_env: Environment variable with `USER:PASSWORD` or `Bearer TOKEN`.
        credentials_file: File with the same.
        ca_file: Certificates that the server's is checked against; else those of the system.
        plain_http: Whether another machine may be spoken to without encryption.
        timeout_seconds: Time that one answer may take.
        max_mib: Size that one instance may have.
    """

    table: ClassVar[str] = "pacs"
    file: ClassVar[str] = FILE
    name: str
    url: str
    orthanc: str = ""
    credentials_env: str = ""
    credentials_file: str = ""
    ca_file: str = ""
    plain_http: bool = False
    timeout_seconds: Positive = 30.0
    max_mib: Count = 512

    def authorization(self) -> tuple[str, str] | str | None:
        """Return user and password, or the value of the header with a token; None without any.

        Raises:
            UsageError: The credentials are not where the configuration says, or are none.
        """
        if self.credentials_env and self.credentials_file:
            raise UsageError(
                f"the server {self.name} has credentials_env and credentials_file; give one"
            )
        text = self._credentials()
        if text is None or text.startswith("Bearer "):
            return text
        user, colon, password = text.partition(":")
        if not colon:
            raise UsageError(
                f"the credentials of the server {self.name} are not understood; expected "
                "USER:PASSWORD, or Bearer and a token"
            )
        return user, password

    def _credentials(self) -> str | None:
        if self.credentials_env:
            text = os.environ.get(self.credentials_env)
            if not text:
                raise UsageError(
                    f"the server {self.name} takes its credentials from the environment variable "
                    f"{self.credentials_env}, which is not set; set it"
                )
            return text.strip()
        if not self.credentials_file:
            return None
        try:
            return Path(self.credentials_file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                f"the server {self.name} takes its credentials from {self.credentials_file}, "
                "which cannot be read; give a text file that can"
            ) from error


@dataclass(frozen=True)
class Server(PacsTable):
    """A PACS that an index follows, and what of it is wanted.

    Its name is what the index knows it by; another name is another PACS. An Orthanc has a feed of
    changes; another PACS is polled by QIDO-RS.

    Attributes:
        modalities: Those that are wanted; empty for all.
        sop_classes: Likewise, by UID.
        body_parts: Likewise.
        collection: Collection of the index that its pictures go to.
        level: What comes in as one: each instance, or the slices that speak for a whole series.
        poll_seconds: Time between two looks for changes; 0 for the usual one.
        reconcile_hours: Time between two comparisons with everything that the server has.
        retry_seconds: Time until the first further try of an instance that failed.
    """

    table: ClassVar[str] = "servers"
    modalities: tuple[str, ...] = ()
    sop_classes: tuple[str, ...] = ()
    body_parts: tuple[str, ...] = ()
    collection: str = ""
    level: Literal["instance", "series"] = "instance"
    poll_seconds: Annotated[float, Range(0)] = 0.0
    reconcile_hours: Positive = 24.0
    retry_seconds: Positive = 300.0

    def __post_init__(self) -> None:
        """Refuse to follow series where nothing says that one is complete."""
        super().__post_init__()
        if self.level == "series" and not self.orthanc:
            raise RecipeError(
                f'the server {self.name} has level = "series", but only an Orthanc says when a '
                "series is complete; give the key orthanc, or leave level out"
            )


@dataclass(frozen=True)
class Listen(Table):
    """What `acir pacs listen` accepts.

    Attributes:
        ae_title: What it is called; a caller must ask for it by this name.
        calling: AE titles that may call.
        host: Address to listen at.
        port: Port.
        collection: Collection of the index that the pictures go to.
        certificate: PEM file of its certificate, where it speaks TLS.
        private_key: PEM file of the certificate's key.
        ca_file: Certificates that a caller's is checked against; without it callers need none.
        max_mib: Size that one message may have.
        max_associations: Callers at one time.
        timeout_seconds: Time that a caller may be silent, and that one packet may take.
    """

    table: ClassVar[str] = "listen"
    file: ClassVar[str] = FILE
    ae_title: str
    calling: tuple[str, ...]
    host: str = "127.0.0.1"
    port: Port = 11112
    collection: str = ""
    certificate: str = ""
    private_key: str = ""
    ca_file: str = ""
    max_mib: Count = 128
    max_associations: Count = 10
    timeout_seconds: Positive = 5.0


@dataclass(frozen=True)
class Settings(Table):
    """The whole file.

    Attributes:
        index: Folder of the index.
        model: Bundle that a new index is made with.
        servers: Where pictures are fetched from; nothing else is ever asked.
        listen: What is accepted from those who send; None to accept nothing.
    """

    file: ClassVar[str] = FILE
    index: str
    model: str = ""
    servers: tuple[Server, ...] = ()
    listen: Listen | None = None

    def server(self, name: str = "") -> Server:
        """Return a server by name; without one, the only server.

        Raises:
            UsageError: There is no such server, or there are several to choose from.
        """
        known = [server.name for server in self.servers]
        if not name and len(known) == 1:
            return self.servers[0]
        for server in self.servers:
            if server.name == name:
                return server
        raise UsageError(
            f"the configuration has no server {name!r}; name one of {', '.join(known) or 'none'}."
            f"{suggestion(name, known)}"
        )


def load(path: Path) -> Settings:
    """Read a configuration; a relative path in it is relative to its folder.

    Raises:
        RecipeError: There is no such file, broken TOML, an unknown key, a wrong type or range, or
            two servers of one name.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeError(
            f"the configuration {path} cannot be read ({error.strerror}); give a TOML file"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} is not valid TOML: {error}") from error
    settings = tables.build(Settings, table, FILE)
    names = [server.name for server in settings.servers]
    if len(set(names)) < len(names):
        raise RecipeError(f"two servers of {path} have one name; give each its own")
    return _placed(settings, path.parent)


def _placed(settings: Settings, folder: Path) -> Settings:
    """Make relative paths relative to the folder of the file."""

    def below(path: str) -> str:
        return str(folder / path) if path else ""

    listen = settings.listen
    if listen is not None:
        listen = replace(
            listen,
            certificate=below(listen.certificate),
            private_key=below(listen.private_key),
            ca_file=below(listen.ca_file),
        )
    servers = [
        replace(s, ca_file=below(s.ca_file), credentials_file=below(s.credentials_file))
        for s in settings.servers
    ]
    return replace(
        settings,
        index=below(settings.index),
        model=below(settings.model),
        servers=tuple(servers),
        listen=listen,
    )

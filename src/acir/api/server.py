"""Runs the application until it is told to stop."""

import ssl
from collections.abc import Callable
from getpass import getuser
from pathlib import Path

import uvicorn

from acir.api.app import create_app
from acir.api.log import write_to
from acir.errors import UsageError
from acir.governance.access import EVERYWHERE
from acir.governance.audit import Actor, AuditLog
from acir.governance.people import People
from acir.governance.provider import Provider
from acir.governance.sessions import Sessions
from acir.governance.vault import Vault
from acir.workflows.serving.approval import Approval
from acir.workflows.serving.pacs import Pacs
from acir.workflows.serving.served import refuse_unusable
from acir.workflows.serving.settings import ServerTable, ServeSettings

LOCAL = "local"  # who signs in by the link that is printed on the machine itself
GRACE_S = 20  # for what was begun when the server is told to stop

Say = Callable[[str], None]


def serve(settings: ServeSettings, say: Say) -> None:
    """Serve an index until the process is told to stop; what was begun is ended first.

    Raises:
        UsageError: The index cannot be opened, or the address is not safe to listen at.
    """
    link = prepare(settings)
    server = settings.server
    if link:
        say(f"open {_address(server)}/login?link={link}  (works once, for 10 minutes)")
    else:
        say(f"serving at {_address(server)}")
    write_to()
    uvicorn.run(
        create_app(settings),
        host=server.host,
        port=server.port,
        ssl_certfile=server.certificate or None,
        ssl_keyfile=server.private_key or None,
        proxy_headers=bool(server.proxies),
        forwarded_allow_ips=",".join(server.proxies),
        access_log=False,  # its lines hold addresses, in which a search may stand
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
    )


def prepare(settings: ServeSettings) -> str:
    """Refuse an address that is not safe; on loopback return the secret of a login link.

    Raises:
        UsageError: The index or the bundle inside it cannot be opened; others can reach the
            address, and nobody can sign in or nothing is encrypted; the certificate or its key
            cannot be used; the model is not in service; or the secret of the identity provider is
            missing, or the PACS cannot be used as it is configured.
        ComponentError: What an identity provider or a PACS needs is not installed.
    """
    folder, server = Path(settings.index), settings.server
    # What is missing or damaged is told before anything listens.
    refuse_unusable(folder)
    if server.certificate:
        _require_encryption(server)
    if settings.models is not None:
        Approval.of_index(Path(settings.models.registry), folder).close()
    if settings.oidc is not None:
        Provider(settings.oidc, settings.oidc.secret()).close()
    if settings.pacs is not None:
        Pacs(settings.pacs, settings.limits.views).close()
    by = Actor(getuser())
    with AuditLog.create(folder) as log, Vault(folder, log) as vault:
        people = People(vault)
        if server.is_loopback:
            if LOCAL not in {person.name for person in people.list()}:
                people.add(LOCAL, None, by)
                people.grant(LOCAL, "admin", EVERYWHERE, by)
            return Sessions(vault).link(LOCAL, by)
        known = settings.oidc is not None or any(one.has_password for one in people.list())
        if not (server.is_encrypted and known):
            raise UsageError(
                f"{server.host} can be reached from other machines, so people must sign in and "
                "nobody may listen: add a person with acir user add, or name an identity "
                "provider under [oidc]; and name certificate and private_key, or proxies that end "
                "TLS, under [server] in --config"
            )
    return ""


def _address(server: ServerTable) -> str:
    """Return where a browser finds it: where only some names are answered, under one of them."""
    scheme = "https" if server.certificate else "http"
    host = f"[{server.host}]" if ":" in server.host else server.host
    if server.called and host not in server.called:
        host = server.called[0]
    return f"{scheme}://{host}:{server.port}"


def _require_encryption(server: ServerTable) -> None:
    try:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        # Without a password nobody is asked for one: a service has no terminal.
        context.load_cert_chain(server.certificate, server.private_key or None, password="")
    except OSError as error:
        raise UsageError(
            f"certificate {server.certificate} with private_key {server.private_key} under "
            f"[server] cannot be used ({error.strerror or 'they are no pair'}); name a certificate "
            "chain and its key, both as PEM and the key without a password"
        ) from error

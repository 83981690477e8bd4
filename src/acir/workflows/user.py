"""`acir user`: the people of an index; every change is in its audit log, audited or not.

Each verb raises what `office` does, and UsageError where there is no such person, role or token, or
what is given cannot be.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acir.errors import ComponentError
from acir.governance.access import role_of
from acir.governance.audit import AuditLog
from acir.index.store import Store
from acir.workflows.recording import system_user

if TYPE_CHECKING:
    from acir.governance.people import People
    from acir.governance.sessions import Sessions


@dataclass(frozen=True)
class Office:
    """Who may do what, open to be read and changed."""

    people: "People"
    sessions: "Sessions"


@contextmanager
def office(index: Path) -> Iterator[Office]:
    """Open the people of an index, with its audit log, which is begun where there is none.

    Raises:
        StoreError: There is no index.
        ComponentError: The library that hashes passwords is missing.
        AccessError: Others may read the file of the people.
        AuditError: The log cannot be used.
    """
    try:
        from acir.governance.people import People  # noqa: PLC0415 - needs argon2
        from acir.governance.sessions import Sessions  # noqa: PLC0415
        from acir.governance.vault import Vault  # noqa: PLC0415
    except ImportError as error:
        raise ComponentError(
            f"people need {error.name}, which is not installed; pip install 'acir[serve]'"
        ) from error
    with Store.open(index) as store:
        open_log = AuditLog.open if store.audited else AuditLog.create
        with open_log(index) as log, Vault(index, log) as vault:
            yield Office(People(vault), Sessions(vault))


def add(index: Path, name: str, password: str | None) -> None:
    """Add a person; without a password they log in by an identity provider."""
    with office(index) as here:
        here.people.add(name, password, system_user())


def set_password(index: Path, name: str, password: str) -> None:
    """Give a person a new password."""
    with office(index) as here:
        here.people.set_password(name, password, system_user())


def people(index: Path) -> list[dict[str, Any]]:
    """Return all people with their roles and tokens, as plain values."""
    with office(index) as here:
        return [
            {
                "name": person.name,
                "roles": dict(person.roles),
                "password": person.has_password,
                "emergency": person.emergency,
                "tokens": [_plain(asdict(token)) for token in here.sessions.tokens(person.name)],
            }
            for person in here.people.list()
        ]


def grant(index: Path, name: str, role: str, collection: str) -> None:
    """Give a person a role in a collection."""
    wanted = role_of(role)
    with office(index) as here:
        here.people.grant(name, wanted, collection, system_user())


def revoke(index: Path, name: str, collection: str) -> None:
    """Take a person's role in a collection."""
    with office(index) as here:
        here.people.revoke(name, collection, system_user())


def permit_emergency(index: Path, name: str, permitted: bool) -> None:
    """Say whether a person may take emergency access."""
    with office(index) as here:
        here.people.permit_emergency(name, permitted, system_user())


def end_sessions(index: Path, name: str) -> None:
    """End all sessions of a person."""
    with office(index) as here:
        here.sessions.end_all(name, system_user())


def remove(index: Path, name: str) -> None:
    """Remove a person."""
    with office(index) as here:
        here.people.remove(name, system_user())


def make_token(
    index: Path,
    name: str,
    label: str,
    verbs: Sequence[str],
    collections: Sequence[str],
    days: int,
) -> dict[str, Any]:
    """Make an API token; return what it is with its secret, which is not kept."""
    with office(index) as here:
        made, secret = here.sessions.make_token(
            name, label, system_user(), verbs=verbs, collections=collections, days=days
        )
    return _plain(asdict(made)) | {"secret": secret}


def revoke_token(index: Path, token: str) -> None:
    """Revoke an API token by its id."""
    with office(index) as here:
        here.sessions.revoke_token(token, system_user())


def _plain(token: dict[str, Any]) -> dict[str, Any]:
    return token | {
        "verbs": sorted(token["verbs"]),
        "collections": sorted(token["collections"]),
        "until": token["until"].isoformat(timespec="seconds"),
    }

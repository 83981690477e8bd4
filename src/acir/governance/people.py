"""People and what was granted to them. Every change is recorded before it counts."""

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from sqlite3 import Connection

from acir.errors import UsageError
from acir.governance.access import EVERYWHERE, Principal, Role
from acir.governance.audit import Actor, AuditEvent
from acir.governance.passwords import hashed
from acir.governance.vault import Vault, digest

NAME = re.compile(r"[A-Za-z0-9._@-]{1,64}")


@dataclass(frozen=True)
class Person:
    """Someone who may log in.

    Attributes:
        name: Unique.
        roles: Role by collection.
        has_password: Whether they may log in with one; else by a link or an identity provider.
        emergency: Whether they may take emergency access.
    """

    name: str
    roles: Mapping[str, Role]
    has_password: bool
    emergency: bool


class People:
    """The people of a vault.

    Args:
        vault: Where they are kept.
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def list(self) -> list[Person]:
        """Return all people by name."""
        with self._vault.transaction() as connection:
            rows = connection.execute(
                "select name, password is not null, emergency from person order by name"
            ).fetchall()
            return [
                Person(name, roles_of(connection, name), bool(password), bool(emergency))
                for name, password, emergency in rows
            ]

    def principal(self, name: str) -> Principal:
        """Return what a person may at the moment.

        Raises:
            UsageError: There is no such person.
        """
        with self._vault.transaction() as connection:
            _check_known(connection, name)
            return principal_of(connection, name, self._vault.now())

    def add(self, name: str, password: str | None, by: Actor) -> None:
        """Add a person, who may do nothing yet.

        Args:
            name: Letters, digits and `._@-`, at most 64.
            password: Theirs; None for one who logs in by a link or an identity provider.
            by: Who adds them.

        Raises:
            UsageError: The name is taken or no name, or the password is too short.
        """
        if not NAME.fullmatch(name):
            raise UsageError(
                f"{name!r} is no name of a person; use 1 to 64 letters, digits and the signs ._@-"
            )
        kept = None if password is None else hashed(password, name)
        with self._recorded("person", by, f"added {name}") as connection:
            if _known(connection, name):
                raise UsageError(f"there is a person {name} already; choose another name")
            connection.execute("insert into person (name, password) values (?, ?)", (name, kept))

    def set_password(self, name: str, password: str, by: Actor) -> None:
        """Give a person a new password, end their sessions and forget their failed tries.

        Raises:
            UsageError: There is no such person, or the password is too short.
        """
        kept = hashed(password, name)
        with self._recorded("person", by, f"new password of {name}") as connection:
            _check_known(connection, name)
            connection.execute("update person set password = ? where name = ?", (kept, name))
            connection.execute("delete from session where name = ?", (name,))
            connection.execute("delete from attempt where name = ?", (digest(name),))

    def remove(self, name: str, by: Actor) -> None:
        """Remove a person with their roles, sessions and tokens.

        Raises:
            UsageError: There is no such person.
        """
        with self._recorded("person", by, f"removed {name}") as connection:
            _check_known(connection, name)
            connection.execute("delete from person where name = ?", (name,))

    def grant(self, name: str, role: Role, collection: str, by: Actor) -> None:
        """Give a person a role in a collection, in place of the one they had there.

        Args:
            name: Of the person.
            role: Which.
            collection: Where; `EVERYWHERE` for all.
            by: Who grants it; whether they may is the caller's to ask.

        Raises:
            UsageError: There is no such person, or the collection has no name.
        """
        if not collection.strip():
            raise UsageError(f"a role is granted in a collection; name one, or {EVERYWHERE}")
        detail = f"{name} is {role}"
        with self._recorded("role", by, detail, collection) as connection:
            _check_known(connection, name)
            connection.execute(
                "insert or replace into grant_ values (?, ?, ?)", (name, collection, role)
            )

    def revoke(self, name: str, collection: str, by: Actor) -> None:
        """Take the role that a person has in a collection.

        Raises:
            UsageError: They have none there.
        """
        with self._recorded("role", by, f"{name} has no role", collection) as connection:
            found = connection.execute(
                "delete from grant_ where name = ? and collection = ?", (name, collection)
            )
            if not found.rowcount:
                raise UsageError(
                    f"{name} has no role in the collection {collection}; see acir user list"
                )

    def permit_emergency(self, name: str, permitted: bool, by: Actor) -> None:
        """Say whether a person may take emergency access; taking it back ends it.

        Raises:
            UsageError: There is no such person.
        """
        detail = f"{name} {'may' if permitted else 'may not'} take emergency access"
        with self._recorded("role", by, detail, EVERYWHERE) as connection:
            _check_known(connection, name)
            connection.execute("update person set emergency = ? where name = ?", (permitted, name))
            if not permitted:
                connection.execute("delete from emergency where name = ?", (name,))

    def _recorded(
        self, action: str, by: Actor, detail: str, collection: str = ""
    ) -> AbstractContextManager[Connection]:
        return self._vault.recorded(AuditEvent(action, by, collection=collection, detail=detail))


def roles_of(connection: Connection, name: str) -> dict[str, Role]:
    """Return a person's roles by collection."""
    return dict(
        connection.execute(
            "select collection, role from grant_ where name = ? order by collection", (name,)
        )
    )


def principal_of(connection: Connection, name: str, now: float, session: str = "") -> Principal:
    """Return what a person who is known may at the moment, in a session of theirs."""
    permitted, reason = connection.execute(
        """select emergency, (select reason from emergency where name = person.name and until > ?)
            from person where name = ?""",
        (now, name),
    ).fetchone() or (False, None)
    return Principal(
        name,
        roles_of(connection, name),
        emergency=reason or "",
        emergency_permitted=bool(permitted),
        session=session,
    )


def _known(connection: Connection, name: str) -> bool:
    return connection.execute("select 1 from person where name = ?", (name,)).fetchone() is not None


def _check_known(connection: Connection, name: str) -> None:
    if not _known(connection, name):
        raise UsageError(f"there is no person {name}; see acir user list")

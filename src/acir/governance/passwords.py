"""Passwords: hashed with argon2id, checked with the same work whether or not the name exists."""

from functools import cache
from secrets import token_urlsafe
from sqlite3 import Connection

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from acir.errors import AccessError, LockedError, UsageError
from acir.governance.audit import Actor, AuditEvent
from acir.governance.vault import Vault, digest

SHORTEST, LONGEST = 12, 1024
FREE = 4  # failed tries without a wait; each further one doubles it
MOST = 10  # failed tries after which nobody may try for a while
LOCKED = 15 * 60.0  # seconds
FORGOTTEN = 24 * 3600.0  # seconds after which failed tries no longer count
ARGON2 = PasswordHasher()
WRONG = "the name or the password is wrong; try again, or ask who runs the server"


def hashed(password: str, name: str) -> str:
    """Return the argon2id hash of a new password.

    Raises:
        UsageError: It is shorter than 12 characters or longer than 1024, or holds the name.
    """
    if not SHORTEST <= len(password) <= LONGEST or name.lower() in password.lower():
        raise UsageError(
            f"a password has {SHORTEST} to {LONGEST} characters and does not hold the person's "
            "name; choose another one"
        )
    return ARGON2.hash(password)


def check(vault: Vault, name: str, password: str, address: str = "") -> Actor:
    """Check a name and a password, and return who it is; every try is recorded.

    A try counts as failed until it has succeeded, so that many at once do not get more of them.
    Names that do not exist are counted alike.

    Args:
        vault: Where the passwords are.
        name: As it was typed. A name that is not known is not recorded: it may be a password.
        password: As it was typed.
        address: Network address of the client.

    Raises:
        LockedError: There were too many tries; the password was not looked at.
        AccessError: The name or the password is wrong.
        AuditError: The try could not be recorded.
    """
    with vault.transaction() as connection:
        wait = _begun(connection, digest(name), vault.now())
        row = connection.execute("select password from person where name = ?", (name,)).fetchone()
    actor = Actor(name if row else "(unknown)", address=address)
    if wait:
        vault.log.append(AuditEvent("login", actor, "denied", detail="too many tries"))
        raise LockedError(wait)
    kept = row[0] if row else None
    if not _matches(kept, password) or kept is None:
        vault.log.append(AuditEvent("login", actor, "denied", detail="wrong name or password"))
        raise AccessError(WRONG)
    with vault.transaction() as connection:
        connection.execute("delete from attempt where name = ?", (digest(name),))
        if ARGON2.check_needs_rehash(kept):
            connection.execute(
                "update person set password = ? where name = ? and password = ?",
                (ARGON2.hash(password), name, kept),
            )
    return actor


def _begun(connection: Connection, key: str, now: float) -> float:
    """Count a try and return 0, or the seconds to wait where there were too many."""
    connection.execute("delete from attempt where last < ?", (now - FORGOTTEN,))
    row = connection.execute("select failures, until from attempt where name = ?", (key,))
    failures, until = row.fetchone() or (0, 0.0)
    if now < until:
        return float(until - now)
    delay = _delay(failures + 1)
    connection.execute(
        "insert or replace into attempt values (?, ?, ?, ?)", (key, failures + 1, now, now + delay)
    )
    return 0.0


def _delay(failures: int) -> float:
    """Return the seconds to wait after so many failed tries: 0 four times, 2, 4, ..., 900."""
    if failures >= MOST:
        return LOCKED
    return 0.0 if failures <= FREE else 2.0 ** (failures - FREE)


def _matches(kept: str | None, password: str) -> bool:
    """Compare a password; without one to compare with, do the same work with one of nobody's."""
    try:
        return ARGON2.verify(kept or _dummy(), password[: LONGEST + 1])
    except VerificationError:
        return False


@cache
def _dummy() -> str:
    """Return the hash of a password that nobody has."""
    return ARGON2.hash(token_urlsafe(32))

"""Sessions, login links, API tokens and emergency access: how someone is recognised.

Of each secret the vault keeps the SHA-256; the secret itself is returned once.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf
from secrets import token_hex, token_urlsafe

from acir.errors import AccessError, UsageError
from acir.governance.access import EVERYWHERE, Principal, Verb, role_in, verbs_of
from acir.governance.audit import Actor, AuditEvent
from acir.governance.passwords import check
from acir.governance.people import principal_of, roles_of
from acir.governance.vault import Vault, digest

IDLE = 15 * 60.0  # seconds without a request after which a session ends
LONGEST = 12 * 3600.0  # seconds after which it ends in any case
STALE = 30.0  # seconds that a session's last request may be out of date, to spare the disk
LINK = 10 * 60.0  # seconds that a login link may be used, once
EMERGENCY = 3600.0  # seconds of emergency access
DAY = 24 * 3600.0
DAYS = 365  # the longest life of a token
PREFIX = "acir_"  # lets a scanner of leaked secrets recognise a token
SHORTEST_REASON = 10


@dataclass(frozen=True)
class Token:
    """An API token, without its secret.

    Attributes:
        id: Its public name, by which it is revoked.
        user: Whose it is.
        label: What it is for, in their words.
        verbs: What it may be used for.
        collections: Where; empty for wherever its owner may.
        until: When it expires, in UTC.
    """

    id: str
    user: str
    label: str
    verbs: frozenset[Verb]
    collections: frozenset[str]
    until: datetime


class Sessions:
    """The sessions, links and tokens of a vault.

    Args:
        vault: Where they are kept.
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def login(self, name: str, password: str, address: str = "") -> str:
        """Check a password and begin a session; return its secret. See `passwords.check`.

        Raises:
            LockedError: There were too many tries; the password was not looked at.
            AccessError: The name or the password is wrong.
            AuditError: The try could not be recorded.
        """
        return self.begin(check(self._vault, name, password, address))

    def begin(self, who: Actor) -> str:
        """Begin the session of someone whose identity was shown elsewhere; return its secret.

        Args:
            who: Who, by name, and from which address; an identity provider vouches for them.

        Raises:
            AccessError: There is no such person; the refusal is recorded.
        """
        secret, now = token_urlsafe(32), self._vault.now()
        try:
            with self._vault.recorded(AuditEvent("login", who)) as connection:
                connection.execute("delete from session where opened < ?", (now - LONGEST,))
                found = connection.execute(
                    "insert into session select ?, name, ?, ? from person where name = ?",
                    (digest(secret), now, now, who.user),
                )
                if not found.rowcount:
                    raise AccessError(f"{who.user} may not use this index; ask who runs it")
        except AccessError:
            self._vault.log.append(AuditEvent("login", who, "denied", detail="not known here"))
            raise
        return secret

    def link(self, name: str, by: Actor) -> str:
        """Make a secret with which a person may log in once, within ten minutes.

        Raises:
            UsageError: There is no such person.
        """
        secret = token_urlsafe(32)
        event = AuditEvent("person", by, detail=f"login link for {name}")
        with self._vault.recorded(event) as connection:
            found = connection.execute(
                "insert into link select ?, name, ? from person where name = ?",
                (digest(secret), self._vault.now() + LINK, name),
            )
            if not found.rowcount:
                raise UsageError(f"there is no person {name}; see acir user list")
        return secret

    def redeem(self, secret: str, address: str = "") -> str:
        """Begin a session with a login link, which is thereby spent; return its secret.

        Raises:
            AccessError: The link is none, was used or is too old; the refusal is recorded.
        """
        with self._vault.transaction() as connection:
            row = connection.execute(
                "delete from link where secret = ? returning name, until", (digest(secret),)
            ).fetchone()
        name, until = row or ("(unknown)", -inf)
        who = Actor(name, address=address)
        if self._vault.now() >= until:
            self._vault.log.append(AuditEvent("login", who, "denied", detail="login link"))
            raise AccessError("this login link was used or is too old; ask for a new one")
        return self.begin(who)

    def recognise(self, secret: str) -> Principal | None:
        """Return whose session it is, and note that it was used; None for one that has ended."""
        now, key = self._vault.now(), digest(secret)
        with self._vault.transaction() as connection:
            row = connection.execute(
                "select name, opened, seen from session where secret = ?", (key,)
            ).fetchone()
            if row is None:
                return None
            name, opened, seen = row
            if now - seen >= IDLE or now - opened >= LONGEST:
                connection.execute("delete from session where secret = ?", (key,))
                return None
            if now - seen >= STALE:
                connection.execute("update session set seen = ? where secret = ?", (now, key))
            return principal_of(connection, name, now, key[:12])

    def logout(self, secret: str, by: Actor) -> None:
        """End a session; ending it twice is harmless."""
        with self._vault.recorded(AuditEvent("logout", by)) as connection:
            connection.execute("delete from session where secret = ?", (digest(secret),))

    def end_all(self, name: str, by: Actor) -> int:
        """End all sessions of a person and return how many there were."""
        event = AuditEvent("logout", by, detail=f"all sessions of {name}")
        with self._vault.recorded(event) as connection:
            return connection.execute("delete from session where name = ?", (name,)).rowcount

    def take_emergency(self, by: Actor, reason: str) -> datetime:
        """Give a person who is permitted it emergency access for an hour; return its end.

        It allows to look and to search in every collection, in all sessions of theirs and with
        none of their tokens.

        Raises:
            UsageError: The reason is shorter than ten characters.
            AccessError: They are not permitted it; the refusal is recorded.
        """
        if len(reason.strip()) < SHORTEST_REASON:
            raise UsageError(
                f"emergency access needs a reason of at least {SHORTEST_REASON} characters; say "
                "why it is needed"
            )
        until = self._vault.now() + EMERGENCY
        detail = f"until {_moment(until).isoformat(timespec='seconds')}: {reason.strip()}"
        try:
            with self._vault.recorded(
                AuditEvent("emergency", by, collection=EVERYWHERE, detail=detail)
            ) as connection:
                found = connection.execute(
                    """insert or replace into emergency
                        select name, ?, ? from person where name = ? and emergency""",
                    (reason.strip(), until, by.user),
                )
                if not found.rowcount:
                    raise AccessError(f"{by.user} may not take emergency access; ask who runs it")
        except AccessError:
            self._vault.log.append(AuditEvent("emergency", by, "denied", detail=reason.strip()))
            raise
        return _moment(until)

    def end_emergency(self, by: Actor) -> None:
        """End a person's emergency access before its time."""
        event = AuditEvent("emergency-end", by, collection=EVERYWHERE)
        with self._vault.recorded(event) as connection:
            connection.execute("delete from emergency where name = ?", (by.user,))

    def make_token(
        self,
        name: str,
        label: str,
        by: Actor,
        *,
        verbs: Collection[str],
        collections: Collection[str] = (),
        days: int = 90,
    ) -> tuple[Token, str]:
        """Make an API token for a person; return it with its secret, which is not kept.

        It may do what its owner may at the time of use, within its verbs and collections.

        Args:
            name: Whose.
            label: What for.
            by: Who makes it.
            verbs: What it may be used for; see `access.Verb`.
            collections: Where; empty for wherever its owner may.
            days: Life, 1 to 365.

        Raises:
            UsageError: There is no such person or verb, or the life is out of range.
        """
        if not 1 <= days <= DAYS:
            raise UsageError(f"a token lives 1 to {DAYS} days, not {days}; choose such a number")
        until = _moment(self._vault.now() + days * DAY)
        token = Token(token_hex(6), name, label, verbs_of(verbs), frozenset(collections), until)
        secret = PREFIX + token_urlsafe(32)
        event = AuditEvent("person", by, detail=f"token {token.id} for {name}")
        with self._vault.recorded(event) as connection:
            found = connection.execute(
                "insert into token select ?, ?, name, ?, ?, ?, ? from person where name = ?",
                (digest(secret), token.id, label, json.dumps(sorted(token.verbs)),
                 json.dumps(sorted(token.collections)), until.timestamp(), name),
            )  # fmt: skip
            if not found.rowcount:
                raise UsageError(f"there is no person {name}; see acir user list")
        return token, secret

    def tokens(self, name: str | None = None) -> list[Token]:
        """Return the tokens that have not expired, of one person or of all, by id."""
        with self._vault.transaction() as connection:
            rows = connection.execute(
                """select id, name, label, verbs, collections, until from token
                    where until > ? and (name = ? or ? is null) order by id""",
                (self._vault.now(), name, name),
            ).fetchall()
        return [
            Token(row, user, label, verbs_of(json.loads(verbs)),
                  frozenset(json.loads(places)), _moment(until))
            for row, user, label, verbs, places, until in rows
        ]  # fmt: skip

    def revoke_token(self, token: str, by: Actor) -> None:
        """Revoke a token by its id.

        Raises:
            UsageError: There is none.
        """
        event = AuditEvent("person", by, detail=f"token {token} revoked")
        with self._vault.recorded(event) as connection:
            if not connection.execute("delete from token where id = ?", (token,)).rowcount:
                raise UsageError(f"there is no token {token}; see acir user list")

    def recognise_token(self, secret: str) -> Principal | None:
        """Return who may do what with a token; None for one that is unknown or has expired."""
        with self._vault.transaction() as connection:
            row = connection.execute(
                "select name, id, verbs, collections from token where secret = ? and until > ?",
                (digest(secret), self._vault.now()),
            ).fetchone()
            if row is None:
                return None
            name, token, verbs, places = row
            owner = Principal(name, roles_of(connection, name))
        roles = owner.roles
        if wanted := json.loads(places):
            held = {place: role_in(owner, place) for place in wanted}
            roles = {place: role for place, role in held.items() if role is not None}
        return Principal(name, roles, verbs_of(json.loads(verbs)), session=token)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)

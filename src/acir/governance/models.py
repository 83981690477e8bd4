"""Models in service: which bundle is registered, which one was approved, and the way back.

A registry is a folder with `models.sqlite` and an audit log. It holds what a bundle says of itself,
not the bundle; the bundle's id is the SHA-256 of its checksums, so what was approved cannot be
exchanged for something else.
"""

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from acir.errors import AccessError, UsageError
from acir.governance.audit import Actor, AuditEvent, AuditLog
from acir.index.database import Database

FILE = "models.sqlite"
TABLES = (
    """create table if not exists model (
        id text primary key, name text not null, by text not null, time real not null,
        about text not null, card text not null)""",
    # The last row of a name is in service; the ones before are the way back.
    """create table if not exists service (
        seq integer primary key autoincrement, name text not null,
        model text not null references model)""",
)
SERVES = """select 1 from model where id = ?
    and id = (select model from service where name = model.name order by seq desc limit 1)"""
ALL = """select id, name, by, time, about, card,
    id = (select model from service where name = model.name order by seq desc limit 1),
    exists (select 1 from service where model = model.id),
    (select model from service where name = model.name order by seq desc limit 1 offset 1)
    from model order by name, time, id"""


@dataclass(frozen=True)
class Registered:
    """A bundle that a registry knows.

    Attributes:
        id: Identity of the bundle.
        name: What it is for; of one name one bundle is in service.
        by: Who registered it.
        time: When, in UTC.
        about: What it says of itself: classes, pictures of training and calibration, promise.
        card: Its model card, as Markdown.
        approved: Whether it is, or was before, approved and not rolled back.
        in_service: Whether it is the one that serves.
        before: Id of the bundle that serves again once this one is rolled back; empty where none
            does.
    """

    id: str
    name: str
    by: str
    time: datetime
    about: Mapping[str, Any]
    card: str
    approved: bool
    in_service: bool
    before: str


class Registry(AbstractContextManager["Registry"]):
    """A registry, open; every change of it is recorded before it counts.

    Args:
        folder: Where it is; it must exist, and an empty registry is made in it.

    Raises:
        AuditError: The audit log cannot be used.
        StorageError: The registry cannot be read or written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = AuditLog.create(folder)
        try:
            self._database = Database(folder, name=FILE)
            with self._database.transaction() as connection:
                for table in TABLES:
                    connection.execute(table)
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_: object) -> None:
        """Close the registry and its log."""
        self.close()

    def close(self) -> None:
        """Close the registry and its log; closing twice is harmless."""
        self.log.close()
        if hasattr(self, "_database"):
            self._database.close()

    def register(
        self, name: str, bundle: str, by: Actor, about: Mapping[str, Any], card: str
    ) -> None:
        """Make a bundle known; it does not serve before it is approved.

        Args:
            name: What it is for.
            bundle: Its id.
            by: Who registers it.
            about: What it says of itself, as plain values.
            card: Its model card.

        Raises:
            UsageError: It is registered already.
        """
        with self._database.transaction() as connection:
            if connection.execute("select 1 from model where id = ?", (bundle,)).fetchone():
                raise UsageError(f"the model {bundle} is registered already; see acir model list")
            connection.execute(
                "insert into model values (?, ?, ?, ?, ?, ?)",
                (bundle, name, by.user, time.time(), json.dumps(about), card),
            )
            self._record(by, bundle, f"registered as {name}")

    def approve(self, start: str, by: Actor) -> Registered:
        """Let a bundle serve in place of the one that serves under its name.

        Args:
            start: Its id, or the beginning of it.
            by: Who approves it.

        Raises:
            UsageError: There is not exactly one such bundle, or it serves already.
        """
        with self._database.transaction() as connection:
            found = self._one(start)
            if found.in_service:
                raise UsageError(f"the model {found.id} is in service already")
            connection.execute(
                "insert into service (name, model) values (?, ?)", (found.name, found.id)
            )
            self._record(by, found.id, f"approved for {found.name}")
        return self._one(found.id)

    def roll_back(self, name: str, by: Actor, seen: Sequence[str] = ()) -> Registered:
        """Take the bundle that serves under a name out of service; the one before serves again.

        Args:
            name: What it is for.
            by: Who rolls back.
            seen: Its id and that of the one before, where somebody saw them and agreed: the same
                asked twice goes back once. Empty for whichever they are.

        Raises:
            UsageError: There is none before it, or they are no longer those that were seen.
        """
        with self._database.transaction() as connection:
            rows = connection.execute(
                "select seq, model from service where name = ? order by seq desc limit 2", (name,)
            ).fetchall()
            if seen and [model for _, model in rows] != list(seen):
                raise UsageError(
                    f"the models in service for {name} are not those that were shown, so nothing "
                    "was rolled back; look which one is"
                )
            if len(rows) < 2:  # noqa: PLR2004 - the one that serves and the one before
                raise UsageError(
                    f"there is no earlier model of {name} to go back to; see acir model list"
                )
            (seq, bundle), (_, before) = rows
            connection.execute("delete from service where seq = ?", (seq,))
            self._record(by, bundle, f"rolled back for {name}, now {before}")
        return self._one(before)

    def models(self) -> list[Registered]:
        """Return all registered bundles by name, the oldest first."""
        return [
            Registered(
                id=row[0],
                name=row[1],
                by=row[2],
                time=datetime.fromtimestamp(row[3], UTC),
                about=json.loads(row[4]),
                card=row[5],
                in_service=bool(row[6]),
                approved=bool(row[7]),
                before=row[8] if row[6] and row[8] else "",
            )
            for row in self._database.read(ALL)
        ]

    def check_serves(self, bundle: str) -> None:
        """Refuse a bundle that is not in service; a server asks this before it opens an index.

        Raises:
            AccessError: It is not registered, not approved or was rolled back.
        """
        if not self._database.read(SERVES, bundle):
            raise AccessError(
                f"the model {bundle} is not approved by the registry at {self.folder}; approve it "
                "with acir model approve, or serve an index of one that is"
            )

    def _one(self, start: str) -> Registered:
        found = [model for model in self.models() if start and model.id.startswith(start)]
        if len(found) != 1:
            raise UsageError(
                f"{len(found)} registered models have an id that begins with {start!r}, expected "
                "one; see acir model list"
            )
        return found[0]

    def _record(self, by: Actor, bundle: str, detail: str) -> None:
        """Record a change, as the last thing before it is committed."""
        self.log.append(AuditEvent("model", by, model=bundle, detail=detail))

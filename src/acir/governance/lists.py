"""Lists of cases that a person keeps for themselves, with a note on each picture.

They lie in the vault, so they go with the person, and hold ids and pseudonyms alone: what a picture
shows is asked of the index each time, and with it whether its owner may still see it. The audit log
says that something was put on a list, not what the list or the note says.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from secrets import token_hex
from sqlite3 import Connection

from acir.errors import UsageError
from acir.governance.audit import Actor, AuditEvent
from acir.governance.vault import Vault

LISTS = 100  # of one person
PICTURES = 1000  # of one list
LONGEST_TITLE = 80
LONGEST_NOTE = 2000


@dataclass(frozen=True)
class CaseList:
    """A list, without what is on it.

    Attributes:
        key: Names it; nobody else can guess it.
        title: What its owner calls it.
    """

    key: str
    title: str


@dataclass(frozen=True)
class Noted:
    """A picture on a list.

    Attributes:
        picture: Its id in the index.
        note: What the owner wrote about it; may be empty.
    """

    picture: str
    note: str


@dataclass(frozen=True)
class Picture:
    """A picture of the index that is to be put on a list.

    Attributes:
        id: Its id.
        patient: Keyed hash of its patient, by which an erasure finds it; None where none is known.
        collection: Where it belongs.
    """

    id: str
    patient: str | None
    collection: str


class Lists:
    """The lists of all people in a vault.

    Of a list that is another's nobody is told more than that there is none.

    Args:
        vault: Where they are kept.
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def of(self, person: str) -> list[CaseList]:
        """Return a person's lists by title."""
        with self._vault.transaction() as connection:
            rows = connection.execute(
                "select key, title from list where person = ? order by title, key", (person,)
            ).fetchall()
        return [CaseList(*row) for row in rows]

    def read(self, key: str, person: str) -> tuple[CaseList, list[Noted]]:
        """Return a person's list and the pictures on it, the last one first.

        Raises:
            UsageError: There is no such list of theirs.
        """
        with self._vault.transaction() as connection:
            found = CaseList(key, _title(connection, key, person))
            rows = connection.execute(
                "select picture, note from noted where list = ? order by rowid desc", (key,)
            ).fetchall()
        return found, [Noted(*row) for row in rows]

    def make(self, title: str, by: Actor) -> str:
        """Make an empty list and return its key.

        Raises:
            UsageError: The title is empty or too long, or they have too many lists.
        """
        kept, key = _checked(title), token_hex(8)
        with self._recorded(by, "a list made") as connection:
            ((count,),) = connection.execute(
                "select count(*) from list where person = ?", (by.user,)
            ).fetchall()
            if count >= LISTS:
                raise UsageError(f"you have {LISTS} lists, the most there may be; delete one first")
            connection.execute("insert into list values (?, ?, ?)", (key, by.user, kept))
        return key

    def begin(self, title: str, picture: Picture, note: str, by: Actor) -> str:
        """Make a list with a picture on it and return its key; a note that is too long makes none.

        Raises:
            UsageError: As in `make` and `put`.
        """
        _checked_note(note)
        key = self.make(title, by)
        self.put(key, picture, note, by)
        return key

    def rename(self, key: str, title: str, by: Actor) -> None:
        """Give a list another title.

        Raises:
            UsageError: There is no such list of theirs, or the title is empty or too long.
        """
        kept = _checked(title)
        with self._recorded(by, "a list renamed") as connection:
            _title(connection, key, by.user)
            connection.execute("update list set title = ? where key = ?", (kept, key))

    def delete(self, key: str, by: Actor) -> None:
        """Delete a list with its notes.

        Raises:
            UsageError: There is no such list of theirs.
        """
        with self._recorded(by, "a list deleted") as connection:
            _title(connection, key, by.user)
            connection.execute("delete from list where key = ?", (key,))

    def put(self, key: str, picture: Picture, note: str, by: Actor) -> None:
        """Put a picture on a list, or change the note of one that is on it.

        Raises:
            UsageError: There is no such list of theirs, it is full, or the note is too long.
        """
        kept = _checked_note(note)
        with self._recorded(by, "a picture put on a list", picture) as connection:
            _title(connection, key, by.user)
            ((others,),) = connection.execute(
                "select count(*) from noted where list = ? and picture <> ?", (key, picture.id)
            ).fetchall()
            if others >= PICTURES:
                raise UsageError(
                    f"a list holds at most {PICTURES} pictures; begin another, or take some off"
                )
            connection.execute(
                """insert into noted (list, picture, patient, note) values (?, ?, ?, ?)
                    on conflict do update set note = excluded.note""",
                (key, picture.id, picture.patient, kept),
            )

    def take(self, key: str, picture: Picture, by: Actor) -> None:
        """Take a picture off a list with its note; one that is not on it is let be.

        Raises:
            UsageError: There is no such list of theirs.
        """
        with self._recorded(by, "a picture taken off a list", picture) as connection:
            _title(connection, key, by.user)
            connection.execute(
                "delete from noted where list = ? and picture = ?", (key, picture.id)
            )

    def erase(self, patient: str, pictures: list[str], by: Actor) -> int:
        """Take everything of a patient off all lists of all people; return how much it was.

        Args:
            patient: Their pseudonym.
            pictures: Ids of their pictures, for what was put on a list without a patient.
            by: Who erases.
        """
        with self._vault.transaction() as connection:
            rows = connection.execute("select rowid, picture, patient from noted").fetchall()
            named = set(pictures)
            found = [(row,) for row, name, of in rows if of == patient or name in named]
            if found:
                connection.executemany("delete from noted where rowid = ?", found)
                self._vault.log.append(
                    AuditEvent(
                        "erase", by, patients=(patient,), count=len(found), detail="from lists"
                    )
                )
        if found:
            self._vault.forget()
        return len(found)

    def _recorded(
        self, by: Actor, detail: str, picture: Picture | None = None
    ) -> AbstractContextManager[Connection]:
        event = AuditEvent("annotate", by, detail=detail)
        if picture is not None:
            patients = (picture.patient,) if picture.patient else ()
            event = replace(event, collection=picture.collection, patients=patients, count=1)
        return self._vault.recorded(event)


def _checked(title: str) -> str:
    kept = title.strip()
    if not kept or len(kept) > LONGEST_TITLE or not kept.isprintable():
        raise UsageError(
            f"a list has a title of 1 to {LONGEST_TITLE} characters in one line; choose another one"
        )
    return kept


def _checked_note(note: str) -> str:
    kept = "\n".join(note.split("\r\n")).strip()
    if len(kept) > LONGEST_NOTE:
        raise UsageError(
            f"a note has at most {LONGEST_NOTE} characters, not {len(kept)}; shorten it"
        )
    return kept


def _title(connection: Connection, key: str, person: str) -> str:
    found = connection.execute(
        "select title from list where key = ? and person = ?", (key, person)
    ).fetchone()
    if found is None:
        raise UsageError("you have no such list; see your lists for those there are")
    return str(found[0])

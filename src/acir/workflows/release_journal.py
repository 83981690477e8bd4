"""What became of each file of `acir deid`: a journal beside the quarantine, and the writing.

`OUT.quarantine/journal.jsonl` has a first line that says under which key and options OUT was made,
and then one line a file. A file stands in it after it was written; of a file that stands there
twice the later line counts.
"""

import json
import os
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from fcntl import LOCK_EX, LOCK_NB, flock
from hashlib import sha256
from pathlib import Path, PurePath
from typing import Literal

from acir.durable import whole
from acir.errors import BusyError, UsageError
from acir.privacy.deid import Profile
from acir.privacy.pseudonym import pseudonym
from acir.privacy.table import description

State = Literal["released", "quarantined", "failed"]
SUFFIX = ".quarantine"
JOURNAL = "journal.jsonl"
TAKEN = "it has the instance UID of an earlier file, and other content"


@dataclass(frozen=True)
class Entry:
    """What became of one file.

    Attributes:
        name: Keyed hash of its content.
        file: Its place in the order of the paths, which may be told.
        state: Released, quarantined or failed.
        place: Where the output is, below OUT or below the quarantine.
        sha256: Of the output.
        reason: Why it was kept back.
    """

    name: str
    file: str
    state: State
    place: str | None = None
    sha256: str | None = None
    reason: str | None = None


class Journal:
    """The outputs of a folder, and what is known of them.

    Args:
        out: The folder.
        entries: What stands in its journal.
        held: What keeps other runs away; it is closed with this.
    """

    def __init__(self, out: Path, entries: Iterable[Entry], held: ExitStack) -> None:
        self._out, self._held = out, held
        self._quarantine = quarantine_of(out)
        self._entries = {entry.name: entry for entry in entries}
        self._places = {e.place for e in self._entries.values() if e.state == "released"}
        self._file = held.enter_context((self._quarantine / JOURNAL).open("r+b"))
        self._file.truncate(self._file.read().rfind(b"\n") + 1)  # a line that was cut off
        self._file.seek(0, os.SEEK_END)

    @classmethod
    def open(cls, out: Path, profile: Profile) -> "Journal":
        """Go on with the journal of a folder, or begin one.

        Raises:
            UsageError: The folder was made with another key or other options, or by others, or its
                journal is damaged.
            BusyError: Another run writes to it.
        """
        head = {
            "key": pseudonym(profile.key, "file", "journal"),
            "dates": profile.dates,
            "every picture": profile.every_picture,
            "table": description(),
        }
        path = quarantine_of(out) / JOURNAL
        if not path.is_file() and out.exists() and any(out.iterdir()):
            raise UsageError(f"{out} holds files that `acir deid` has not written; give another")
        path.parent.mkdir(parents=True, exist_ok=True)
        with ExitStack() as held:
            _keep_away(path.parent, out, held)
            if not path.is_file():
                _write(path, (json.dumps(head) + "\n").encode())
            given, entries = _parsed(path)
            for name, value in head.items():
                if given.get(name) != value:
                    raise UsageError(
                        f"{out} was made with another {name}; give another folder, or what was "
                        "given then"
                    )
            return cls(out, entries, held.pop_all())

    @staticmethod
    def read(out: Path) -> list[Entry]:
        """Return what is known of the outputs of a folder.

        Raises:
            UsageError: There is no journal, or it is damaged.
        """
        path = quarantine_of(out) / JOURNAL
        if not path.is_file():
            raise UsageError(f"there is no {path}; give the folder that `acir deid` wrote to")
        return [*{entry.name: entry for entry in _parsed(path)[1]}.values()]

    def has(self, name: str) -> bool:
        """Whether a file was written, and is still there as it was written."""
        entry = self._entries.get(name)
        if entry is None or entry.place is None:
            return False
        folder = self._out if entry.state == "released" else self._quarantine
        path = folder / entry.place
        return path.is_file() and sha256(path.read_bytes()).hexdigest() == entry.sha256

    def write(self, name: str, file: str, content: bytes, place: PurePath) -> Entry:
        """Write an output; one place belongs to one file."""
        known = self._entries.get(name)
        if str(place) in self._places and (known is None or known.place != str(place)):
            return Entry(name, file, "failed", reason=TAKEN)
        _write(self._out / place, content)
        return Entry(name, file, "released", str(place), sha256(content).hexdigest())

    def quarantine(self, name: str, file: str, content: bytes, reason: str) -> Entry:
        """Write an output where a person has to look at it."""
        place = f"{name}.dcm"
        _write(self._quarantine / place, content)
        return Entry(name, file, "quarantined", place, sha256(content).hexdigest(), reason)

    def note(self, entry: Entry) -> None:
        """Remember what became of a file."""
        self._entries[entry.name] = entry
        if entry.state == "released":
            self._places.add(entry.place)
        self._file.write(json.dumps(asdict(entry)).encode() + b"\n")
        self._file.flush()

    def close(self) -> None:
        """Let go of the journal."""
        self._held.close()


def quarantine_of(out: Path) -> Path:
    """Return the folder beside OUT for what a person has to look at, and for the journal."""
    return out.absolute().with_name(out.absolute().name + SUFFIX)


def _keep_away(quarantine: Path, out: Path, held: ExitStack) -> None:
    """Keep other runs away as long as something is held."""
    folder = os.open(quarantine, os.O_RDONLY)
    held.callback(os.close, folder)
    try:
        flock(folder, LOCK_EX | LOCK_NB)
    except BlockingIOError as error:
        raise BusyError(f"another run writes to {out}; wait until it has ended") from error


def _parsed(path: Path) -> tuple[dict[str, object], list[Entry]]:
    """Read a journal; a line that was cut off when a run was stopped does not count.

    Raises:
        UsageError: It is none, as where a power cut has left an empty file.
    """
    head, *lines = path.read_bytes().split(b"\n")[:-1] or [b""]
    try:
        return dict(json.loads(head)), [Entry(**json.loads(line)) for line in lines if line]
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"{path} is not what `acir deid` writes ({error}); restore it, or give another folder"
        ) from error


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as part:
        part.write_bytes(content)

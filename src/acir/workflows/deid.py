"""`acir deid`: files without identity, and the list of those that a person has to look at."""

import os
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from acir.amounts import amount
from acir.errors import SourceError, UnreadableImageError, UsageError
from acir.folders import walk_files
from acir.pacs import guard
from acir.pacs.files import is_dicom_file
from acir.prep.decode import read_file
from acir.privacy.deid import Profile
from acir.privacy.pseudonym import KEY_VARIABLE, load_key, pseudonym
from acir.types import Progress, counted, silent
from acir.workflows.destination import refuse_unwritable
from acir.workflows.release_journal import Entry, Journal, State, quarantine_of

SECONDS = 120.0  # for one file: all frames are looked at, and words are read in three
MEMORY = 2 * guard.MEMORY  # all frames are in memory, and as they are shown

Say = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """How many files went where.

    Attributes:
        released: Written without identity.
        quarantined: Written to the quarantine, because a person has to look at their pixels.
        failed: Not written, because they cannot be read.
        present: Left as an earlier run has written them.
    """

    released: int
    quarantined: int
    failed: int
    present: int


def deidentify(
    source: Path,
    out: Path,
    *,
    key_file: Path | None = None,
    dates: bool = False,
    every_picture: bool = False,
    progress: Progress = silent,
    say: Say = lambda _: None,
) -> Outcome:
    """Write the DICOM files of a folder without identity to another; the same again goes on.

    A file is written whole or not at all, as OUT/patient/study/series/instance.dcm, under new
    names. What has to be looked at first lies in the folder OUT.quarantine, beside the journal.

    Args:
        source: A DICOM file, or a folder of them.
        out: The folder to write to.
        key_file: The secret; made where there is none. Else `ACIR_KEY_FILE` names it.
        dates: Whether dates stay, shifted by a number of days that is secret and the patient's.
        every_picture: Whether text is looked for in pictures of every kind.
        progress: Shows how far it is.
        say: Is told what was kept back.

    Raises:
        UsageError: There is no key, no DICOM file or none that can be read, or `out` cannot be
            used.
        StorageError: Nothing can be written there.
        BusyError: Another run writes to `out`.
    """
    for folder in (out, quarantine_of(out)):
        refuse_unwritable(folder, "OUT")
    files = _files(source, out)
    profile = Profile(_key(key_file, out), dates, every_picture)
    pool = guard.Pool(workers=1, seconds=SECONDS, memory=MEMORY)
    with pool, closing(Journal.open(out, profile)) as journal:
        run = _Run(journal, profile, len(files), pool)
        with progress("removing identity", len(files)) as tick:
            for number, path in enumerate(counted(files, tick), start=1):
                run.take(path, number)
        for line in run.notes():
            say(line)
        run.require_any()
        return run.outcome()


def review(out: Path) -> list[Entry]:
    """Return the files that were kept back from a folder: quarantined or failed.

    Raises:
        UsageError: Nothing was written there by `deidentify`.
    """
    return [entry for entry in Journal.read(out) if entry.state != "released"]


class _Run:
    """Takes one file after the other and counts what came of it."""

    def __init__(self, journal: Journal, profile: Profile, total: int, pool: guard.Pool) -> None:
        self._journal = journal
        self._profile = profile
        self._pool = pool
        self._total = total
        self._counts: Counter[State | None] = Counter()
        self._kept_back: list[Entry] = []

    def take(self, path: Path, number: int) -> None:
        """Release a file, unless an earlier run has."""
        said = f"DICOM file {number} of {self._total}"
        try:
            data = read_file(path, said)
        except UnreadableImageError as error:
            unread = pseudonym(self._profile.key, "file", str(path.absolute()))
            self._note(Entry(unread, said, "failed", reason=error.reason))
            return
        name = pseudonym(self._profile.key, "file", sha256(data).hexdigest())
        if self._journal.has(name):
            self._counts[None] += 1
            return
        self._note(self._released(data, name, said))

    def _released(self, data: bytes, name: str, said: str) -> Entry:
        try:
            found = self._pool.release(data, self._profile, said)
            if found.doubt is not None:
                return self._journal.quarantine(name, said, found.content, found.doubt)
            return self._journal.write(name, said, found.content, found.place)
        except UnreadableImageError as error:
            return Entry(name, said, "failed", reason=error.reason)

    def _note(self, entry: Entry) -> None:
        self._journal.note(entry)
        self._counts[entry.state] += 1
        if entry.state != "released":
            self._kept_back.append(entry)

    def notes(self) -> list[str]:
        """Return a line for each file that was kept back."""
        if not self._kept_back:
            return []
        lines = [f"  {entry.file}: {entry.reason}" for entry in self._kept_back]
        return [
            f"kept back {amount(len(lines), 'file', 'files')}; see `acir deid review OUT`:",
            *lines,
        ]

    def require_any(self) -> None:
        """Refuse files of which none can be read, as every command that reads files does.

        Raises:
            SourceError: None can.
        """
        if self._counts["failed"] == self._total:
            first = self._kept_back[0]
            raise SourceError(
                f"none of {amount(self._total, 'DICOM file', 'DICOM files')} can be read, such as "
                f"{first.file} ({first.reason}); give some that can"
            )

    def outcome(self) -> Outcome:
        """Return the counts."""
        counts = self._counts
        return Outcome(counts["released"], counts["quarantined"], counts["failed"], counts[None])


def _files(source: Path, out: Path) -> list[Path]:
    if not source.exists():
        raise SourceError(f"there is nothing at {source}; give a DICOM file or a folder of them")
    files = [source] if source.is_file() else walk_files(source, is_dicom_file)
    if not files:
        raise SourceError(f"{source} holds no DICOM file; give a folder that does")
    here, there = source.resolve(), out.resolve()
    if there == here or here in there.parents or there in here.parents:
        raise UsageError(f"{out} and {source} lie within each other; give a folder elsewhere")
    return files


def _key(key_file: Path | None, out: Path) -> bytes:
    given = os.environ.get(KEY_VARIABLE)
    if key_file is None and not given:
        raise UsageError(f"there is no key; name its file with --key-file or in {KEY_VARIABLE}")
    if key_file is not None and given and Path(given).resolve() != key_file.resolve():
        raise UsageError(
            f"--key-file names {key_file}, and {KEY_VARIABLE} names {given}; name one of them"
        )
    place = key_file or Path(str(given))
    if out.resolve() in place.resolve().parents:
        raise UsageError(f"the key {place} lies in {out}, which is handed on; keep it elsewhere")
    return load_key(place)

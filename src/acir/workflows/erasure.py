"""`acir index delete --patient`: the right to erasure, and the proof that it was done."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from acir.amounts import amount
from acir.errors import AcirError, UsageError
from acir.folders import exists
from acir.governance import audit, vault
from acir.governance.audit import AuditLog
from acir.governance.events import PSEUDONYM
from acir.governance.lists import Lists
from acir.governance.vault import Vault
from acir.index import parquet, remnants
from acir.index.store import Store
from acir.workflows.index_servers import up_to_date
from acir.workflows.recording import described, recorded, system_user
from acir.workflows.search import BUNDLE


@dataclass(frozen=True)
class Erasure:
    """What erasing a patient came to.

    Attributes:
        deleted: Pictures.
        remains: What was found of them afterwards, and in which file; nothing where all is well.
        learned: What was found of them in the bundle: the model learned from the patient.
        copies: What each copy that was ever made of the index says of the patient, by its place.
        records: Records of the audit log that name the pseudonym; they stay.
        listed: Pictures that were taken off people's lists, with their notes.
    """

    deleted: int
    remains: tuple[str, ...]
    learned: tuple[str, ...] = ()
    copies: Mapping[str, str] = field(default_factory=dict)
    records: int = 0
    listed: int = 0

    def lines(self) -> Iterator[str]:
        """Yield it in words for a person."""
        yield from (f"remains: {line}" for line in self.remains)
        if self.listed:
            was = amount(self.listed, "picture was", "pictures were")
            yield f"{was} taken off the lists of people, with every note"
        if not self.remains:
            yield "nothing of the patient was found in the files of the index"
        yield from (
            f"the model learned from the patient ({line} of the bundle); train it anew without them"
            for line in self.learned
        )
        yield from (f"copy {place}: {said}" for place, said in self.copies.items())
        if self.records:
            names = amount(
                self.records, "record of the audit log names", "records of the audit log name"
            )
            yield f"{names} the pseudonym; such a record stays until it is archived and destroyed"


def erase(index: Path, patient: str) -> Erasure:
    """Delete all pictures of a patient, then read every file of the index for what is left.

    They are taken off the lists of people too, with the notes on them.

    Sought are the pseudonym, and of each picture its id, path, pixel hash and a part of embedding
    and thumbnail, wherever no other picture has them too. The queries that an index remembers name
    no patient: of each there is a p-value and a day. The bundle is told apart: it holds the hashes
    of the pictures that it learned from, and no deletion makes it forget those.

    Args:
        index: Folder of the index.
        patient: Keyed hash of the patient, as the index keeps it.

    Raises:
        UsageError: That is no keyed hash, or there is no index.
        AuditError: The record could not be written; nothing was deleted.
    """
    if not PSEUDONYM.fullmatch(patient):
        raise UsageError(
            f"{patient!r} is no pseudonym of a patient; give the 32 hexadecimal digits that the "
            "index keeps"
        )
    with Store.open(index) as store, up_to_date(store):
        with store.view() as view:
            entries = view.entries(view.same_patient(patient))
        event = described(store, "erase", system_user(), entries)
        event = replace(event, patients=(patient,))  # though there may be no picture of theirs
        names = [name for entry in entries for name in (entry.id, entry.path) if name]
        with recorded(store, event):
            listed = _taken_off_lists(index, patient, [entry.id for entry in entries])
            deleted = store.erase([entry.id for entry in entries], names)
        with store.view() as view:
            needles = remnants.unshared(remnants.traces(entries), entries, view)
        copies = {str(place): _said(place, patient) for place in store.copies()}
    needles[patient.encode()] = "the pseudonym"
    remains = remnants.found(index, needles, beside=(audit.FILE, f"{BUNDLE}/"))
    learned = remnants.found(index / BUNDLE, needles)
    records = _records(index, patient)
    return Erasure(deleted, tuple(remains), tuple(learned), copies, records, listed)


def _taken_off_lists(index: Path, patient: str, pictures: list[str]) -> int:
    """Erase a patient from the lists of those who use the index, if anybody does."""
    if not (index / vault.FILE).is_file():
        return 0
    with AuditLog.create(index) as log, Vault(index, log) as opened:
        return Lists(opened).erase(patient, pictures, system_user())


def _said(place: Path, patient: str) -> str:
    """Say whether a copy still holds a patient."""
    try:
        if not exists(place):
            return "is not there any more; if it was moved, look there"
        if place.is_file():
            held = parquet.holds(place, patient)
        else:
            with Store.open(place) as store, store.view() as view:
                held = len(view.same_patient(patient)) > 0
    except AcirError as error:
        return f"could not be read: {error}"
    return "still holds the patient; erase them there too" if held else "does not hold the patient"


def _records(index: Path, patient: str) -> int:
    if not (index / audit.FILE).is_file():
        return 0
    with AuditLog.open(index) as log:
        return sum(patient in record.event.patients for record in log.records())

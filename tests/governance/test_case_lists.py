"""Lists of cases: one's own alone, within limits, recorded, and gone with a patient."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from acir.errors import AuditError, UsageError
from acir.governance import lists
from acir.governance.audit import Actor
from acir.governance.lists import CaseList, Lists, Noted, Picture
from made_people import ROOT, Office, office

ADA, EVE = Actor("ada"), Actor("eve")
PATIENT, OTHER = "a" * 32, "b" * 32
FIRST, SECOND = Picture("one", PATIENT, "chest"), Picture("two", OTHER, "chest")


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path) as found:
        found.people.add("eve", None, ROOT)
        yield found


def test_a_list_is_made_filled_renamed_and_deleted(here: Office) -> None:
    own = Lists(here.vault)
    key = own.make("  Odd lungs ", ADA)
    own.put(key, FIRST, "a\r\nb ", ADA)
    own.put(key, SECOND, "", ADA)
    own.put(key, FIRST, "better", ADA)
    assert own.read(key, "ada") == (
        CaseList(key, "Odd lungs"), [Noted("two", ""), Noted("one", "better")]
    )  # fmt: skip
    own.rename(key, "Lungs", ADA)
    own.take(key, SECOND, ADA)
    own.take(key, SECOND, ADA)  # what is not on it is let be
    assert own.read(key, "ada") == (CaseList(key, "Lungs"), [Noted("one", "better")])
    assert own.of("ada") == [CaseList(key, "Lungs")]
    own.delete(key, ADA)
    assert own.of("ada") == []


def test_another_person_is_told_the_same_as_of_no_list(here: Office) -> None:
    own = Lists(here.vault)
    key = own.make("mine", ADA)
    own.put(key, FIRST, "secret", ADA)
    assert own.of("eve") == []
    for name in (key, "nothing"):
        for act in (
            lambda name=name: own.read(name, "eve"),
            lambda name=name: own.rename(name, "x", EVE),
            lambda name=name: own.delete(name, EVE),
            lambda name=name: own.put(name, SECOND, "", EVE),
            lambda name=name: own.take(name, FIRST, EVE),
        ):
            with pytest.raises(UsageError, match="you have no such list; see your lists"):
                act()
    assert own.read(key, "ada")[1] == [Noted("one", "secret")]


@pytest.mark.parametrize("title", ["", "  ", "x" * 81, "a\nb", "a\0"])
def test_a_title_is_one_short_line(here: Office, title: str) -> None:
    own = Lists(here.vault)
    with pytest.raises(UsageError, match="a list has a title of 1 to 80 characters in one line"):
        own.make(title, ADA)
    key = own.make("x" * 80, ADA)
    with pytest.raises(UsageError, match="a list has a title of 1 to 80 characters"):
        own.rename(key, title, ADA)


def test_a_note_has_a_limit(here: Office) -> None:
    own = Lists(here.vault)
    key = own.make("x", ADA)
    own.put(key, FIRST, "x" * 2000, ADA)
    with pytest.raises(
        UsageError, match="a note has at most 2000 characters, not 2001; shorten it"
    ):
        own.put(key, FIRST, "x" * 2001, ADA)


def test_lists_and_pictures_have_limits(here: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "LISTS", 2)
    monkeypatch.setattr(lists, "PICTURES", 1)
    own = Lists(here.vault)
    key = own.make("x", ADA)
    own.put(key, FIRST, "", ADA)
    own.put(key, FIRST, "changed, which makes it no longer", ADA)
    with pytest.raises(UsageError, match="a list holds at most 1 pictures; begin another"):
        own.put(key, SECOND, "", ADA)
    own.make("y", ADA)
    with pytest.raises(UsageError, match="you have 2 lists, the most there may be; delete one"):
        own.make("z", ADA)
    own.make("z", EVE)  # each has their own number


def test_every_change_is_recorded_without_its_words(here: Office) -> None:
    own, before = Lists(here.vault), here.log.head().seq
    key = own.make("CANARY", ADA)
    own.put(key, FIRST, "CANARY", ADA)
    own.take(key, FIRST, ADA)
    own.rename(key, "CANARY 2", ADA)
    own.delete(key, ADA)
    events = [record.event for record in here.log.records() if record.seq > before]
    assert [event.detail for event in events] == [
        "a list made", "a picture put on a list", "a picture taken off a list",
        "a list renamed", "a list deleted",
    ]  # fmt: skip
    assert {event.action for event in events} == {"annotate"}
    assert [event.patients for event in events] == [(), (PATIENT,), (PATIENT,), (), ()]
    assert events[1].collection == "chest"
    assert "CANARY" not in repr(events)


def test_what_cannot_be_recorded_is_not_kept(here: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    own = Lists(here.vault)

    def full(*_: object) -> None:
        raise AuditError("the disk is full")

    monkeypatch.setattr(here.log, "append", full)
    with pytest.raises(AuditError, match="the disk is full"):
        own.make("x", ADA)
    assert own.of("ada") == []


def test_lists_go_with_their_person(here: Office) -> None:
    own = Lists(here.vault)
    own.put(own.make("x", EVE), FIRST, "", EVE)
    here.people.remove("eve", ROOT)
    with here.vault.transaction() as connection:
        assert connection.execute("select count(*) from noted").fetchone() == (0,)


def test_a_patient_is_erased_from_the_lists_of_all(here: Office, tmp_path: Path) -> None:
    own = Lists(here.vault)
    hers, his = own.make("x", ADA), own.make("x", EVE)
    gone = replace(FIRST, id="deleted long ago", patient=PATIENT)
    for key, picture, by in (
        (hers, FIRST, ADA), (hers, SECOND, ADA), (his, gone, EVE),
        (his, replace(FIRST, patient=None), EVE),
    ):  # fmt: skip
        own.put(key, picture, "CANARY" if picture != SECOND else "kept", by)
    assert own.erase(PATIENT, ["one"], ROOT) == 3
    assert own.read(hers, "ada")[1] == [Noted("two", "kept")]
    assert own.read(his, "eve")[1] == []
    assert here.last() == ("erase", "root", "success", "from lists")
    files = b"".join(path.read_bytes() for path in tmp_path.glob("access.sqlite*"))
    assert b"CANARY" not in files
    assert PATIENT.encode() not in files
    before = here.log.head()
    assert own.erase(PATIENT, [], ROOT) == 0
    assert here.log.head() == before  # nothing was changed

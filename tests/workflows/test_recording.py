"""An audited index records what is asked and changed before the answer leaves."""

import resource
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from getpass import getuser
from pathlib import Path

import numpy as np
import pytest

from acir.errors import AuditError, StorageError
from acir.governance.audit import AuditEvent, AuditLog
from acir.governance.verification import problems
from acir.index.feeds import Step
from acir.index.store import Store
from acir.picture import as_record
from acir.search import Asked
from acir.types import Answer
from acir.workflows.recording import following
from acir.workflows.search import open_index
from made_model import acir, draw, save


def events(index: Path) -> list[AuditEvent]:
    with AuditLog.open(index) as log:
        assert problems(log) == []
        return [record.event for record in log.records()]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, bundle: Path, pictures: Path) -> Path:
    """Return an audited index of the validation pictures, in the collection ct."""
    index = tmp_path_factory.mktemp("audited") / "index"
    words = ("--collection", "ct", "--audited", "--json")
    source = f"{pictures}#val"
    built = acir("index", "build", "--model", bundle, "--data", source, "--index", index, *words)
    assert built.code == 0, built.err
    return index


@pytest.fixture
def audited(built: Path, tmp_path: Path) -> Path:
    """Return a copy that a test may change."""
    return shutil.copytree(built, tmp_path / "index")


@contextmanager
def full_disk(index: Path) -> Iterator[None]:
    """Let this process write no byte more to any file."""
    with AuditLog.open(index) as log:
        log._database.forget()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_building_is_recorded_before_and_after(built: Path) -> None:
    begun, done = events(built)
    assert (begun.action, begun.detail, begun.collection) == ("add", "begun", "ct")
    assert (done.action, done.detail, done.collection) == ("add", "done", "ct")
    assert done.actor.user == getuser()
    with Store.open(built) as store:
        assert done.count == store.info()["n"]
        assert done.model == store.model
        assert store.collections() == {"ct": done.count}


def test_a_search_records_the_hash_of_the_query_the_verdict_and_what_was_shown(
    audited: Path, tmp_path: Path
) -> None:
    picture = save(draw("disc", 400), tmp_path / "Doe_Jane.png")
    outcome = acir("search", "--index", audited, picture, "-k", "3", "--force", "--json")
    assert outcome.code == 0, outcome.err
    last = events(audited)[-1]
    assert last.action == "search"
    assert last.query == as_record(picture, b"key").pixel_hash
    assert last.verdict == outcome.line()["verdict"]
    assert (last.count, last.collection, last.index) == (3, "ct", "index")
    for file in audited.glob("audit.sqlite*"):
        assert b"Doe" not in file.read_bytes()


def test_the_patients_whose_pictures_are_shown_are_recorded(audited: Path) -> None:
    with Store.open(audited) as store:
        with store.view() as view:
            entries = view.entries(np.arange(len(view.gallery.keys)))
        store.add(replace(one, patient=f"{n:032x}") for n, one in enumerate(entries))
    with open_index(audited) as searcher:
        answer = searcher.search_stored(entries[0].id, k=2)
    numbers = {one.id: n for n, one in enumerate(entries)}
    shown = {0, *(numbers[hit.id] for hit in answer.hits)}
    last = events(audited)[-1]
    assert last.patients == tuple(f"{n:032x}" for n in sorted(shown))
    assert last.verdict == ""


def test_a_batch_and_several_views_are_recorded_too(audited: Path, pictures: Path) -> None:
    before = len(events(audited))
    with open_index(audited) as searcher:
        searcher.search_many([draw("disc", n) for n in (400, 401)], k=2)
        searcher.search_together([draw("disc", n) for n in (400, 401)], k=2)
    assert [event.detail for event in events(audited)[before:]] == ["", "", "2 views"]


def test_a_check_with_the_index_is_recorded_too(audited: Path, tmp_path: Path) -> None:
    (tmp_path / "torn.png").write_bytes(b"nothing")
    before = len(events(audited))
    with open_index(audited) as searcher:
        known = searcher.check(draw("disc", 400))
        torn = searcher.check(tmp_path / "torn.png")
    found = [(event.action, event.verdict, bool(event.query)) for event in events(audited)[before:]]
    assert found == [("check", known.verdict, True), ("check", torn.verdict, False)]


def test_a_caller_who_knows_who_asks_may_be_the_witness(audited: Path) -> None:
    seen: list[tuple[Answer, Sequence[Asked]]] = []
    before = len(events(audited))
    with open_index(audited, witness=seen.extend) as searcher:
        answer = searcher.search(draw("disc", 400), k=2)
    assert [one.hits for one, _ in seen] == [answer.hits]
    assert len(events(audited)) == before


def _remove(index: Path) -> ExitStack:
    for file in index.glob("audit.sqlite*"):
        file.unlink()
    return ExitStack()


def _fill(index: Path) -> ExitStack:
    stack = ExitStack()
    stack.enter_context(full_disk(index))
    return stack


@pytest.mark.parametrize("spoil", [_remove, _fill])
def test_a_search_that_cannot_be_recorded_gives_no_answer(
    audited: Path, spoil: Callable[[Path], ExitStack]
) -> None:
    said = r"the audit log at .* without its record nothing is"
    with (
        open_index(audited) as searcher,
        spoil(audited),
        pytest.raises(AuditError, match=said),
    ):
        searcher.search(draw("disc", 400))


def test_a_command_without_its_log_says_one_sentence_and_changes_nothing(
    audited: Path, tmp_path: Path
) -> None:
    (tmp_path / "new").mkdir()
    save(draw("disc", 401), tmp_path / "new" / "disc" / "a.png")
    with Store.open(audited) as store:
        before = store.info()["generation"]
    _remove(audited)
    picture = save(draw("disc", 400), tmp_path / "a.png")
    for words in (
        ("search", "--index", audited, picture),
        ("index", "add", "--index", audited, "--data", tmp_path / "new"),
        ("index", "delete", "--index", audited, "--where", "label=disc"),
        ("index", "backup", "--index", audited, "--to", tmp_path / "copy"),
        ("index", "export", "--index", audited, "--to", tmp_path / "all.parquet"),
    ):
        outcome = acir(*words)
        assert outcome.code == 1, outcome.err
        assert outcome.out == ""
        assert outcome.err.count("error: the audit log at") == 1
    assert not (tmp_path / "copy").exists()
    assert not (tmp_path / "all.parquet").exists()
    with Store.open(audited) as store:
        assert store.info()["generation"] == before


def test_changes_and_copies_are_recorded(audited: Path, tmp_path: Path) -> None:
    before = len(events(audited))
    with Store.open(audited) as store, store.view() as view:
        discs = int(view.select({"label": "disc"}).sum())
        everything = len(view.gallery.keys)
    copy, restored = tmp_path / "copy", tmp_path / "restored"
    for words in (
        ("index", "backup", "--index", audited, "--to", copy),
        ("index", "export", "--index", audited, "--to", tmp_path / "all.parquet"),
        ("index", "delete", "--index", audited, "--where", "label=disc"),
        ("index", "import", "--index", audited, "--from", tmp_path / "all.parquet"),
        ("index", "restore", "--from", copy, "--index", restored),
        ("index", "copy", "--index", audited, "--to", tmp_path / "flat", "--engine", "flat"),
    ):
        outcome = acir(*words)
        assert outcome.code == 0, outcome.err
    found = [(event.action, event.count, event.detail) for event in events(audited)[before:]]
    assert found == [
        ("backup", everything, "copy"),
        ("export", everything, "all.parquet"),
        ("delete", discs, ""),
        ("add", 0, "begun"),
        ("add", discs, "done"),
        ("backup", everything, "flat"),
    ]
    assert events(audited)[before + 2].collection == "ct"
    # The copy's log is the one of its moment, and goes on where it is restored.
    assert [event.action for event in events(copy)[before:]] == ["backup"]
    assert [event.detail for event in events(restored)[before:]] == ["copy", "restored copy"]
    assert events(tmp_path / "flat") == []
    with Store.open(audited) as store:
        assert sorted(place.name for place in store.copies()) == ["all.parquet", "copy", "flat"]


def test_what_fails_after_its_record_is_recorded_as_failed(audited: Path, tmp_path: Path) -> None:
    before = len(events(audited))
    outcome = acir("index", "export", "--index", audited, "--to", tmp_path / "absent" / "x.parquet")
    assert outcome.code == 1
    assert [event.outcome for event in events(audited)[before:]] == ["success", "failed"]


def test_an_index_that_was_not_asked_to_has_no_log(index: Path, own_index: Path) -> None:
    with open_index(own_index) as searcher:
        searcher.search(draw("disc", 400))
    assert not list(own_index.glob("audit.sqlite*"))


@pytest.mark.parametrize("name", ["\t", " ", "*"])
def test_a_collection_needs_a_name_of_its_own(name: str, bundle: Path, tmp_path: Path) -> None:
    words = ("--model", bundle, "--data", tmp_path, "--index", tmp_path / "i")
    outcome = acir("index", "build", *words, "--collection", name)
    assert outcome.refusal() == f"a collection cannot be called {name!r}; give it a name of its own"


def test_adding_to_another_collection_leaves_the_first(audited: Path, tmp_path: Path) -> None:
    save(draw("disc", 401), tmp_path / "new" / "disc" / "a.png")
    words = ("--index", audited, "--data", tmp_path / "new", "--collection", "mr")
    assert acir("index", "add", *words).code == 0
    with Store.open(audited) as store:
        assert store.collections()["mr"] == 1
        assert set(store.collections()) == {"ct", "mr"}


def test_what_a_pacs_brings_and_takes_away_is_recorded_before_it_is_done(audited: Path) -> None:
    before = len(events(audited))
    with Store.open(audited) as store:
        with store.view() as view:
            entries = view.entries(np.arange(2))
        with following(store, Step(entries=entries, gone=("handle",))):
            found = events(audited)[before:]
        with following(store, Step(failed=())):
            pass
    assert [(event.action, event.count) for event in found] == [("add", 2), ("delete", 1)]
    assert len(events(audited)) == before + 2


def test_a_look_at_a_pacs_that_fails_is_recorded_as_failed(audited: Path) -> None:
    with (
        Store.open(audited) as store,
        pytest.raises(StorageError, match="full"),
        following(store, Step(gone=("handle",))),
    ):
        raise StorageError("the disk is full")
    assert [(event.action, event.outcome) for event in events(audited)[-2:]] == [
        ("delete", "success"),
        ("delete", "failed"),
    ]

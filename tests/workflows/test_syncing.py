"""`acir pacs sync` against a real Orthanc: what it has is in the index, what it lost is not."""

from collections.abc import Callable
from pathlib import Path
from time import sleep

import numpy as np
import pytest

from acir.errors import UnreachableError
from acir.index.feeds import alone
from acir.index.store import Store
from acir.pacs.settings import load
from acir.privacy.pseudonym import load_key, pseudonym
from acir.types import silent
from acir.workflows import pacs
from acir.workflows.following import Follower
from acir.workflows.pacs import LEVELS
from made_dicomweb import Answer, Asked, dicomweb, serve
from made_model import acir
from made_orthanc import MadeOrthanc, configured, slice_of, uid, uids

MakeDicom = Callable[..., bytes]
Put = Callable[..., str]


@pytest.fixture
def put(orthanc: MadeOrthanc, make_dicom: MakeDicom) -> Put:
    """Return what stores slice `number` in the PACS, with further attributes by keyword."""

    def store(number: int, **attributes: object) -> str:
        words = {**uids(number), "PatientID": f"P{number // 10}", **attributes}
        return orthanc.store(make_dicom(slice_of(number), **words))

    return store


@pytest.fixture
def empty_index(tmp_path: Path, bundle: Path) -> Path:
    """Return where an index is to be made of the model."""
    return tmp_path / "followed"


@pytest.fixture(params=["changes", "qido"])
def config(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    orthanc: MadeOrthanc,
    bundle: Path,
    empty_index: Path,
) -> Path:
    """Return a configuration that follows the Orthanc by its own feed, or as any other PACS."""
    keys = {"orthanc": ""} if request.param == "qido" else {}
    return configured(tmp_path, orthanc, empty_index, model=bundle, **keys)


def sync(config: Path) -> dict[str, int]:
    return acir("pacs", "sync", config, "--once", "--device", "cpu", "--json").done()


def following(url: str, model: Path) -> str:
    """Return a configuration that follows one server; further keys of it may come behind."""
    return f'index = "followed"\nmodel = "{model}"\n[[servers]]\nname = "main"\nurl = "{url}"\n'


def ids(index: Path) -> set[str]:
    with Store.open(index) as store, store.view() as view:
        return {entry.id for entry in view.entries(np.arange(len(view.gallery.keys)))}


def names(index: Path, *numbers: int) -> set[str]:
    key = load_key(index / "secret.key")
    return {pseudonym(key, "instance", uid(number)) for number in numbers}


def test_an_index_is_made_and_holds_what_the_pacs_has(
    config: Path, put: Put, empty_index: Path, identity: tuple[str, ...]
) -> None:
    for number in range(5):
        put(number)
    assert sync(config) == {"taken": 5, "passed": 0, "failed": 0, "gone": 0}
    assert ids(empty_index) == names(empty_index, *range(5))
    assert sync(config) == {"taken": 0, "passed": 0, "failed": 0, "gone": 0}
    assert acir("index", "verify", "--index", empty_index).out == "the index is whole\n"
    content = (empty_index / "store.sqlite").read_bytes()
    content += config.with_suffix(".log").read_bytes()
    assert not [word for word in (*identity, uid(0)) if word.encode() in content]


def test_what_is_new_is_added_and_what_is_gone_is_erased(
    config: Path, put: Put, orthanc: MadeOrthanc, empty_index: Path
) -> None:
    stored = [put(number) for number in range(3)]
    sync(config)
    with Store.open(empty_index) as store:
        (erased,) = names(empty_index, 1)
        code = store.known([erased])[erased].thumbnail
    orthanc.delete(stored[1])
    put(3)
    assert sync(config) == {"taken": 1, "passed": 0, "failed": 0, "gone": 1}
    assert ids(empty_index) == names(empty_index, 0, 2, 3)
    assert code is not None
    assert all(code not in path.read_bytes() for path in empty_index.iterdir() if path.is_file())


def test_an_instance_that_comes_again_is_there_once(
    config: Path, put: Put, orthanc: MadeOrthanc, empty_index: Path
) -> None:
    first = put(0)
    sync(config)
    put(0)
    assert sync(config)["taken"] == 0
    orthanc.delete(first)
    put(0)
    assert sync(config)["failed"] == 0
    assert ids(empty_index) == names(empty_index, 0)


def test_only_what_is_wanted_is_fetched(
    tmp_path: Path, put: Put, orthanc: MadeOrthanc, bundle: Path, empty_index: Path
) -> None:
    put(0)
    put(1, Modality="MR")
    put(2, BodyPartExamined="HEAD")
    put(3, SOPClassUID="1.2.840.10008.5.1.4.1.1.4")
    keys = {"modalities": ["CT"], "body_parts": ["CHEST"]}
    classes = {"sop_classes": ["1.2.840.10008.5.1.4.1.1.2"]}
    config = configured(tmp_path, orthanc, empty_index, model=bundle, **keys, **classes)
    assert sync(config) == {"taken": 1, "passed": 3, "failed": 0, "gone": 0}
    assert ids(empty_index) == names(empty_index, 0)
    # Other terms: another look at each.
    configured(tmp_path, orthanc, empty_index, modalities=["MR"], collection="mri")
    assert sync(config) == {"taken": 1, "passed": 3, "failed": 0, "gone": 0}
    assert ids(empty_index) == names(empty_index, 1)
    with Store.open(empty_index) as store:
        (entry,) = store.known(list(names(empty_index, 1))).values()
    assert entry.metadata["collection"] == "mri"


def test_what_cannot_be_read_is_a_dead_letter_and_tried_again(
    tmp_path: Path, put: Put, orthanc: MadeOrthanc, bundle: Path, empty_index: Path
) -> None:
    put(0)
    bad = put(1, PixelData=b"\0\0")
    config = configured(tmp_path, orthanc, empty_index, model=bundle, retry_seconds=0.001)
    assert sync(config) == {"taken": 1, "passed": 0, "failed": 1, "gone": 0}
    (letter,) = acir("index", "failed", "--index", empty_index, "--json").line()["failed"]
    assert letter["reason"] == "the file ends before its pixels do"
    assert bad not in str(letter)
    assert sync(config)["failed"] == 1
    orthanc.delete(bad)
    assert sync(config) == {"taken": 0, "passed": 0, "failed": 0, "gone": 1}
    assert acir("index", "failed", "--index", empty_index, "--json").line() == {"failed": []}


def test_a_second_process_is_refused(config: Path, put: Put, empty_index: Path) -> None:
    put(0)
    sync(config)
    with alone(empty_index):
        outcome = acir("pacs", "sync", config, "--once")
    assert outcome.code == 1
    assert "another process follows a PACS into the index" in outcome.err


def test_an_instance_is_asked_about_by_its_uids(config: Path, put: Put, empty_index: Path) -> None:
    for number in range(20):
        put(number)
    sync(config)
    study, series, instance = (uids(3)[key] for key in LEVELS)
    words = ("pacs", "search", config, f"{study}/{series}/{instance}", "-k", 3, "--force")
    answer = acir(*words, "--json").line()
    (asked,) = names(empty_index, 3)
    assert answer["query"] == asked
    found = {hit["id"] for hit in answer["hits"]}
    assert len(found) == 3
    assert found <= names(empty_index, *range(10, 20))  # those of another patient
    whole = acir("pacs", "search", config, f"{study}/{series}", "--force", "--json").lines()
    assert {line["query"] for line in whole} == names(empty_index, *range(10))


@pytest.mark.parametrize("instance", ["../instances", "1.2/3/4/5", " ", "1.2/x"])
def test_what_is_no_uid_is_refused(config: Path, instance: str) -> None:
    assert acir("pacs", "search", config, instance).refusal() == (
        "the instance is not understood; expected UIDs as STUDY/SERIES/SOP, each of digits and dots"
    )


def test_what_the_server_does_not_have_is_said(config: Path, put: Put) -> None:
    put(0)
    sync(config)
    refusal = acir("pacs", "search", config, "1.2.3").refusal()
    assert refusal.endswith(
        "StudyInstanceUID=1.2.3 holds no picture; give a picture or a source of some"
    )


def test_what_a_server_cannot_give_is_told_apart(
    tmp_path: Path, bundle: Path, empty_index: Path, make_dicom: MakeDicom
) -> None:
    handles = {n: "/".join(uids(n)[level] for level in LEVELS) for n in range(5)}
    files = {handle: make_dicom(slice_of(n), **uids(n)) for n, handle in handles.items()}
    files[handles[1]] = files[handles[0]]  # another instance than its name says
    whole = dicomweb(files)

    def answer(asked: Asked) -> Answer:
        if asked.path.endswith(uid(2)):
            return Answer(status=404)
        if asked.path.endswith(uid(3)):
            return Answer(iter([b"torn"]), headers={"Content-Length": "1000"})
        return whole(asked)

    with serve(answer) as made:
        (tmp_path / "pacs.toml").write_text(following(made.url, bundle), encoding="utf-8")
        assert sync(tmp_path / "pacs.toml") == {"taken": 2, "passed": 0, "failed": 3, "gone": 0}
    assert ids(empty_index) == names(empty_index, 0, 4)
    letters = acir("index", "failed", "--index", empty_index, "--json").line()["failed"]
    assert {letter["reason"][:36] for letter in letters} == {
        "the file is of another instance than",
        "the server main has nothing there",
        "the server main does not answer (Rem",
    }


def test_a_server_that_lists_what_it_does_not_give_erases_nothing(
    tmp_path: Path, bundle: Path, empty_index: Path, files: dict[str, bytes]
) -> None:
    withheld, whole = False, dicomweb(files)

    def answer(asked: Asked) -> Answer:
        return Answer(status=404) if withheld and "studies" in asked.path else whole(asked)

    with serve(answer) as made:
        text = following(made.url, bundle) + "retry_seconds = 0.001\n"
        config = tmp_path / "pacs.toml"
        config.write_text(text, encoding="utf-8")
        assert sync(config)["taken"] == 24
        before = ids(empty_index)
        withheld = True
        config.write_text(f'{text}collection = "ward"\n', encoding="utf-8")  # a look at each
        found = sync(config)
        assert (found["taken"], found["gone"]) == (0, 0)
        assert found["failed"] >= 24  # again, where it is time for that by the end of the look
        assert ids(empty_index) == before
        withheld = False
        assert sync(config) == {"taken": 24, "passed": 0, "failed": 0, "gone": 0}
        del files[next(iter(files))]
        assert sync(config) == {"taken": 0, "passed": 0, "failed": 0, "gone": 1}
    assert acir("index", "failed", "--index", empty_index, "--json").line() == {"failed": []}


def test_a_server_that_is_silent_is_not_asked_for_every_instance_and_nothing_is_erased(
    tmp_path: Path,
    bundle: Path,
    empty_index: Path,
    files: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("acir.pacs.patience.SILENCES", 3)
    silent, whole, asked_for, lasts = False, dicomweb(files), list[str](), list[str]()

    def answer(asked: Asked) -> Answer:
        if silent and "studies" in asked.path:
            asked_for.append(asked.path)
            sleep(2.0)
        elif silent and "limit=1&" in f"{asked.path}&":
            lasts.append(asked.path)
        return whole(asked)

    with serve(answer) as made:
        text = following(made.url, bundle) + "retry_seconds = 0.001\ntimeout_seconds = 1.0\n"
        config = tmp_path / "pacs.toml"
        config.write_text(text, encoding="utf-8")
        assert sync(config)["taken"] == 24
        before = ids(empty_index)
        silent = True
        config.write_text(f'{text}collection = "ward"\n', encoding="utf-8")  # a look at each
        outcome = acir("pacs", "sync", config, "--once", "--device", "cpu")
        assert outcome.code == 1
        assert "silent about 3 instances in a row, and is asked" in outcome.err.replace("\n", " ")
        assert 3 <= len(asked_for) < 3 + 8  # which are asked for at once
        assert len(lasts) < 3  # of the rest, it is not asked whether the server is there at all
        assert ids(empty_index) == before
        letters = acir("index", "failed", "--index", empty_index, "--json").line()["failed"]
        assert len(letters) == 24
        silent = False
        sleep(0.1)
        assert sync(config) == {"taken": 24, "passed": 0, "failed": 0, "gone": 0}


SENTENCE = (
    "the server main no longer lists {} of {} instances that the index has of it, so none was "
    "erased; check the server, or where they are gone on purpose, run acir pacs sync CONFIG --once "
    "--erase"
)


def test_a_server_that_lists_nothing_erases_nothing_unless_that_is_said(
    config: Path, put: Put, orthanc: MadeOrthanc, empty_index: Path
) -> None:
    for number in range(3):
        put(number)
    sync(config)
    orthanc.clear()
    outcome = acir("pacs", "sync", config, "--once", "--device", "cpu")
    assert outcome.code == 1
    assert outcome.err.replace("\n", " ").endswith(f"{SENTENCE.format(3, 3)} ")
    assert ids(empty_index) == names(empty_index, 0, 1, 2)
    words = ("pacs", "sync", config, "--once", "--erase", "--device", "cpu", "--json")
    assert acir(*words).done() == {"taken": 0, "passed": 0, "failed": 0, "gone": 3}
    assert ids(empty_index) == set()


def test_what_a_server_has_lost_the_file_of_is_not_erased_and_the_rest_is_taken(
    tmp_path: Path, put: Put, orthanc: MadeOrthanc, bundle: Path, empty_index: Path
) -> None:
    config = configured(tmp_path, orthanc, empty_index, model=bundle, orthanc="")
    stored = [put(number) for number in range(3)]
    sync(config)
    lost = orthanc.file(stored[1])
    kept = lost.read_bytes()
    lost.unlink()
    orthanc.kill()  # what it has in memory is lost, too
    orthanc.start()
    put(3)
    orthanc.delete(stored[0])  # which cannot be told from the lost one
    for known, options in ((3, []), (4, ["--erase"])):
        outcome = acir("pacs", "sync", config, "--once", "--device", "cpu", *options)
        assert outcome.code == 1
        assert outcome.err.replace("\n", " ").endswith(
            f"no longer lists 2 of {known} instances that the index has of it, and fails to "
            "name 1 that it has, so none was erased; restore there what it has lost, or delete it "
            "there "
        )
        assert ids(empty_index) == names(empty_index, 0, 1, 2, 3)
    lost.write_bytes(kept)
    assert sync(config) == {"taken": 0, "passed": 0, "failed": 0, "gone": 1}
    assert ids(empty_index) == names(empty_index, 1, 2, 3)


def test_what_was_never_known_and_is_lost_is_counted(
    tmp_path: Path, put: Put, orthanc: MadeOrthanc, bundle: Path, empty_index: Path
) -> None:
    config = configured(tmp_path, orthanc, empty_index, model=bundle, orthanc="")
    stored = [put(number) for number in range(3)]
    orthanc.file(stored[1]).unlink()
    orthanc.kill()
    orthanc.start()
    assert sync(config) == {"taken": 2, "passed": 0, "failed": 1, "gone": 0}
    log = config.with_suffix(".log").read_text(encoding="utf-8")
    assert "main: fails to name 1 of its instances" in log


@pytest.fixture
def files(make_dicom: MakeDicom) -> dict[str, bytes]:
    """Return twenty-four instances by handle."""
    return {
        "/".join(uids(n)[level] for level in LEVELS): make_dicom(slice_of(n), **uids(n))
        for n in range(24)
    }


def test_a_server_that_lists_less_than_half_erases_nothing_and_is_followed_on(
    tmp_path: Path, bundle: Path, empty_index: Path, files: dict[str, bytes]
) -> None:
    said, handles = list[str](), list(files)
    with serve(dicomweb(files)) as made:
        (tmp_path / "pacs.toml").write_text(following(made.url, bundle), encoding="utf-8")
        late = {handle: files.pop(handle) for handle in handles[:1]}
        sync(tmp_path / "pacs.toml")
        for handle in handles[1:12]:
            late[handle] = files.pop(handle)
        assert sync(tmp_path / "pacs.toml")["gone"] == 11  # of 23
        for handle in handles[13:]:
            del files[handle]
        files[handles[0]] = late[handles[0]]
        settings = load(tmp_path / "pacs.toml")
        with pacs._target(settings, "cpu") as target:
            follower = pacs._follower(settings.servers[0], target, silent, erase=False)
            follower.turn(said.append)
            follower.turn(said.append)
            follower.close()
    # What is new is taken before, where a second has passed since the last look, or after.
    assert said in ([SENTENCE.format(11, 12)], [SENTENCE.format(11, 13)])
    assert ids(empty_index) == names(empty_index, 0, *range(12, 24))


def test_servers_are_looked_at_each_in_its_own_time(
    tmp_path: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = {"slow": 0, "quick": 0, "away": 0}

    class Enough(Exception):
        pass

    def look(follower: Follower) -> None:
        name = follower._server.name
        looks[name] += 1
        if looks["away"] == 3:
            raise Enough
        if name == "away":
            raise UnreachableError("the server away does not answer")

    text = f'index = "followed"\nmodel = "{bundle}"\n'
    for name, seconds in (("slow", 60), ("quick", 0.001), ("away", 0.02)):
        text += (
            f'[[servers]]\nname = "{name}"\nurl = "http://127.0.0.1/"\npoll_seconds = {seconds}\n'
        )
    (tmp_path / "pacs.toml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(Follower, "look", look)
    said = list[str]()
    with pytest.raises(Enough):
        pacs.sync(tmp_path / "pacs.toml", say=said.append)
    assert looks["slow"] == 1
    assert looks["quick"] > looks["away"]
    assert said == ["the server away does not answer; trying again"]

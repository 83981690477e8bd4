"""No page has a word that its catalogue has not: in German there is nothing left of English."""

import ast
import re
import tomllib
from collections.abc import Iterator
from getpass import getuser
from html.parser import HTMLParser
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

import acir
from acir import ood, registry
from acir.api.app import create_app
from acir.api.sentences import HOLE, Sentences
from acir.api.words import LANGUAGES, Catalogues, Words
from acir.errors import UsageError
from acir.gate_words import evidence_in_words, share_in_words
from acir.governance.access import LEAST, ROLES
from acir.governance.events import ACTIONS, OUTCOMES
from acir.prep.preflight import preflight
from acir.search.promise import Promise
from acir.types import ImageRecord
from acir.workflows.serving import maps
from acir.workflows.serving.served import Served
from acir.workflows.serving.settings import ServeSettings
from made_web import HOST, people, png, sign_in

SOURCE = Path(acir.__file__).parent
WORDS = Catalogues()
GERMAN = WORDS.of("de")
# Where sentences are made that a page may show, and which argument of a call is the sentence.
SPEAKERS = (
    *("api/pool.py", "api/asking.py", "api/security.py", "api/pages", "api/routes"),
    *("governance/people.py", "governance/passwords.py", "governance/access.py"),
    "governance/models.py",
    *("sources", "slides"),
    "governance/lists.py",
    *("api/fetching.py", "api/state.py", "disposable", "workflows/serving/pacs.py"),
    *("search", "index/filters.py", "index/verification.py", "workflows/serving/regions.py"),
    *("pacs/reader.py", "pacs/geometry.py", "pacs/frames.py", "pacs/guard.py", "prep/decode.py"),
    *("pacs/release.py", "pacs/client.py", "pacs/patience.py", "privacy/ocr.py"),
    *("prep/preflight.py", "governance/verification.py", "workflows/serving/answering.py"),
)
SAYS = {
    "UsageError": 0,
    "GoneError": 0,
    "FailedError": 0,
    "SilentError": 0,
    "UnreachableError": 0,
    "_error": 0,
    "HTTPException": 1,
    "UnreadableImageError": 1,
    "FullError": 0,
    "LateError": 0,
    "Finding": 1,
    "OcrError": 0,
    "Judgement": 1,
    "_report": 0,
}


def test_every_language_says_the_same_with_the_same_values() -> None:
    for key in WORDS.keys("en"):
        holes = {frozenset(HOLE.findall(WORDS.of(language).get(key, ""))) for language in LANGUAGES}
        assert len(holes) == 1, key
    for form, said in forms().items():
        assert set(HOLE.findall(form)) >= set(HOLE.findall(said)), form
        assert len(HOLE.sub("", form).strip(": ,")) > 2, form


def test_every_word_that_a_page_looks_up_by_a_value_is_there() -> None:
    keys = WORDS.keys("en")
    detectors = registry.names(ood.FAMILY)
    wanted = {
        *(f"detector-{name}" for name in detectors),
        *(f"reason-{ood.get(name).reason_code}" for name in detectors),
        *(f"action-{name}" for name in ACTIONS),
        *(f"outcome-{name}" for name in OUTCOMES),
        *(f"role-{name}" for name in (*ROLES, "emergency")),
        *(f"reason-{code}" for code in ("blank", "frame", "truncated", "shape", "unreadable")),
    }
    assert wanted - keys == set()


def test_every_sentence_of_the_program_has_a_german_form() -> None:
    known = {HOLE.sub("{}", form) for form in forms()}
    known |= {"{} is {}"}  # which has a form for each role; a test below says so
    missing = [said for said in sorted(set(spoken())) if said not in known]
    assert missing == []


@pytest.mark.parametrize("name", registry.names(ood.FAMILY))
def test_the_evidence_of_every_detector_is_said_in_german(name: str) -> None:
    kind = ood.get(name)
    for score in (0.25, float("inf")):
        evidence = evidence_in_words(kind.reason, kind.measure, score, (0.16, 0.84))
        said = GERMAN.said(f"{share_in_words(0.01, 99)}: {evidence}")
        assert said is not None
        assert said.startswith("Höchstens 1 von 100 gewöhnlichen Bildern sieht so ungewöhnlich aus")
        assert "(p = 0,01)" in said
        assert (", üblich sind 0,16 bis 0,84" in said) == np.isfinite(score)
        assert not re.search(r"\b(the|of|its|it|usually|cannot)\b", said)


def test_one_picture_is_said_in_german_as_one() -> None:
    assert GERMAN.said("at most 1 picture may be given at once; give fewer") == (
        "Höchstens 1 Bild geht auf einmal; geben Sie weniger"
    )


def test_what_the_pre_flight_finds_is_said_in_german() -> None:
    noise = np.random.default_rng(0).random((64, 64))
    framed = np.pad(noise, 16, constant_values=1.0)
    half = np.where(np.arange(64)[:, None] < 32, noise, 0.5)
    dark = np.where(np.arange(64 * 64).reshape(64, 64) < 3, 1.0, 0.0)
    for unit in (noise[:3], noise[:9].repeat(1, 0), noise * np.nan, noise * 0 + 0.4, framed, half):
        assert GERMAN.said(found(unit)), found(unit)
    assert GERMAN.said(found(dark)) == (
        "das Bild ist leer: 100% davon ist schwarz, wie nach falscher Fensterung"
    )


def test_what_a_risk_promises_is_said_in_german() -> None:
    said = GERMAN.said(Promise(0.1, 3.0, 250, "the engine of this index is approximate").notice())
    assert said == (
        "Das Risiko von 0,1 ist hier keine Zusage: die Suche dieses Index ist nur annähernd"
    )
    assert GERMAN.said(Promise(0.1, 3.0, 250, "").notice()) is not None


def test_a_role_that_was_given_is_said_in_german() -> None:
    assert [GERMAN.said(f"eve is {role}") for role in ROLES] == [
        f"eve hat die Rolle {GERMAN(f'role-{role}')}" for role in ROLES
    ]


def test_what_was_refused_is_said_in_german() -> None:
    for verb in LEAST:
        said = GERMAN.said(f"{verb} was refused")
        assert said is not None
        assert said.endswith(" wurde abgelehnt")
        assert not said.startswith(verb)


def test_numbers_change_their_signs_and_nothing_else_does() -> None:
    small = Sentences({"{n} of {m} at {place}": "{n} von {m} bei {place}", "home": "daheim"})
    assert small.translated("1,000 of 2.5 at home") == "1.000 von 2,5 bei daheim"
    assert small.translated("1 of 2 at 10.0.0.1, x") == "1 von 2 bei 10.0.0.1, x"
    assert small.translated("of") is None


def test_a_text_of_others_is_marked_as_english(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def panics(*_: object) -> None:
        raise UsageError("PyO3 panicked")

    assert GERMAN.said("PyO3 panicked") is None
    sign_in(client, "researcher")
    page = client.get("/search?id=x&k=0&lang=de", headers={"Accept": "text/html"}).text
    assert "K ist zu klein; das Mindeste ist 1." in page
    monkeypatch.setattr("acir.governance.lists.Lists.of", panics)
    page = client.get("/lists?lang=de", headers={"Accept": "text/html"}).text
    assert '<span lang="en">PyO3 panicked</span>' in page


class Pseudo(Words):
    """Marks all that comes from the catalogue, so that what is left does not."""

    def __call__(self, key: str, **values: object) -> str:
        return f"⟦{super().__call__(key, **values)}⟧"

    def get(self, key: str, otherwise: str) -> str:
        found = super().get(key, "")
        return f"⟦{found}⟧" if found else otherwise

    def said(self, text: str) -> str | None:
        found = super().said(text)
        return None if found is None else f"⟦{found}⟧"


class Visible(HTMLParser):
    """Gathers what a page shows or reads out; documents in another language are left out."""

    ATTRIBUTES = (
        "title",
        "alt",
        "aria-label",
        "placeholder",
        "data-working",
        "data-window",
        "label",
    )
    VOID = frozenset({"meta", "link", "img", "input", "br"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._open: list[tuple[str, bool]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.texts += [value for key in self.ATTRIBUTES if (value := given.get(key))]
        hidden = tag in {"script", "style", "pre"} or (self._open and self._open[-1][1])
        if tag not in self.VOID:
            self._open.append((tag, bool(hidden)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if not (self._open and self._open[-1][1]):
            self.texts.append(data)


@pytest.fixture
def marked(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Catalogues.of

    def of(self: Catalogues, language: str) -> Words:
        words = real(self, language)
        words.__class__ = Pseudo
        return words

    monkeypatch.setattr(Catalogues, "of", of)


@pytest.mark.usefixtures("marked")
def test_all_that_a_page_says_is_of_the_catalogue_or_data(
    own_index: Path, known: bytes, strange: bytes
) -> None:
    people(own_index)
    data = words_of_data(own_index)
    left = {}
    with TestClient(create_app(ServeSettings(index=str(own_index))), HOST) as client:
        shown = dict(pages(client, own_index, known, strange))
    for name, page in shown.items():
        assert "⟦" in page, name
        assert "⟦Hier ging etwas schief" not in page, name
        found = {word for text in Visible(page).texts for word in words(text)} - data
        if found:
            left[name] = found
    assert left == {}


def test_no_script_has_words_of_its_own() -> None:
    for script in sorted((SOURCE / "api" / "static").glob("*.js")):
        if script.name == "htmx.min.js":
            continue
        code = re.sub(r"//.*", "", script.read_text(encoding="utf-8"))
        shown = re.findall(
            r"(?:textContent|title|alt|innerText|ariaLabel) = (?:\"|'|`)(.*?)[\"'`]", code
        )
        for text in shown:
            assert not re.search(r"[A-Za-z]{2}", re.sub(r"\$\{.*?\}", "", text)), script.name


def pages(
    client: TestClient, folder: Path, known: bytes, strange: bytes
) -> Iterator[tuple[str, str]]:
    """Yield every kind of page, in German, by what it shows."""
    client.headers["Accept"] = "text/html"
    client.cookies.set("acir_lang", "de")
    yield "login", client.get("/login").text
    yield "wrong", client.post("/login", data={"name": "eve", "password": "x"}).text
    csrf = sign_in(client, "admin")

    def ask(*pictures: bytes) -> str:
        files = [("image", ("a.png", picture)) for picture in pictures]
        return client.post(
            "/ask", data={"csrf": csrf}, files=files, follow_redirects=False
        ).headers["location"]

    address = ask(known)
    draw_map(folder)
    yield "start", client.get("/").text
    yield "known", client.get(address).text
    yield "few", client.get(f"{address}&k=200&duplicates=true&like=nothing").text
    yield "many", client.get(f"{address}&k=200&where=label%3Dbars&patients=true").text
    yield "filter", client.get(f"{address}&where=colour%3Dred").text
    yield "mode", client.get(f"{address}&mode=fuse").text
    yield "invalid", client.get(f"{address}&k=0").text
    yield "box", client.get(f"{address}&box=10&box=10&box=90&box=90").text
    yield "small box", client.get(f"{address}&box=10&box=10&box=10&box=90").text
    yield "map", client.get(address.replace("/search", "/map")).text
    yield "strange", client.get(ask(strange)).text
    yield "forced", client.get(f"{ask(strange)}&force=true").text
    yield "blank", client.get(ask(png(np.zeros((32, 32), np.uint8)))).text
    yield "unreadable", client.get(ask(b"text")).text
    yield "views", client.get(ask(known, strange)).text
    stored = served_ids(folder)
    yield "stored", client.get("/search", params={"id": stored[0]}).text
    yield (
        "liked",
        client.get(
            "/search", params={"id": stored[0], "like": stored[1], "unlike": stored[2]}
        ).text,
    )
    yield (
        "compare",
        client.get(address.replace("/search", "/compare"), params={"show": stored[0]}).text,
    )
    yield "no list", client.get("/lists").text
    yield "keep", client.get("/keep", params={"id": stored[0], "state": "k=3"}).text
    form = {"csrf": csrf, "id": stored[0], "title": "eve"}
    place = client.post("/keep", data=form, follow_redirects=False).headers["location"]
    for path in ("/lists", place, f"/keep?id={stored[1]}", "/lists/nothing"):
        yield path, client.get(path).text
    yield "no title", client.post("/lists/make", data={"csrf": csrf, "title": " "}).text
    for path in (
        "/nothing",
        "/search",
        "/search?id=nothing",
        "/compare",
        "/keep",
        "/export?q=nothing",
        "/query/heat?q=x",
    ):
        yield path, client.get(path).text
    yield "forged", client.post("/logout", data={"csrf": "x"}).text
    for path in (
        "/history",
        "/admin/collections",
        "/admin/models",
        "/admin/people",
        "/admin/audit",
        "/admin/audit?verify=true",
    ):
        yield path, client.get(path).text
    yield "index", client.get("/admin/index").text
    yield "verified", client.get("/admin/index?verify=true").text
    for field, value in (("name", "a b"), ("name", "viewer"), ("password", "x")):
        form = {"csrf": csrf, "name": "eve", "password": "correct horse battery", field: value}
        yield f"person {value}", client.post("/admin/people/add", data=form).text


def words(text: str) -> list[str]:
    """Return the words of a text that are not marked as those of the catalogue."""
    while "⟦" in text:
        text, before = re.sub(r"⟦[^⟦⟧]*⟧", " ", text), text
        assert text != before, text
    return re.findall(r"[^\W\d_]{2,}", HASH.sub(" ", text))


def words_of_data(folder: Path) -> set[str]:
    """Return what a page may say that no catalogue has: names, ids and values."""
    with Served.open(folder) as served:
        bundle = served.searcher.bundle
        with served.searcher.store.view() as view:
            entries = view.entries(np.arange(len(view.gallery.keys)))
        texts = [
            *(text for entry in entries for text in (entry.id, entry.label)),
            *(text for entry in entries for text in entry.metadata.values()),
            *bundle.class_names, *bundle.rankers, bundle.id, served.name,
            *served.searcher.store.collections(), served.searcher.store.engine,
        ]  # fmt: skip
    told = [
        "acir",
        "CSV JSON DICOM SR",
        "tester",
        "nobody",
        "eve",
        "fuse",
        "like nothing",
        *ROLES,
        getuser(),
        "unknown",
    ]
    return {word for text in [*texts, *told] for word in words(text)} | DATA


# What stands for itself: signs of formulas, languages by their own names, keys of the address.
DATA = {"UTC", "kB", "MB"}
HASH = re.compile(r"\b[0-9a-f]{12,}\b")


def served_ids(folder: Path) -> list[str]:
    with Served.open(folder) as served, served.searcher.store.view() as view:
        return [entry.id for entry in view.entries(np.arange(3))]


def draw_map(folder: Path) -> None:
    """Put a map beside the index, as it would be made."""
    with Served.open(folder) as served, served.searcher.store.view() as view:
        keys, state = view.gallery.keys, maps.state_of(view)
    places = np.random.default_rng(0).random((len(keys), 2), dtype=np.float32)
    np.savez(folder / maps.FILE, state=np.array(state), keys=keys, places=places)


def found(unit: np.ndarray) -> str:
    """Return why the pre-flight refuses a picture."""
    record = ImageRecord(
        id="x", pixels=unit, value_range=(0.0, 1.0), inverted=False, split="test", draw=0.0
    )
    finding = preflight(record, unit[:, :, None])
    assert finding is not None
    return finding.reason


def forms() -> dict[str, str]:
    path = SOURCE / "api" / "messages" / "sentences.de.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


def spoken() -> Iterator[str]:
    """Yield the form of every sentence in the sources of `SPEAKERS`, with `{}` for a value."""
    for speaker in SPEAKERS:
        place = SOURCE / speaker
        for path in [place] if place.is_file() else sorted(place.rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            named = Named(tree)
            for node in ast.walk(tree):
                yield from said_by(node, named)


class Named(dict[str, list[ast.expr]]):
    """What the names of a file stand for: what they are given there, or in the file they are from.

    Functions are not told apart, so a name may stand for too much, and never for too little.
    """

    def __init__(self, tree: ast.Module) -> None:
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        self.setdefault(target.id, []).append(node.value)
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("acir."):
                home = SOURCE.parent.joinpath(*str(node.module).split(".")).with_suffix(".py")
                constants = [alias.name for alias in node.names if alias.name.isupper()]
                if constants and home.is_file():
                    theirs = Named(ast.parse(home.read_text(encoding="utf-8")))
                    self.update({name: theirs[name] for name in constants if name in theirs})


def said_by(node: ast.AST, named: Named) -> Iterator[str]:
    if isinstance(node, ast.Yield):
        found = form_of(node.value, named)
        yield from (text for text in found if not text.startswith("data: "))
    if isinstance(node, ast.Call):
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if len(node.args) > SAYS.get(name, len(node.args)):
            before = "the server {} " if name == "_error" else ""  # as `pacs.client` says it
            yield from (before + text for text in form_of(node.args[SAYS[name]], named))
        for word in node.keywords:
            if word.arg == "detail":
                yield from form_of(word.value, named)


def form_of(node: ast.expr | None, named: Named) -> Iterator[str]:
    """Yield what an expression may say; a value in it is `{}` unless it is itself a constant."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
        yield node.value
    if isinstance(node, ast.Name):
        for value in named.get(node.id, []):
            if not isinstance(value, ast.Name):
                yield from form_of(value, named)
    if isinstance(node, ast.IfExp):
        for value in (node.body, node.orelse):
            yield from form_of(value, named)
    if isinstance(node, ast.JoinedStr):
        for parts in product(*(part_of(part, named) for part in node.values)):
            yield "".join(parts)


def part_of(part: ast.expr, named: Named) -> list[str]:
    value = part.value if isinstance(part, ast.FormattedValue) else part
    is_fixed = not isinstance(value, ast.Name) or value.id.isupper()
    return list(form_of(value, named) if is_fixed else ()) or ["{}"]

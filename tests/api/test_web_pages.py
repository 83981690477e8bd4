"""Pages without a browser: their words, their addresses, and what they do not say."""

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.testclient import TestClient

from acir.api.pages.address import Address
from acir.api.pages.saying import number, rarity, reason, size
from acir.api.words import LANGUAGES, Catalogues
from acir.errors import LockedError
from acir.types import Calibration, State, Verdict
from made_web import sign_in

Program = Callable[[str], TestClient]
WORDS = Catalogues()


def ask(client: TestClient, *pictures: bytes, **form: str) -> str:
    """Give pictures as the page does; return the address of the answer."""
    token = sign_in(client, "researcher")
    files = [("image", ("CANARY.png", picture)) for picture in pictures]
    answer = client.post("/ask", data={"csrf": token, **form}, files=files, follow_redirects=False)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def test_catalogues_have_the_same_keys() -> None:
    first, *others = (WORDS.keys(language) for language in LANGUAGES)
    assert all(keys == first for keys in others)


def test_an_answer_says_the_verdict_first_and_shows_the_hits(
    client: TestClient, known: bytes
) -> None:
    page = client.get(ask(client, known)).text
    assert page.index('id="verdict"') < page.index('id="hits-title"')
    assert page.count("data-hit ") == 10
    assert "/query/heat?q=" in page
    assert "CANARY" not in page


def test_the_title_of_an_answer_says_how_it_came_out(
    client: TestClient, known: bytes, strange: bytes
) -> None:
    asked, withheld = ask(client, known), ask(client, strange)
    stored = client.get("/").text.partition('href="/search?id=')[2].partition('"')[0]
    for path, english, german in (
        (asked, "Known; similar pictures: 10", "Bekannt; ähnliche Bilder: 10"),
        (f"{asked}&k=3", "Known; similar pictures: 3", "Bekannt; ähnliche Bilder: 3"),
        (withheld, "Unknown; similar pictures: 0", "Unbekannt; ähnliche Bilder: 0"),
        (
            f"{withheld}&force=true",
            "Unknown; similar pictures: 10",
            "Unbekannt; ähnliche Bilder: 10",
        ),
        (
            ask(client, b"text"),
            "This cannot be read as a picture.",
            "Das ist nicht als Bild lesbar.",
        ),
        (
            f"/search?id={stored}",
            "Stored; similar pictures: 10",
            "Gespeichert; ähnliche Bilder: 10",
        ),
    ):
        for language, said in (("en", english), ("de", german)):
            page = client.get(path, headers={"Accept-Language": language}).text
            assert f"<title>{said} - acir</title>" in page


def test_a_withheld_answer_has_no_hits_and_says_why(client: TestClient, strange: bytes) -> None:
    page = client.get(ask(client, strange)).text
    assert "The model does not know this kind of picture." in page
    assert "data-hit " not in page


def test_forced_hits_keep_the_warning_and_have_no_percentages(
    client: TestClient, strange: bytes
) -> None:
    page = client.get(ask(client, strange) + "&force=true").text
    assert page.count("data-hit ") == 10
    assert 'role="alert"' in page
    assert '<p class="score" title' not in page


def test_the_next_picture_keeps_the_settings_and_forgets_the_examples(
    client: TestClient, known: bytes
) -> None:
    state = "q=old&k=3&where=label%3Dbars&like=a&unlike=b&force=true"
    found = parse_qs(urlsplit(ask(client, known, state=state)).query)
    assert set(found) == {"q", "k", "where"}
    assert found["q"] != ["old"]


def test_each_hit_leads_on(client: TestClient, known: bytes) -> None:
    address = ask(client, known)
    page = client.get(address).text
    for path in ("/search?id=", "/compare?q=", "like=", "unlike="):
        assert path in page
    link = page.partition('data-act="compare" href="')[2].partition('"')[0].replace("&amp;", "&")
    side_by_side = client.get(link)
    assert side_by_side.status_code == 200
    assert side_by_side.text.count('class="pane"') == 2


def test_a_page_needs_to_know_what_is_asked(client: TestClient) -> None:
    sign_in(client, "viewer")
    answer = client.get("/search", headers={"Accept": "text/html"})
    assert answer.status_code == 422
    assert (
        "This address names no picture to search by, or two; begin again and give one."
        in answer.text
    )


@pytest.mark.parametrize("parameters", ["", "?id=x", "?q=x", "?show=x"])
def test_a_comparison_needs_two_sides(client: TestClient, parameters: str) -> None:
    sign_in(client, "viewer")
    said = {
        "en": "There is nothing to compare with; search first, then choose Compare below a similar "
        "picture.",
        "de": "Es gibt nichts zu vergleichen; suchen Sie zuerst, und wählen Sie dann Vergleich "
        "unter einem ähnlichen Bild.",
    }
    for language, sentence in said.items():
        client.cookies.set("acir_lang", language)
        answer = client.get(f"/compare{parameters}", headers={"Accept": "text/html"})
        assert answer.status_code == 422
        assert sentence in answer.text


@pytest.mark.parametrize("path", ["/query/picture", "/query/heat"])
def test_a_view_that_does_not_exist_is_not_found(
    client: TestClient, known: bytes, path: str
) -> None:
    key = parse_qs(urlsplit(ask(client, known)).query)["q"][0]
    assert client.get(path, params={"q": key}).headers["content-type"] == "image/png"
    answer = client.get(path, params={"q": key, "view": 1})
    assert (answer.status_code, answer.json()["detail"]) == (404, "there is no such picture")


def test_what_is_no_picture_has_none_to_show(client: TestClient) -> None:
    key = parse_qs(urlsplit(ask(client, b"text")).query)["q"][0]
    assert client.get("/query/picture", params={"q": key}).status_code == 404
    assert client.get("/query/heat", params={"q": key}).status_code == 404
    page = client.get("/search", params={"q": key}).text
    assert "not readable" in page
    assert "This cannot be read as a picture." in page
    assert "Cannot read picture 1: its content is no picture, expected PNG, JPEG" in page
    # The model was not asked, and nothing can be shown all the same.
    assert "The model does not know" not in page
    assert 'name="force"' not in page
    assert "withheld" not in page


def test_one_readable_view_can_be_searched_by_all_the_same(
    client: TestClient, known: bytes
) -> None:
    page = client.get(ask(client, known, b"text") + "&force=true").text
    assert "Cannot read picture 2: its content is no picture, expected PNG, JPEG" in page
    assert 'name="force" value="true" checked' in page
    assert page.count("data-hit ") == 10


def test_a_page_is_german_where_that_is_wished(client: TestClient) -> None:
    headers = {"Accept-Language": "de-DE,de;q=0.9,en;q=0.5"}
    assert "Anmelden" in client.get("/login", headers=headers).text
    assert "Sign in" in client.get("/login?lang=en", headers=headers).text
    assert "Sign in" in client.get("/login", headers=headers).text  # the choice is remembered
    assert 'data-theme="dark"' in client.get("/login?theme=dark").text
    assert 'data-theme="dark"' in client.get("/login").text


def test_the_name_stays_in_the_form_after_a_wrong_password(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: object) -> None:
        raise LockedError(7.0)

    given = {"name": 'e"ve', "password": "my secret"}
    first = client.get("/login").text
    assert (
        'name="name" value="" autocomplete="username" required maxlength="64" autofocus>' in first
    )
    wrong = client.post("/login", data=given)
    monkeypatch.setattr("acir.governance.sessions.Sessions.login", locked)
    too_often = client.post("/login", data=given)
    assert (wrong.status_code, too_often.status_code) == (403, 429)
    for answer in (wrong, too_often):
        assert 'name="name" value="e&#34;ve" autocomplete="username"' in answer.text
        assert 'maxlength="1024" autofocus>' in answer.text  # where to go on
        assert "my secret" not in answer.text


def verdict(state: State, p: float, n: int = 999) -> Verdict:
    return Verdict(state, p, "in English", "blank", {}, Calibration(n, 20, 0.03, 0.03))


def test_numbers_are_said_as_a_language_says_them() -> None:
    english, german = WORDS.of("en"), WORDS.of("de")
    assert rarity(verdict("known", 0.712), english).startswith("71 in 100 ordinary pictures")
    assert "p = 0,034" in rarity(verdict("caution", 0.034), german)
    assert rarity(verdict("unknown", 0.001), english).startswith("Fewer than 1 in 100")
    assert "no p-value" in rarity(verdict("unknown", 1.0, n=0), english)
    for p, start in ((0.71, "At most 71 in"), (0.034, "At most 4 in"), (0.001, "Fewer than 1 in")):
        said = rarity(replace(verdict("known", p), pictures=5), english)
        assert said.startswith(f"{start} 100 ordinary sets of 5 pictures hold one this unusual")
    assert reason(verdict("unknown", 0.1), german) == "das Bild ist leer"
    assert number(12.345, english) == "12.3"
    for count, said in ((1, "0,001 kB"), (999_499, "999 kB"), (999_500, "1 MB"), (10**9, "1 GB")):
        assert size(count, german) == said
    assert size(25_400_000_000_000, english) == "25.4 TB"


def test_an_address_changes_in_one_thing() -> None:
    address = Address.parsed("/search", "q=x&like=a&lang=de&kept=b&k=")
    assert str(address) == "/search?q=x&like=a"
    assert address.having(k="5") == "/search?q=x&like=a&k=5"
    assert address.having(like="") == "/search?q=x"
    assert address.choosing("unlike", "a", "like") == "/search?q=x&unlike=a"
    assert address.dropping("like", "a") == "/search?q=x"
    assert address.at("/compare", show="b c") == "/compare?q=x&like=a&show=b+c"


def test_the_history_has_ones_own_questions_and_no_picture(
    client: TestClient, known: bytes, strange: bytes
) -> None:
    for picture in (known, strange):
        client.get(ask(client, picture))
    page = client.get("/history").text
    newest = page.partition("<tbody>")[2].partition("</tr>")[0]
    assert ">Unknown<" in newest
    assert "<img" not in page
    client.cookies.clear()
    sign_in(client, "nobody")
    assert ">Unknown<" not in client.get("/history").text


def test_settings_that_no_control_shows_stay_when_another_is_changed(
    client: TestClient, known: bytes
) -> None:
    address = ask(client, known)
    where = "&radius=9&where=collection=default"
    page = client.get(address + where).text
    assert '<input type="hidden" name="radius" value="9">' in page
    assert '<input type="hidden" name="where" value="collection=default">' in page
    page = client.get(f"{address}&where=label=none-of-these").text
    assert '<option value="label=none-of-these" selected>' in page


def test_after_many_refinements_the_next_picture_can_be_given(
    client: TestClient, known: bytes
) -> None:
    examples = "&".join(f"{sign}={'x' * 250}" for sign in ("like", "unlike") for _ in range(32))
    assert ask(client, known, state=f"k=7&{examples}").endswith("k=7")

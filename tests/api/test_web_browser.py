"""The page in a real browser: every flow, with mouse and keyboard, and no fault of access."""

import json
from collections.abc import Callable, Iterator
from datetime import date
from io import BytesIO
from itertools import product
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from pydicom import dcmread

from acir.api.app import create_app
from acir.api.server import prepare
from acir.api.words import Catalogues
from acir.governance.audit import AuditLog
from acir.governance.models import Registry
from acir.governance.people import People
from acir.governance.vault import Vault
from acir.index.store import Store
from acir.types import Skipped
from acir.workflows.serving import maps
from acir.workflows.serving.served import Served
from acir.workflows.serving.settings import DeidTable, ModelsTable, ServeSettings
from made_answer import NAMED, STUDY
from made_browser import accessibility_faults, chromium, keep, listening, transfer
from made_model import draw
from made_web import BY, PASSWORD, png

FIRST_PAGE_BYTES = 150_000
# Where the text of a label ends, and where its number begins.
PLACES = """label => {
  const text = document.createRange();
  text.selectNode(label.firstChild);
  const { right, bottom } = text.getBoundingClientRect();
  const { left, top } = label.querySelector("output").getBoundingClientRect();
  return [right, bottom, left, top];
}"""
# Gathers what becomes the text of what is read out when it changes.
OBSERVE = """() => {
  const status = document.querySelector("[data-title]");
  window.said = [];
  new MutationObserver(() => window.said.push(status.textContent))
    .observe(status, { childList: true });
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def settings(web_index: Path, tmp_path_factory: pytest.TempPathFactory) -> ServeSettings:
    """Return those of a server with a registry of models and a folder of `acir deid`."""
    folder = tmp_path_factory.mktemp("beside")
    registry, kept_back = folder / "registry", folder / "out.quarantine"
    for made in (registry, kept_back):
        made.mkdir()
    with Store.open(web_index) as store, Registry(registry) as opened:
        about = {"classes": ["bars", "disc"], "trained_on": 225, "calibrated_on": 235}
        for bundle in (store.model, "bb" * 32):
            opened.register("cells", bundle, BY, about, "# A card")
        opened.approve(store.model, BY)
        for bundle in ("cc" * 32, "dd" * 32):
            opened.register("chest", bundle, BY, about, "")
        for bundle in ("cc" * 32, "dd" * 32, "cc" * 32):
            opened.approve(bundle, BY)
        for p in np.linspace(0.001, 1, 120):
            store.keep_p_value(float(p) ** 2, date(2026, 11, 1))
    entry = {"name": "x", "file": "DICOM file 1 of 1", "state": "failed"}
    lines = [{}, entry | {"reason": "its content is not DICOM"}]
    text = "".join(f"{json.dumps(line)}\n" for line in lines)
    (kept_back / "journal.jsonl").write_text(text, encoding="utf-8")
    return ServeSettings(
        index=str(web_index),
        models=ModelsTable(registry=str(registry)),
        deid=DeidTable(out=str(folder / "out")),
    )


@pytest.fixture(scope="module")
def address(browser: Browser, settings: ServeSettings) -> Iterator[str]:
    with listening(create_app(settings)) as found:
        yield found


@pytest.fixture(scope="module")
def signed_in(browser: Browser, settings: ServeSettings, address: str) -> object:
    """Return what a browser keeps once the link was opened."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{address}/login?link={prepare(settings)}")
    expect(page.locator("[data-drop]")).to_be_visible()
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def page(browser: Browser, signed_in: object, address: str) -> Iterator[Page]:
    """Return the first page; whatever the browser complains of fails the test."""
    context = browser.new_context(
        base_url=address,
        storage_state=signed_in,  # type: ignore[arg-type]
        color_scheme="dark",
        accept_downloads=True,
    )
    context.set_default_timeout(20_000)
    opened, complaints = context.new_page(), list[str]()
    opened.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.goto("/")
    expect(opened.locator("html")).to_have_class("scripted")
    yield opened
    context.close()
    assert complaints == []


def give(page: Page, picture: bytes) -> None:
    file = {"name": "a.png", "mimeType": "image/png", "buffer": picture}
    page.set_input_files("input[type=file]", file)  # type: ignore[arg-type]
    page.wait_for_url("**/search?q=*")


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_a_picture_is_given_by_drop_or_paste(
    page: Page, known: bytes, kind: Literal["drop", "paste"]
) -> None:
    transfer(page, kind, [("scan.png", known)])
    page.wait_for_url("**/search?q=*")
    expect(page.locator("#verdict")).to_contain_text("The model")
    expect(page.locator("[data-hit]")).to_have_count(10)


def test_several_pictures_are_views_of_one_case(page: Page, known: bytes, strange: bytes) -> None:
    transfer(page, "drop", [("a.png", known), ("b.png", strange)])
    page.wait_for_url("**/search?q=*")
    expect(page.locator(".view")).to_have_count(2)
    expect(page.locator(".view.worst")).to_contain_text("decides the verdict")


def test_the_slider_shows_where_the_picture_differs(page: Page, known: bytes) -> None:
    give(page, known)
    slider = page.locator("[data-heat-slider]")
    slider.fill("100")
    expect(page.locator("[data-heat]")).to_have_css("opacity", "1")
    slider.press("Home")
    expect(page.locator("[data-heat]")).to_have_css("opacity", "0")


def test_a_bar_lies_beside_its_number_and_the_number_is_explained(page: Page, known: bytes) -> None:
    give(page, known)
    shot = page.locator(".labels meter").first.screenshot()
    pixels = np.asarray(Image.open(BytesIO(shot)).convert("RGB")).astype(int)
    first, *_, last = (np.ptp(row, axis=1).max() for row in pixels[1:-1])  # of colour, not grey
    assert min(first, last) > 50
    expect(page.locator(".results")).to_contain_text("The bar is the similarity")


def test_settings_change_the_answer_and_the_address_and_go_back(page: Page, known: bytes) -> None:
    give(page, known)
    page.get_by_label("label").select_option("label=bars")
    expect(page.locator("[data-hit] .label").first).to_have_text("bars")
    assert "where=label%3Dbars" in page.url
    page.get_by_label("Pictures", exact=True).fill("3")
    page.get_by_label("Pictures", exact=True).press("Tab")
    expect(page.locator("[data-hit]")).to_have_count(3)
    shared = page.url
    page.go_back()
    expect(page.locator("[data-hit]")).to_have_count(10)
    page.goto(shared)
    expect(page.locator("[data-hit]")).to_have_count(3)
    assert "threshold=0" in shared


def test_a_setting_keeps_the_focus_when_it_has_changed_the_answer(page: Page, known: bytes) -> None:
    give(page, known)
    for name, key, changed in (
        ("k", "ArrowDown", "k=9"),
        ("threshold", "ArrowRight", "threshold=0.05"),
        ("duplicates", "Space", "duplicates=true"),
        ("label", "ArrowDown", "where=label"),
    ):
        page.locator(f"#set-{name}").press(key)
        page.wait_for_url(f"**{changed}*")
        expect(page.locator(f"#set-{name}")).to_be_focused()
    page.locator("#set-k").fill("")
    page.keyboard.press("Tab")
    expect(page.locator("#set-k")).to_be_focused()  # it was not asked for, and nothing is lost


def test_a_changed_answer_is_read_out_by_its_title(page: Page, known: bytes) -> None:
    give(page, known)
    status = page.locator("[data-title]")
    expect(status).to_have_role("status")
    expect(status).to_have_text("")  # the title of a page that is loaded is read out by itself
    page.evaluate(OBSERVE)
    said = "Known; similar pictures: 9 - acir"
    page.locator("#set-k").press("ArrowDown")
    page.wait_for_url("**k=9*")
    for label in ("disc", "bars"):
        expect(status).to_have_text(said)
        page.locator("#set-label").select_option(f"label={label}")
        page.wait_for_url(f"**label%3D{label}*")
    expect(status).to_have_text(said)
    expect(page).to_have_title(said)
    assert page.evaluate("window.said") == [said, "", said, "", said]  # an equal one counts as new
    assert accessibility_faults(page) == []


def test_what_is_said_of_a_picture_is_read_before_the_picture_and_seen_where_it_was(
    page: Page, known: bytes
) -> None:
    give(page, known)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    first = page.locator("main :is(h1, img, a, input, summary)").first
    expect(first).to_have_id("verdict")
    for width, is_beside in ((1280, True), (390, False)):
        page.set_viewport_size({"width": width, "height": 800})
        said, views = (
            page.locator(f".asked > .{name}").bounding_box() for name in ("said", "views")
        )
        assert said
        assert views
        assert (said["y"] == views["y"]) == is_beside
        assert said["x"] > views["x"] if is_beside else said["y"] + said["height"] <= views["y"]


def test_when_the_session_has_ended_a_changed_setting_leads_to_signing_in(
    browser: Browser, signed_in: object, address: str, known: bytes
) -> None:
    context = browser.new_context(base_url=address, storage_state=signed_in)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto("/")
    give(page, known)
    context.clear_cookies()
    page.get_by_label("Pictures", exact=True).fill("3")
    page.get_by_label("Pictures", exact=True).press("Tab")
    expect(page.get_by_label("Password")).to_be_visible()
    context.close()


def test_a_hit_leads_to_its_like_by_keys_alone(page: Page, known: bytes) -> None:
    give(page, known)
    first, second = page.locator("[data-hit]").nth(0), page.locator("[data-hit]").nth(1)
    first.focus()
    page.keyboard.press("ArrowRight")
    expect(second).to_be_focused()
    name = second.locator(".id").inner_text()
    page.keyboard.press("s")
    page.wait_for_url("**/search?id=*")
    expect(page.locator(".asked .id")).to_have_text(name)


def test_feedback_asks_again_and_can_be_undone(page: Page, known: bytes) -> None:
    give(page, known)
    names = page.locator("[data-hit] .id").all_inner_texts()
    page.locator("[data-hit]").nth(2).focus()
    page.keyboard.press("+")
    page.wait_for_url("**like=*")
    page.locator('[data-hit] [data-act="unlike"]').last.click()
    page.wait_for_url("**unlike=*")
    expect(page.locator(".chip")).to_have_count(2)
    assert names[2] not in page.locator("[data-hit] .id").all_inner_texts()
    page.get_by_role("link", name="Undo all").click()
    expect(page.locator(".chip")).to_have_count(0)
    assert page.locator("[data-hit] .id").all_inner_texts() == names


def test_a_strange_picture_is_withheld_and_forced_with_a_warning(
    page: Page, strange: bytes
) -> None:
    give(page, strange)
    expect(page.locator("#verdict")).to_contain_text("does not know")
    expect(page.locator("[data-hit]")).to_have_count(0)
    page.get_by_label("Show similar pictures all the same").check()
    expect(page.locator("[data-hit]")).to_have_count(10)
    expect(page.get_by_role("alert")).to_contain_text("means nothing")
    page.set_viewport_size({"width": 360, "height": 800})
    for part in page.locator(".hit .score").all():  # the number of bits, without a bar
        assert part.evaluate("e => e.scrollWidth <= e.clientWidth")
    keep(page, "forced")


def test_pictures_side_by_side_share_window_and_zoom(page: Page, known: bytes) -> None:
    give(page, known)
    page.locator('[data-act="compare"]').first.click()
    page.wait_for_url("**/compare?*")
    pane = page.locator(".pane").first
    expect(pane.locator("canvas")).to_be_visible()  # in place of its picture, once it has come
    pane.focus()
    page.keyboard.press("+")
    page.keyboard.press("ArrowRight")
    shown = page.locator(".pane img, .pane canvas")
    (moved,) = set(shown.evaluate_all("found => found.map(one => one.style.transform)"))
    assert "scale(1.5)" in moved
    page.locator("[name=width]").fill("50")
    assert page.locator("feFuncR").get_attribute("slope") == "2"
    assert page.locator("feFuncR").get_attribute("intercept") == "-0.5"
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Reset").click()
    expect(page.locator("feFuncR")).to_have_attribute("slope", "1")
    keep(page, "compare")
    page.get_by_role("link", name="Back to the answer").click()
    expect(page.locator("[data-hit]")).to_have_count(10)


def test_a_window_is_said_by_level_and_width_as_the_file_has_it(
    page: Page, make_dicom: Callable[..., bytes]
) -> None:
    stored = page.locator(".samples a").first.get_attribute("href") or ""
    scan = make_dicom(draw("disc", 120).astype(np.int16), WindowCenter=40, WindowWidth=400)
    for language, said in (
        ("en", "level 40, width 400"),
        ("de", "Fensterlage 40, Fensterbreite 400"),
    ):
        page.goto(f"/?lang={language}")
        transfer(page, "drop", [("a.dcm", scan)])
        page.wait_for_url("**/search?q=*")
        key = page.url.partition("q=")[2].partition("&")[0]
        page.goto(f"/compare?q={key}&show={stored.partition('id=')[2]}")
        expect(page.locator("[data-window]")).to_have_text(said)


def test_an_answer_is_saved_as_a_table(page: Page, known: bytes) -> None:
    give(page, known)
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    text = Path(download.value.path()).read_text(encoding="utf-8")
    assert text.startswith("rank,id,label,similarity,distance")
    assert len(text.splitlines()) == 11


def test_an_answer_to_a_dicom_image_is_saved_as_a_report(
    page: Page, make_dicom: Callable[..., bytes]
) -> None:
    transfer(page, "drop", [("a.dcm", make_dicom(draw("disc", 120), **NAMED))])
    page.wait_for_url("**/search?q=*")
    with page.expect_download() as download:
        page.get_by_role("link", name="DICOM SR").click()
    found = dcmread(download.value.path())
    assert (found.Modality, found.StudyInstanceUID) == ("SR", STUDY)
    assert accessibility_faults(page) == []
    keep(page, "report")


def test_a_hit_is_kept_on_a_list_by_keys_and_found_there(page: Page, known: bytes) -> None:
    give(page, known)
    answer = page.url
    hit = page.locator("[data-hit]").nth(1)
    name = hit.locator(".id").inner_text()
    hit.focus()
    page.keyboard.press("k")
    page.wait_for_url("**/keep?*")
    assert accessibility_faults(page) == []
    page.get_by_label("Title").fill("Odd <discs>")
    page.get_by_label("Note").fill("looks like a & b")
    keep(page, "keep")
    page.get_by_role("button", name="Put it there").click()
    page.wait_for_url(f"{answer}&kept=*")
    page.get_by_role("link", name="Lists").click()
    page.get_by_role("link", name="Odd <discs>").click()
    expect(page.locator(".hit .id")).to_have_text(name)
    expect(page.locator("textarea")).to_have_value("looks like a & b")
    for scheme, width in (("dark", 1280), ("light", 360)):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": 800})
        assert accessibility_faults(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        keep(page, f"list-{scheme}-{width}")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert "looks like a & b" in Path(download.value.path()).read_text(encoding="utf-8")
    page.get_by_text("Delete the list").first.click()
    page.get_by_role("button", name="Delete the list").click()
    page.wait_for_url("**/lists")
    expect(page.get_by_text("You have no list yet.")).to_be_visible()
    assert accessibility_faults(page) == []
    keep(page, "lists")


@pytest.mark.parametrize("language", ["en", "de"])
def test_what_was_kept_or_noted_is_said_where_the_focus_is(
    page: Page, known: bytes, language: str
) -> None:
    words = Catalogues().of(language)
    page.goto(f"/?lang={language}")
    give(page, known)
    answer, done = page.url, page.locator(".done")
    for place in range(3):
        page.goto(answer)
        page.locator('[data-act="keep"]').nth(place).click()
        if place == 0:
            page.get_by_label(words("list-new-title")).fill("Odd")
        page.get_by_role("button", name=words("keep-do")).click()
        expect(done).to_have_text(words("kept-on", title="Odd"))
        expect(done).to_have_role("status")
        expect(done).to_be_focused()
    kept = page.url
    # As a person does, it asks after the scripts have begun to listen.
    expect(page.locator("form.controls[data-htmx-powered]")).to_be_attached()
    page.locator("#set-k").press("ArrowDown")
    expect(done).to_have_count(0)  # it was said of the answer before
    page.goto(kept)
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 800})
        assert accessibility_faults(page) == []
        keep(page, f"kept-{language}-{width}")
    page.goto("/lists")
    page.get_by_role("link", name="Odd").click()
    last = page.locator(".hit").last
    last.locator("textarea").fill("x")
    last.get_by_text(words("note-save")).click()
    expect(last.locator(".done")).to_have_text(words("note-saved"))
    expect(done).to_have_role("status")
    expect(done).to_be_focused()
    expect(done).to_be_in_viewport()
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 800})
        assert accessibility_faults(page) == []
        keep(page, f"noted-{language}-{width}")
    page.locator("summary").last.click()
    page.get_by_role("button", name=words("list-delete")).click()
    page.wait_for_url("**/lists")


def test_everything_is_reached_by_the_tab_key(page: Page, known: bytes) -> None:
    give(page, known)
    reached = set()
    for _ in range(80):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.outerHTML.slice(0, 250)"))
    reachable = " ".join(reached)
    for part in ("skip", "data-heat-slider", "<summary", 'name="k"', "data-hit", "data-act"):
        assert part in reachable, part


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("width", [1280, 360])
def test_no_page_has_a_fault_of_access(
    page: Page, known: bytes, strange: bytes, scheme: Literal["dark", "light"], width: int
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    faults = accessibility_faults(page)
    keep(page, f"start-{scheme}-{width}")
    for name, picture in (("known", known), ("strange", strange)):
        give(page, picture)
        page.locator("summary").first.click()
        faults += accessibility_faults(page)
        keep(page, f"{name}-{scheme}-{width}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.goto("/")
    give(page, known)
    page.locator('[data-act="compare"]').first.click()
    page.wait_for_url("**/compare?*")
    faults += accessibility_faults(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert faults == []


def test_the_other_pages_have_no_fault_of_access(
    browser: Browser, signed_in: object, address: str
) -> None:
    for state, path, heading in (
        (None, "/", "Sign in"),
        (signed_in, "/search?id=nothing", "This cannot be done as asked"),
        (signed_in, "/nothing", "There is nothing here"),
        (signed_in, "/history", "History"),
        (signed_in, "/admin/index", "Index: cells"),
        (signed_in, "/admin/collections", "Collections"),
        (signed_in, "/admin/quarantine", "Kept back"),
        (signed_in, "/admin/models", "Models"),
        (signed_in, "/admin/people", "People"),
        (signed_in, "/admin/audit", "Audit log"),
    ):
        context = browser.new_context(base_url=address, storage_state=state)  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(path)
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
        assert accessibility_faults(page) == []
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
            keep(page, f"{heading}-{width}")
        context.close()


def test_emergency_access_is_taken_and_ended(
    browser: Browser, settings: ServeSettings, address: str
) -> None:
    folder = Path(settings.index)
    with AuditLog.create(folder) as log, Vault(folder, log) as vault:
        People(vault).add("unroled", PASSWORD, BY)
        People(vault).permit_emergency("unroled", True, BY)
    page = browser.new_context(base_url=address).new_page()
    page.goto("/login")
    page.get_by_label("Name").fill("unroled")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("[data-drop]")).not_to_be_visible()
    page.get_by_role("link", name="Emergency access").click()
    page.get_by_label("Why it is needed").fill("stroke in room 4")
    faults = accessibility_faults(page)
    page.get_by_role("button", name="Take it for an hour").click()
    expect(page.get_by_text("Emergency access, because: stroke in room 4.")).to_be_visible()
    expect(page.locator("[data-drop]")).to_be_visible()
    faults += accessibility_faults(page)
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("button", name="End it now").click()
    expect(page.locator("[data-drop]")).not_to_be_visible()
    assert faults == []
    page.context.close()


def test_who_is_signed_in_stands_in_the_header_and_is_read_out_everywhere(page: Page) -> None:
    who = page.locator("header .who")
    for width, is_seen in ((1280, True), (390, False)):
        page.set_viewport_size({"width": width, "height": 800})
        expect(who).to_match_aria_snapshot("- paragraph: Signed in as local")
        expect(who.locator(".name")).to_be_visible(visible=is_seen)
        assert accessibility_faults(page) == []


def test_on_a_phone_the_header_leaves_room_for_the_page(page: Page) -> None:
    for width, most in ((1280, 90), (390, 130), (360, 130)):
        page.set_viewport_size({"width": width, "height": 800})
        for language in ("en", "de"):
            page.goto(f"/?lang={language}")
            header = page.locator("header").bounding_box()
            assert header is not None
            assert header["height"] <= most, (language, width)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert accessibility_faults(page) == []


def test_the_preferences_stay_beside_the_name_of_the_page(page: Page) -> None:
    for width in (720, 850, 1000, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        for language in ("en", "de"):
            page.goto(f"/?lang={language}")
            page.locator(".who .name").evaluate("e => { e.textContent = 'oidc.'.repeat(12); }")
            mark, preferences, last = (
                page.locator(f"header {part}").bounding_box()
                for part in (".mark", ".prefs", ".prefs button")
            )
            assert mark
            assert preferences
            assert last
            middles = [box["y"] + box["height"] / 2 for box in (mark, preferences, last)]
            assert np.ptp(middles) <= 3, (language, width)
            assert last["x"] + last["width"] <= width


def test_the_page_is_german_and_dark_where_that_is_chosen(page: Page) -> None:
    page.get_by_label("Language").select_option("de")
    expect(page.get_by_role("heading", name="Ähnliche Bilder finden")).to_be_visible()
    expect(page.locator("html")).to_have_class("scripted")  # the new page has its script too
    page.get_by_label("Darstellung").select_option("light")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    expect(page.locator("body")).to_have_css("background-color", "rgb(243, 245, 247)")
    assert accessibility_faults(page) == []


def test_an_answer_and_the_pages_of_those_who_run_it_are_german(
    page: Page, known: bytes, strange: bytes
) -> None:
    page.goto("/?lang=de")
    give(page, strange)
    page.locator(".said summary").click()
    expect(page.locator(".said details")).to_contain_text("Höchstens 1 von")
    assert accessibility_faults(page) == []
    keep(page, "german-strange")
    for path, heading in (
        ("/history", "Verlauf"),
        ("/admin/index", "Index: cells"),
        ("/admin/people", "Personen"),
        ("/admin/audit", "Protokoll"),
    ):
        page.goto(path)
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
        assert accessibility_faults(page) == []
        keep(page, f"german-{heading}")


def test_the_first_page_and_an_answer_are_light(page: Page, known: bytes) -> None:
    sizes = list[int]()
    page.on("response", lambda response: sizes.append(len(response.body())))
    page.reload()
    page.wait_for_load_state("networkidle")
    assert 0 < sum(sizes) < FIRST_PAGE_BYTES
    sizes.clear()
    transfer(page, "drop", [("scan.png", known)])
    page.wait_for_url("**/search?q=*")
    page.wait_for_load_state("networkidle")
    assert 0 < sum(sizes[1:]) < FIRST_PAGE_BYTES  # the first is a redirect, without a body


def test_without_scripts_a_picture_is_given_with_a_button(
    browser: Browser, signed_in: object, address: str, known: bytes
) -> None:
    context = browser.new_context(
        base_url=address,
        storage_state=signed_in,  # type: ignore[arg-type]
        java_script_enabled=False,
    )
    page = context.new_page()
    page.goto("/")
    file = {"name": "a.png", "mimeType": "image/png", "buffer": known}
    page.set_input_files("input[type=file]", file)  # type: ignore[arg-type]
    page.get_by_role("button", name="Search").click()
    page.wait_for_url("**/search?q=*")
    assert page.locator("[data-hit]").count() == 10
    context.close()


def add_person(page: Page, name: str) -> None:
    page.goto("/admin/people")
    page.locator("form[action$=add] [name=name]").fill(name)
    page.locator("form[action$=add] [name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Add a person").click()
    page.locator("form[action$=grant] [name=name]").select_option(name)
    page.get_by_role("button", name="Give a role").click()


def test_what_takes_something_away_is_asked_twice_by_keys_without_scripts(
    browser: Browser, signed_in: object, address: str
) -> None:
    context = browser.new_context(
        base_url=address,
        storage_state=signed_in,  # type: ignore[arg-type]
        java_script_enabled=False,
    )
    page = context.new_page()
    add_person(page, "eve")
    page.goto("/admin/models")
    chest = page.locator("section", has=page.locator("details form"))
    expect(chest).to_contain_text("cc" * 32)
    revoke, remove = "Take away the role viewer (everywhere) of eve", "Remove eve"
    for path, ask, name in (
        ("/admin/people", page.locator(f'summary[aria-label="{revoke}"]'), revoke),
        ("/admin/people", page.locator(f'summary[aria-label="{remove}"]'), remove),
        ("/admin/models", chest.get_by_text("Roll back chest to the model before"), "Roll back"),
    ):
        page.goto(path)
        act = page.get_by_role("button", name=name, exact=True)
        expect(act).not_to_be_visible()
        ask.focus()
        page.keyboard.press("Enter")
        expect(act).to_be_visible()
        page.keyboard.press("Tab")
        expect(act).to_be_focused()
        page.keyboard.press("Enter")
        expect(act).not_to_be_visible()
    expect(chest).to_contain_text("dd" * 32)
    page.goto("/admin/people")
    expect(page.get_by_role("cell", name="eve", exact=True)).to_have_count(0)
    context.close()


def test_a_form_that_failed_leads_back_to_its_page(
    browser: Browser, signed_in: object, address: str
) -> None:
    context = browser.new_context(base_url=address, storage_state=signed_in)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto("/admin/models")
    page.get_by_text("Roll back chest to the model before").click()
    page.locator("[name=before]").evaluate("e => { e.value = 'ee'; }")  # as if another came between
    page.get_by_role("button", name="Roll back", exact=True).click()
    expect(page.get_by_role("heading", name="This cannot be done as asked")).to_be_visible()
    assert accessibility_faults(page) == []
    page.get_by_role("link", name="Back to the page before").click()
    expect(page.get_by_role("heading", name="Models")).to_be_visible()
    context.close()


def test_what_is_asked_twice_has_no_fault_of_access(page: Page) -> None:
    add_person(page, "ann")
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        for name in ("models", "people"):
            page.goto(f"/admin/{name}")
            for summary in page.locator("summary").all():
                summary.click()
            assert accessibility_faults(page) == []
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            keep(page, f"asked-twice-{name}-{width}")
    page.get_by_role("button", name="Remove ann").click()
    expect(page.get_by_role("cell", name="ann", exact=True)).to_have_count(0)


def test_on_a_phone_all_that_is_known_of_a_person_is_in_sight(page: Page) -> None:
    name = "somebody.with-a-long-name@radiology.hospital.example"
    add_person(page, name)
    for width in (390, 360):
        page.set_viewport_size({"width": width, "height": 800})
        page.goto("/admin/people?lang=de")
        for summary in page.locator("main summary").all():
            summary.click()
        table = page.locator(".wide")
        assert table.evaluate("e => e.scrollWidth <= e.clientWidth")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        expect(table.get_by_role("cell", name=name, exact=True)).to_be_visible()
        assert accessibility_faults(page) == []
        keep(page, f"people-{width}")
        page.goto("/admin/collections")
        assert page.locator(".wide").evaluate("e => e.scrollWidth <= e.clientWidth")
    page.goto("/admin/people?lang=de")
    page.locator(f'summary[aria-label="{name} entfernen"]').click()
    page.get_by_role("button", name=f"{name} entfernen").click()
    expect(page.get_by_role("cell", name=name, exact=True)).to_have_count(0)


def test_on_a_phone_why_a_picture_was_not_taken_is_in_sight(
    page: Page, settings: ServeSettings
) -> None:
    reason = "its compressed pixels are damaged or of another size than its header says"
    with Store.open(Path(settings.index)) as store:
        store.keep_dead_letters("x", [Skipped("DICOM file 100 of 155", reason)])
        for path, language in product(("/admin/index", "/admin/quarantine"), ("en", "de")):
            for width in (390, 360):
                page.set_viewport_size({"width": width, "height": 800})
                page.goto(f"{path}?lang={language}")
                table = page.locator(".wide")
                assert table.evaluate("e => e.scrollWidth <= e.clientWidth")
                assert page.evaluate("document.documentElement.scrollWidth") <= width
                assert accessibility_faults(page) == []
        store.keep_dead_letters("x", [])


def test_on_a_phone_the_name_of_a_setting_and_its_number_stay_apart(
    page: Page, known: bytes
) -> None:
    page.goto("/?lang=de")
    give(page, known)
    answer = page.url
    for width in (390, 360):
        page.set_viewport_size({"width": width, "height": 800})
        for threshold in (0, 1):
            page.goto(f"{answer}&threshold={threshold}")
            right, bottom, left, top = page.locator("label:has(output)").evaluate(PLACES)
            assert left - right >= 6 or top >= bottom


def test_on_a_phone_the_pseudonym_of_a_series_does_not_widen_the_page(
    page: Page, known: bytes
) -> None:
    give(page, known)
    page.locator(".hit .id").evaluate_all(
        """all => all.forEach((e) => e.insertAdjacentHTML(
            "beforebegin", `<p class="meta"><span>Series: ${"f4d8".repeat(8)}</span></p>`))"""
    )
    for width in (390, 360):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        keep(page, f"series-{width}")


@pytest.mark.parametrize("path", ["/history", "/admin/audit"])
@pytest.mark.parametrize("language", ["en", "de"])
def test_on_a_phone_all_of_a_record_is_in_sight(
    page: Page, strange: bytes, path: str, language: str
) -> None:
    give(page, strange)
    page.goto(f"{path}?lang={language}")
    heads = page.get_by_role("columnheader").all_inner_texts()
    verdict = Catalogues().of(language)("verdict-unknown")
    record = page.get_by_role("row").filter(has_text=verdict).first
    table = page.locator(".wide")
    for width in (390, 360):
        page.set_viewport_size({"width": width, "height": 800})
        assert table.evaluate("e => e.scrollWidth <= e.clientWidth")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for cell in record.locator("td:not(:empty)").all():
            expect(cell).to_be_visible()
        assert accessibility_faults(page) == []
        keep(page, f"records-{path.rpartition('/')[2]}-{language}-{width}")
    # Read out they are a table all the same, each cell in its column.
    assert page.get_by_role("columnheader").count() == len(heads) > 0
    assert page.get_by_role("row").last.get_by_role("cell").count() == len(heads)
    said = record.locator("td[data-head]").first
    shown = said.evaluate("e => getComputedStyle(e, '::before').content")
    assert shown == f'"{said.get_attribute("data-head")} "'


@pytest.mark.parametrize("path", ["/history", "/admin/audit"])
@pytest.mark.parametrize("language", ["en", "de"])
def test_records_fit_a_page_of_any_width(
    page: Page, strange: bytes, path: str, language: str
) -> None:
    name = "somebody.with-a-long-name@radiology.hospital.example"
    add_person(page, name)
    page.goto("/")
    give(page, strange)
    page.goto(f"{path}?lang={language}")
    table = page.locator(".wide")
    for width in (705, 800, 900, 1000, 1100, 1400):
        page.set_viewport_size({"width": width, "height": 800})
        assert table.evaluate("e => e.scrollWidth <= e.clientWidth"), width
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert accessibility_faults(page) == []
        keep(page, f"records-{path.rpartition('/')[2]}-{language}-{width}")
    page.goto("/admin/people?lang=en")
    page.locator(f'summary[aria-label="Remove {name}"]').click()
    page.get_by_role("button", name=f"Remove {name}").click()
    expect(page.get_by_role("cell", name=name, exact=True)).to_have_count(0)


def test_a_picture_named_after_a_patient_leaves_no_name(page: Page) -> None:
    transfer(page, "drop", [("CANARY^PATRICIA.png", png(draw("disc", 123)))])
    page.wait_for_url("**/search?q=*")
    assert "CANARY" not in page.content() + page.url


def test_a_box_is_drawn_and_asked_about(page: Page, known: bytes) -> None:
    give(page, known)
    frame = page.locator("[data-region]").bounding_box()
    assert frame is not None
    left, top, side = frame["x"], frame["y"], frame["width"]
    page.mouse.move(left + 0.25 * side, top + 0.25 * side)
    page.mouse.down()
    page.mouse.move(left + 0.95 * side, top + 0.75 * side)
    page.mouse.up()
    page.wait_for_url("**box=25*")
    expect(page.locator("#verdict")).to_contain_text("The model")
    expect(page.locator(".region .surface rect")).to_have_attribute("x", "8.0")
    keep(page, "region")
    assert accessibility_faults(page) == []
    page.get_by_role("link", name="The whole picture").click()
    page.wait_for_url(lambda url: "box=" not in url)


def test_the_map_is_walked_by_keys_and_opened(
    page: Page, settings: ServeSettings, known: bytes
) -> None:
    folder = Path(settings.index)
    with Served.open(folder) as served, served.searcher.store.view() as view:
        keys, state = view.gallery.keys, maps.state_of(view)
    places = np.random.default_rng(0).random((len(keys), 2), dtype=np.float32)
    np.savez(folder / maps.FILE, state=np.array(state), keys=keys, places=places)
    give(page, known)
    page.get_by_role("link", name="Show it on the map").click()
    expect(page.locator("[data-map] line")).to_have_count(maps.NEAREST)
    assert accessibility_faults(page) == []
    page.locator("[data-map]").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    chosen = page.locator("[data-map] .chosen").get_attribute("data-id")
    expect(page.locator("[data-map-id]")).to_have_text(chosen or "")
    keep(page, "map-dark")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 420, "height": 900})
    keep(page, "map-light-narrow")
    page.locator("[data-map]").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/search?id=*")


def test_a_series_is_scrolled_through_and_windowed_by_its_values(page: Page) -> None:
    dark, bright = np.full((64, 64), 20_000, np.uint16), np.full((64, 64), 30_000, np.uint16)
    for pixels in (dark, bright):
        pixels[:32, :32] = 0
        pixels[32:, 32:] = 60_000
    transfer(page, "drop", [(f"{n}.png", png(p)) for n, p in enumerate([dark, bright, dark])])
    page.wait_for_url("**/search?q=*")
    key = page.url.partition("q=")[2].partition("&")[0]
    page.goto("/")
    stored = page.locator(".samples a").first.get_attribute("href") or ""
    page.goto(f"/compare?q={key}&show={stored.partition('id=')[2]}")
    pane = page.locator("[data-frames]")
    expect(pane.locator("canvas")).to_be_visible()

    def grey() -> int:
        """Return what is shown in the upper right, where the series differ."""
        shown = pane.locator("canvas").evaluate(
            "e => e.getContext('2d').getImageData(50, 10, 1, 1).data[0]"
        )
        return int(shown)

    # The window of a 16-bit PNG is its whole range: 255 * 20000 / 65535 = 77.8.
    assert grey() == 78
    pane.focus()
    with page.expect_response("**/query/frame?*"):
        page.keyboard.press("PageDown")
    expect(page.locator(".scroll output")).to_have_text("2 / 3")
    for _ in range(200):  # until it is drawn; the policy lets no test wait by a script of its own
        if grey() != 78:
            break
        page.wait_for_timeout(25)
    assert grey() == 117  # 255 * 30000 / 65535 = 116.7
    page.locator("[name=width]").fill("10")
    page.locator("[name=level]").fill("45")
    # ((30000 / 65535 - 0.45) / 0.1 + 0.5) * 255 = 147.3
    assert grey() == 147
    # 0.45 * 65535 + 0.5 and 0.1 * 65535 + 1, as DICOM counts whole numbers
    expect(page.locator("[data-window]")).to_have_text("level 29,491, width 6,555")
    keep(page, "series")
    assert accessibility_faults(page) == []

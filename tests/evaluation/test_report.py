"""The page says what the answer says, loads nothing, and is written whole or not at all."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from acir.errors import StorageError, UsageError
from acir.evaluation.report import (
    Page,
    Panel,
    QueryReport,
    data_uri,
    promise,
    rarity,
    refuse_unwritable_page,
    render,
    write_page,
)
from acir.types import Answer, Calibration, Hit, State, Verdict
from parsed_page import Parsed

PNG = b"\x89PNG\r\n\x1a\n picture"
HEAT = b"\x89PNG\r\n\x1a\n heat"
SVG = b"<?xml version='1.0'?><svg/>"


def _verdict(
    p: float = 0.5, state: State = "known", n: int = 500, promised: float | None = 0.03
) -> Verdict:
    calibration = Calibration(n, 9, 0.03, promised)
    return Verdict(state, p, "it is striped", "striped", {"knn": p}, calibration)


def _hit(rank: int, label: str = "cat|dog") -> Hit:
    return Hit(rank, f"id-{rank}", label, 3 * rank, 1 - rank / 8, None)


def _query(
    verdict: Verdict, hits: tuple[Hit, ...] = (), least: tuple[Hit, ...] = ()
) -> QueryReport:
    answer = Answer("asked.png", verdict, "fused", hits, ("one hit only",), least)
    return QueryReport(answer, PNG, {"id-1": PNG}, HEAT)


def _html(*queries: QueryReport) -> str:
    return render(Page("Title", "Intro.", queries))


@pytest.mark.parametrize(
    ("p", "sentence"),
    [
        (1.0, "Every ordinary picture looks at least this unusual (p = 1)."),
        (0.97, "Nearly every ordinary picture looks at least this unusual (p = 0.97)."),
        (0.62, "About 6 in 10 ordinary pictures look at least this unusual (p = 0.62)."),
        (0.1, "About 1 in 10 ordinary pictures look at least this unusual (p = 0.1)."),
        (0.052, "About 5 in 100 ordinary pictures look at least this unusual (p = 0.052)."),
        (0.01, "About 1 in 100 ordinary pictures look at least this unusual (p = 0.01)."),
        (0.004, "Fewer than 1 in 100 ordinary pictures look this unusual (p = 0.004)."),
        (0.001, "Fewer than 1 in 100 ordinary pictures look this unusual (p = 0.001)."),
        (0.0002, "Fewer than 1 in 1,000 ordinary pictures look this unusual (p = 0.0002)."),
        (0.00005, "Fewer than 1 in 10,000 ordinary pictures look this unusual (p < 0.0001)."),
    ],
)
def test_a_p_value_reads_as_a_sentence(p: float, sentence: str) -> None:
    assert rarity(_verdict(p)) == sentence


@pytest.mark.parametrize(
    ("p", "share"),
    [
        (1.0, "At most 100 in 100 ordinary sets of 5 pictures hold one this unusual (p = 1)."),
        (0.051, "At most 6 in 100 ordinary sets of 5 pictures hold one this unusual (p = 0.051)."),
        (
            0.004,
            "Fewer than 1 in 100 ordinary sets of 5 pictures hold one this unusual (p = 0.004).",
        ),
    ],
)
def test_a_p_value_of_several_pictures_is_of_sets(p: float, share: str) -> None:
    verdict = replace(_verdict(p, n=1500), pictures=5)
    assert rarity(verdict) == share
    assert promise(verdict).startswith("At most 3 % of ordinary sets of 5 pictures are called")


def test_without_calibration_pictures_there_is_no_p_value() -> None:
    assert "there is no p-value" in rarity(_verdict(1.0, n=0, promised=None))


def test_a_promise_names_its_rate_and_what_it_rests_on() -> None:
    assert promise(_verdict(n=1500)) == (
        "At most 3 % of ordinary pictures are called unknown (1,500 calibration pictures)."
    )
    assert promise(_verdict(n=40, promised=None)) == (
        "No rate of false alarms is promised: 40 calibration pictures are too few, "
        "or too many of them are alike."
    )


@pytest.mark.parametrize("state", ["known", "caution", "unknown"])
def test_the_verdict_is_a_word_and_not_only_a_colour(state: State) -> None:
    page = Parsed(_html(_query(_verdict(state=state), (_hit(1),))))
    assert state.capitalize() in page.words
    assert page.text.count(rarity(_verdict())) == 1


def test_a_reason_is_given_for_all_but_the_known() -> None:
    assert "it is striped" not in _html(_query(_verdict()))
    assert "Reason: it is striped." in _html(_query(_verdict(state="caution")))
    assert "Reason: it is striped." in _html(_query(_verdict(state="unknown")))


def test_a_hit_shows_rank_label_similarity_and_distance() -> None:
    html = _html(_query(_verdict(), (_hit(1), _hit(2, ""))))
    page = Parsed(html)
    assert "1 cat, dog 0.88 Hamming 3 id-1" in page.text
    assert "no thumbnail 2 no label 0.75 Hamming 6 id-2" in page.text
    assert "width:87.5%" in html
    assert "one hit only." in page.text


def test_the_least_similar_have_their_own_heading_below_the_hits() -> None:
    text = Parsed(_html(_query(_verdict(), (_hit(1),), (_hit(7, "far"),)))).text
    assert text.index("Most similar") < text.index("id-1") < text.index("Least similar of the")
    assert text.index("Least similar of the") < text.index("7 far")


def test_a_refused_query_shows_its_heat_map_with_its_warning_and_others_do_not() -> None:
    refused, known = (_html(_query(_verdict(state=s))) for s in ("unknown", "known"))
    assert "where the picture differs from known ones - not a lesion map" in refused
    assert data_uri(HEAT) in refused
    assert data_uri(HEAT) not in known
    assert "No similar cases are shown" in refused


def test_hits_of_a_forced_query_carry_a_warning() -> None:
    html = _html(_query(_verdict(state="unknown"), (_hit(1),)))
    assert "do not rely on them" in html
    assert "No similar cases are shown" not in html


def test_a_query_that_cannot_be_read_has_an_empty_frame() -> None:
    query = QueryReport(Answer("gone.png", _verdict(state="unknown"), "plain", ()), None)
    assert "not readable" in _html(query)


def test_a_page_loads_nothing_and_describes_every_picture() -> None:
    query = _query(_verdict(state="unknown"), (_hit(1),), (_hit(1),))
    html = render(Page("T", "I", (query,), (Panel(SVG, "A curve."),), ("acir doctor",)))
    page = Parsed(html)
    images = [attributes for tag, attributes in page.elements if tag == "img"]
    assert len(images) == 5
    for attributes in images:
        assert (attributes["src"] or "").startswith("data:image/")
        assert attributes["alt"]
    assert {tag for tag, _ in page.elements}.isdisjoint({"script", "link", "iframe"})
    assert not re.search(r"url\(|@import|https?:", html)
    assert "default-src 'none'" in html


def test_the_page_says_what_it_is_and_whose_pictures_it_shows() -> None:
    page = Page("T", "I", (), attribution="Acevedo et al., CC BY 4.0", synthetic=True)
    text = Parsed(render(page)).text
    assert text.count("Not a medical device") == 2
    assert "Synthetic pictures" in text
    assert "Pictures: Acevedo et al., CC BY 4.0" in text
    assert "Synthetic" not in render(Page("T", "I", ()))


def test_commands_stand_in_order_at_the_end() -> None:
    page = Page("T", "I", (), commands=("acir doctor", "acir demo"))
    assert "What to try next acir doctor acir demo" in Parsed(render(page)).text


def test_text_is_escaped_wherever_it_comes_from() -> None:
    evil = "<script>alert('&')</script>"
    verdict = Verdict("caution", 0.5, evil, evil, {evil: 0.5}, Calibration(9, 1, 0.03, None))
    hit = Hit(1, evil, evil, 1, 0.5, None)
    answer = Answer(evil, verdict, evil, (hit,), (evil,), (hit,))
    query = QueryReport(answer, PNG, {evil: PNG})
    html = render(Page(evil, evil, (query,), (Panel(PNG, evil),), (evil,), evil))
    assert "<script" not in html
    assert "alert" in Parsed(html).text


def test_a_picture_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match=r"starts with b'BM\.\.', expected PNG, JPEG or SVG"):
        data_uri(b"BM....")


def test_a_data_uri_holds_the_bytes_and_their_type() -> None:
    assert data_uri(b"\xff\xd8\xff") == "data:image/jpeg;base64,/9j/"


def test_writing_replaces_the_page_and_leaves_no_other_file(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("old")
    write_page(path, Page("Title", "Intro.", ()))
    assert path.read_text() == render(Page("Title", "Intro.", ()))
    assert list(tmp_path.iterdir()) == [path]


def test_a_page_that_cannot_be_written_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "page.html"
    path.write_text("old")

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(StorageError, match=r"page.html: No space left on device; free some space"):
        write_page(path, Page("Title", "Intro.", ()))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_does_not_exist_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"cannot write .*: No such file or directory"):
        write_page(tmp_path / "absent" / "page.html", Page("Title", "Intro.", ()))


def test_a_page_for_a_folder_that_does_not_exist_is_refused_beforehand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match=r"no folder .*absent for page.html; make it first"):
        refuse_unwritable_page(tmp_path / "absent" / "page.html")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="is a folder; name the file of the page"):
        refuse_unwritable_page(tmp_path)
    refuse_unwritable_page(Path("page.html"))


def test_only_a_file_called_like_a_page_may_be_replaced_by_one(tmp_path: Path) -> None:
    for name in ("scan.png", "page"):
        (tmp_path / name).touch()
        with pytest.raises(UsageError, match="already, and its name is not that of a page"):
            refuse_unwritable_page(tmp_path / name)
    for name in ("page.html", "PAGE.HTM"):
        (tmp_path / name).touch()
        refuse_unwritable_page(tmp_path / name)

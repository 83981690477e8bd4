"""`acir search` with several views, cases, near-duplicates, examples and stored pictures."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from acir.errors import UsageError
from acir.gate import Gate
from acir.index.store import Store
from acir.index.view import View
from acir.search import Searcher
from acir.types import Scored, Verdict
from acir.workflows.search import open_index
from made_model import CLASSES, Outcome, acir, draw, foreign, save

ALL = 10_000


def search(index: Path, *words: object) -> Outcome:
    return acir("search", "--index", index, "--json", *words)


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory, bundle: Path) -> Path:
    """Return an index of 24 pictures: series of three, patients of two series."""
    folder = tmp_path_factory.mktemp("cases")
    rows = ["path,label,patient,series"]
    for n in range(24):
        kind = CLASSES[n // 6]
        save(draw(kind, 6000 + n), folder / f"{n:02d}.png")
        rows.append(f"{n:02d}.png,{kind},P{n // 6},S{n // 3}")
    (folder / "table.csv").write_text("\n".join(rows), encoding="utf-8")
    words = ("--model", bundle, "--data", folder / "table.csv", "--index", folder / "index")
    assert acir("index", "build", *words).code == 0
    return folder / "index"


@pytest.fixture
def views(tmp_path: Path) -> list[Path]:
    return [save(draw("disc", 6100 + n), tmp_path / f"view{n}.png") for n in range(3)]


@pytest.fixture(scope="module")
def searcher(cases: Path) -> Iterator[Searcher]:
    with open_index(cases) as opened:
        yield opened


def test_near_duplicates_of_the_query_and_of_hits_are_folded_and_counted(
    own_index: Path, tmp_path: Path
) -> None:
    picture, other = draw("disc", 6200), draw("disc", 6201)
    for n in range(3):
        for name, pixels in (("query", picture), ("other", other)):
            copy = pixels.copy()
            copy[0, n] ^= 1  # other pixels, the same picture to anyone
            save(copy, tmp_path / "copies" / "disc" / f"{name}{n}.png")
    assert acir("index", "add", "--index", own_index, "--data", tmp_path / "copies").code == 0
    query = save(picture, tmp_path / "query.png")
    folded = search(own_index, query, "-k", ALL, "--force").line()
    kept = search(own_index, query, "-k", ALL, "--force", "--keep-duplicates").line()
    ids = [hit["id"] for hit in folded["hits"]]
    assert sum(name.startswith("disc/query") for name in ids) == 0
    assert sum(name.startswith("disc/other") for name in ids) == 1
    assert folded["folded"] == 5
    assert kept["folded"] == 0
    assert len(kept["hits"]) == len(folded["hits"]) + 5
    assert {hit["id"] for hit in kept["hits"]} > set(ids)
    few = search(own_index, query, "-k", 3, "--force").line()["hits"]
    assert [hit["rank"] for hit in few] == [1, 2, 3]
    itself = search(own_index, query, "-k", 1, "--force", "--include-self").line()["hits"]
    assert itself[0]["id"].startswith("disc/query")
    table = acir("search", "--index", own_index, query, "-k", ALL, "--force").out
    assert "near-duplicates left out: 5" in table


def test_more_candidates_are_taken_where_copies_leave_too_few(
    own_index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("acir.search.shortlist.LEAST", 1)
    monkeypatch.setattr("acir.search.shortlist.FACTOR", 1)
    for n in range(20):
        copy = draw("disc", 6202)
        copy[0, n] ^= 1
        save(copy, tmp_path / "copies" / "disc" / f"{n:02d}.png")
    assert acir("index", "add", "--index", own_index, "--data", tmp_path / "copies").code == 0
    query = save(draw("disc", 6202), tmp_path / "query.png")
    found = search(own_index, query, "-k", 2, "--force").line()
    assert len(found["hits"]) == 2
    assert found["folded"] == 20


def test_several_views_have_one_answer_with_one_verdict(
    cases: Path, views: list[Path], tmp_path: Path
) -> None:
    alone = search(cases, *views).lines()
    line = search(cases, *views, "--together").line()
    worst = min(alone, key=lambda found: found["p_value"])
    assert line["query"] == " + ".join(map(str, views))
    assert line["views"] == list(map(str, views))
    assert line["worst_view"] == worst["query"]
    assert line["p_value"] == pytest.approx(min(1.0, 3 * worst["p_value"]), rel=1e-5)
    assert "ordinary sets of 3 pictures hold one this unusual" in line["reason"]
    odd = save(foreign(3), tmp_path / "odd.png")
    refused = search(cases, views[0], odd, views[1], "--together").line()
    assert (refused["verdict"], refused["worst_view"]) == ("unknown", str(odd))
    assert refused["hits"] == []
    assert search(cases, views[0], odd, "--together", "--fail-on-unknown").code == 3
    assert len(search(cases, views[0], odd, "--together", "--force").line()["hits"]) == 10
    text = acir("search", "--index", cases, *views, "--together").out
    assert f"one verdict on 3 views; {worst['query']} decides" in text.replace("\n", "")


def test_an_unreadable_view_withholds_the_answer_and_counts_for_nothing_by_force(
    cases: Path, views: list[Path], tmp_path: Path
) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"")
    refused = search(cases, views[0], bad, "--together").line()
    assert (refused["reason_code"], refused["worst_view"]) == ("truncated", str(bad))
    assert refused["hits"] == []
    forced = search(cases, views[0], bad, "--together", "--force").line()
    one = search(cases, views[0], "--together", "--force").line()
    assert forced["hits"] == one["hits"]
    both = search(cases, *views[:2], bad, "--together", "--force", "--per", "label").line()
    assert [match["view"] for match in both["hits"][0]["matches"]] == list(map(str, views[:2]))


def test_a_view_that_is_unusual_alone_is_a_view_where_all_are_answered(
    cases: Path, views: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(gate: Gate, scored: Scored) -> tuple[Verdict, ...]:
        return tuple(replace(one, verdict="unknown") for one in honest(gate, scored))

    def together(gate: Gate, worst: Verdict, pictures: int) -> Verdict:
        return replace(worst, verdict="caution", pictures=pictures)

    honest, forced = Gate.judge_scored, search(cases, *views, "--together", "--force").line()
    monkeypatch.setattr(Gate, "judge_scored", unknown)
    monkeypatch.setattr(Gate, "judge_together", together)
    assert {one["verdict"] for one in search(cases, *views).lines()} == {"unknown"}
    found = search(cases, *views, "--together").line()
    assert found["verdict"] == "caution"
    assert found["hits"] == forced["hits"]


def test_one_view_alone_is_the_ordinary_answer(cases: Path, views: list[Path]) -> None:
    for mode in ("within-distance", "plain"):
        plain = search(cases, views[0], "--mode", mode, "-k", ALL, "--force").line()
        alone = search(cases, views[0], "--mode", mode, "-k", ALL, "--force", "--together").line()
        key = ("id", "distance", "similarity")
        assert {tuple(h[k] for k in key) for h in alone["hits"]} == {
            tuple(h[k] for k in key) for h in plain["hits"]
        }


def test_the_similarity_of_a_case_is_the_mean_of_the_best_of_each_view(
    cases: Path, views: list[Path]
) -> None:
    options = ("--force", "-k", ALL, "--keep-duplicates")
    alone = [search(cases, view, *options).line()["hits"] for view in views]
    together = search(cases, *views, "--together", "--per", "series", *options).line()["hits"]
    assert len(together) == 8
    for hit in together:
        members = {f"{3 * int(hit['case'][1:]) + i:02d}.png" for i in range(3)}
        best = [max(h["similarity"] for h in hits if h["id"] in members) for hits in alone]
        assert hit["similarity"] == pytest.approx(sum(best) / 3, abs=2e-6)
        assert hit["id"] in members
    similarities = [hit["similarity"] for hit in together]
    assert similarities == sorted(similarities, reverse=True)


def test_views_in_another_order_give_the_same_hits(cases: Path, views: list[Path]) -> None:
    options = ("--together", "--per", "series", "--force")
    hits = search(cases, *views, *options).line()["hits"]
    turned = search(cases, *views[::-1], *options).line()["hits"]
    for hit in turned:
        hit["matches"].reverse()  # one a view, in the order of the views
    assert hits == turned


@pytest.mark.parametrize(("key", "count"), [("patient", 4), ("series", 8), ("label", 4)])
def test_one_hit_a_case_is_its_best_picture(
    cases: Path, views: list[Path], key: str, count: int
) -> None:
    every = search(cases, views[0], "-k", ALL, "--force").line()["hits"]
    outcome = search(cases, views[0], "-k", ALL, "--force", "--per", key)
    hits = outcome.line()["hits"]
    assert len({hit["case"] for hit in hits}) == len(hits) == count
    assert {hit["id"] for hit in hits} < {hit["id"] for hit in every}
    assert hits[0]["id"] == every[0]["id"]
    assert f"{count} cases can be retrieved, {ALL} were asked for" in outcome.err


def test_an_unknown_key_of_cases_is_refused(cases: Path, views: list[Path]) -> None:
    said = search(cases, views[0], "--force", "--per", "seris").refusal()
    assert said.startswith("the index has nothing named 'seris' to make cases of; use label,")
    assert said.endswith("Did you mean 'series'?")


def test_a_stored_picture_can_be_asked_about_and_is_left_out(
    index: Path, pictures: Path, tmp_path: Path
) -> None:
    with open_index(index) as searcher:
        with searcher.store.view() as view:
            (entry,) = view.entries(np.array([5]))
        answer = searcher.search_stored(entry.id, k=4)
    outcome = search(index, "--id", entry.id, "-k", 4)
    line = outcome.line()
    assert [line[key] for key in ("query", "verdict", "p_value", "reason_code")] == [
        *(entry.id, None, None, None)
    ]
    assert [hit["id"] for hit in line["hits"]] == [hit.id for hit in answer.hits]
    assert entry.id not in {hit["id"] for hit in line["hits"]}
    asked = search(index, pictures / entry.id, "-k", 4, "--force").line()["hits"]
    assert line["hits"][0]["label"] == asked[0]["label"]
    assert search(index, "--id", entry.id, "-k", 1, "--include-self").line()["hits"][0]["id"] == (
        entry.id
    )
    text = acir("search", "--index", index, "--id", entry.id, "--html", tmp_path / "page.html")
    assert text.out.startswith(f"stored  {entry.id}: the gate was not asked")
    html = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "A picture of the index: the gate was not asked." in html


def test_other_series_of_the_patient_of_a_stored_picture_are_left_out(cases: Path) -> None:
    hits = search(cases, "--id", "00.png", "-k", ALL).line()["hits"]
    assert sorted(hit["id"] for hit in hits) == [f"{n:02d}.png" for n in range(6, 24)]


def test_an_id_that_is_not_stored_is_refused(cases: Path, views: list[Path]) -> None:
    expected = "the index has no picture 'nobody'; give the id of a stored one, as a hit shows it"
    assert search(cases, "--id", "nobody").refusal() == expected
    assert search(cases, views[0], "--like", "nobody").refusal() == expected
    assert search(cases, views[0], "--unlike", "nobody").refusal() == expected


def test_examples_pull_and_push_and_are_left_out(cases: Path, views: list[Path]) -> None:
    def similarities(*words: object) -> dict[str, float]:
        hits = search(cases, views[0], "--force", "-k", ALL, *words).line()["hits"]
        assert not {hit["id"] for hit in hits} & set(map(str, words))
        return {hit["id"]: hit["similarity"] for hit in hits}

    def change(rows: range, option: str) -> float:
        """Return how much nearer the others of a class come by its first three pictures."""
        names = [f"{row:02d}.png" for row in rows]
        after = similarities(*[word for name in names[:3] for word in (option, name)])
        return float(np.mean([after[name] - before[name] for name in names[3:]]))

    before = similarities()
    assert change(range(6), "--like") > 0
    assert change(range(12, 18), "--unlike") < 0


def test_the_order_of_examples_does_not_matter(cases: Path, views: list[Path]) -> None:
    words = (views[0], "--force", "--like", "00.png", "--like", "07.png")
    turned = (views[0], "--force", "--like", "07.png", "--like", "00.png")
    assert search(cases, *words).line() == search(cases, *turned).line()


def test_examples_are_of_the_state_that_answers(
    own_index: Path, views: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_index(own_index) as searcher, Store.open(own_index) as other:
        hits = searcher.search(views[0], force=True).hits
        plain, liked = searcher.store.view, (hits[-1].id,)
        expected = searcher.search(views[0], force=True, like=liked).hits

        @contextmanager
        def view() -> Iterator[View]:
            with plain() as seen:
                other.delete(liked)
                yield seen

        monkeypatch.setattr(searcher.store, "view", view)
        assert searcher.search(views[0], force=True, like=liked).hits == expected


def test_a_picture_cannot_be_liked_and_disliked(cases: Path, views: list[Path]) -> None:
    said = search(cases, views[0], "--like", "00.png", "--unlike", "00.png").refusal()
    assert said == "00.png is given as like and as unlike; give it as one of them"


def test_without_any_picture_there_is_no_question(cases: Path, searcher: Searcher) -> None:
    said = search(cases).refusal()
    assert said == "there is nothing to ask about; give a picture, or --id with a stored one"
    with pytest.raises(UsageError, match="there is no view to search by; give at least one"):
        searcher.search_together([])


def test_many_pictures_in_one_call_have_the_answers_of_each(searcher: Searcher) -> None:
    pictures = [foreign(n) if n % 4 == 0 else draw(CLASSES[n % 4], 6300 + n) for n in range(9)]
    pictures.append(draw("disc", 6000 + 12))  # a stored one
    for options in ({}, {"radius": 9}, {"per": "series"}, {"where": {"label": "disc"}}):
        together = searcher.search_many(pictures, k=3, force=True, **options)
        assert together == [searcher.search(p, k=3, force=True, **options) for p in pictures]
    assert searcher.search_many([]) == []

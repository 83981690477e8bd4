"""`acir search`: its lines, their order, and what it answers to odd requests."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from acir.index.store import Store
from acir.picture import as_record
from acir.search import coded
from acir.workflows.search import load, open_index
from made_model import CLASSES, Outcome, acir, coloured, draw, foreign, program, save

LINE = [
    *("query", "verdict", "p_value", "reason", "reason_code", "mode", "hits"),
    *("folded", "views", "worst_view", "risk", "risk_promised"),
]
HIT = ["rank", "id", "label", "distance", "similarity", "path", "case", "matches"]
ALL = 10_000


def search(index: Path, *words: object) -> Outcome:
    return acir("search", "--index", index, "--json", *words)


@pytest.fixture(scope="module")
def query(pictures: Path) -> Path:
    """Return a picture of the test split, which the index does not hold."""
    return pictures / "test" / "disc" / "120.png"


def test_a_line_has_the_keys_of_the_contract(index: Path, query: Path) -> None:
    line = search(index, query).line()
    assert list(line) == LINE
    assert line["query"] == str(query)
    assert line["mode"] in {"within-distance", "fused"}
    assert [list(hit) for hit in line["hits"]] == [HIT] * 10
    assert [hit["rank"] for hit in line["hits"]] == list(range(1, 11))
    assert line["hits"][0]["label"] == "disc"
    assert line["hits"][0]["id"] == line["hits"][0]["path"]


def test_each_picture_of_a_source_has_a_line(index: Path, pictures: Path) -> None:
    lines = search(index, f"{pictures}#test", "-k", 1).lines()
    expected = [f"test/{kind}/{n}.png" for kind in CLASSES for n in range(115, 130)]
    assert [line["query"] for line in lines] == expected


@pytest.mark.parametrize("mode", ["within-distance", "fused", "plain"])
def test_similarities_never_increase_down_the_ranking(index: Path, query: Path, mode: str) -> None:
    line = search(index, query, "--mode", mode, "-k", ALL).line()
    similarities = [hit["similarity"] for hit in line["hits"]]
    assert line["mode"] == mode
    assert similarities == sorted(similarities, reverse=True)
    assert all(0 <= similarity <= 1 for similarity in similarities)


def test_the_order_within_a_distance_is_that_of_the_cosine_then_of_the_id(
    index: Path, bundle: Path, pictures: Path
) -> None:
    model = load(bundle)
    with Store.open(index) as store, store.view() as view:
        held = view.entries(np.arange(len(view.gallery.keys)))
    for kind in CLASSES:
        path = pictures / "test" / kind / "118.png"
        (code,), (embedding,) = coded(model.bundle.encoder, model.encode(as_record(path, b"key")))
        keys = []
        for entry in held:
            distance = sum(bin(a ^ b).count("1") for a, b in zip(code, entry.code, strict=True))
            u, v = embedding.astype(np.float64), entry.embedding.astype(np.float64)
            cosine = round(float(u @ v / np.sqrt((u @ u) * (v @ v))), 6)
            keys.append((distance, -cosine, entry.id))
        hits = search(index, path, "--mode", "within-distance", "-k", ALL, "--force").line()["hits"]
        assert [(hit["distance"], hit["id"]) for hit in hits] == [
            (distance, id_) for distance, _, id_ in sorted(keys)
        ]


def test_fewer_hits_are_the_start_of_more(index: Path, query: Path) -> None:
    whole = search(index, query, "--mode", "plain", "-k", ALL).line()["hits"]
    few = search(index, query, "--mode", "plain", "-k", 7).line()["hits"]
    assert few == whole[:7]


def test_a_stored_picture_is_left_out_of_its_own_answer(index: Path, pictures: Path) -> None:
    with Store.open(index) as store, store.view() as view:
        (stored,) = view.entries(np.array([0]))
    itself = pictures / stored.id
    without = search(index, itself, "-k", ALL, "--force").line()["hits"]
    with_it = search(index, itself, "-k", ALL, "--force", "--include-self").line()["hits"]
    assert stored.id not in {hit["id"] for hit in without}
    assert with_it[0]["id"] == stored.id
    assert with_it[0]["distance"] == 0
    assert len(with_it) == len(without) + 1


def test_an_open_index_answers_from_its_newest_state(own_index: Path, query: Path) -> None:
    with open_index(own_index) as searcher, Store.open(own_index) as other:
        first, second, third = searcher.search(query, k=3).hits
        size = len(searcher)
        other.delete([first.id])
        assert [hit.id for hit in searcher.search(query, k=2).hits] == [second.id, third.id]
        assert len(searcher) == size - 1


def test_fewer_hits_than_asked_for_are_no_error_but_noted(index: Path, query: Path) -> None:
    outcome = search(index, query, "-k", ALL)
    with Store.open(index) as store:
        n = store.info()["n"]
    assert outcome.code == 0
    assert len(outcome.line()["hits"]) == n
    assert outcome.err == f"{query}: {n} pictures can be retrieved, {ALL} were asked for\n"


def test_an_empty_index_answers_with_a_notice(own_index: Path, query: Path) -> None:
    conditions = [word for kind in CLASSES for word in ("--where", f"label={kind}")]
    for at in range(0, len(conditions), 2):
        assert acir("index", "delete", "--index", own_index, *conditions[at : at + 2]).code == 0
    for words in ((), ("--radius", 32), ("--mode", "fused")):
        outcome = search(own_index, query, *words)
        assert outcome.code == 0
        assert outcome.line()["hits"] == []
        assert "0 pictures can be retrieved, 10 were asked for" in outcome.err


def test_a_radius_includes_its_end(index: Path, query: Path) -> None:
    hits = search(index, query, "-k", ALL).line()["hits"]
    radius = sorted(hit["distance"] for hit in hits)[5]
    within = search(index, query, "-k", ALL, "--radius", radius).line()["hits"]
    assert {hit["id"] for hit in within} == {h["id"] for h in hits if h["distance"] <= radius}
    assert max(hit["distance"] for hit in within) == radius


@pytest.mark.parametrize("radius", [-1, 33])
def test_a_radius_beyond_the_code_is_refused(index: Path, tmp_path: Path, radius: int) -> None:
    path = save(foreign(0), tmp_path / "unknown.png")  # even where no search would follow
    said = search(index, path, "--radius", radius).refusal()
    assert said == f"the radius is {radius}, expected 0 to 32, the bits of the codes"


def test_hits_meet_the_condition(index: Path, query: Path) -> None:
    hits = search(index, query, "--where", "label=bars", "-k", 5).line()["hits"]
    assert [hit["label"] for hit in hits] == ["bars"] * 5
    assert "nothing named 'place'" in search(index, query, "--where", "place=x").refusal()
    assert "expected key=value" in search(index, query, "--where", "label").refusal()
    twice = search(index, query, "--where", "label=bars", "--where", "label=disc")
    assert twice.refusal() == "label is given twice, as 'bars' and 'disc'; expected once"


def test_a_label_that_nothing_has_gives_no_hits(index: Path, query: Path) -> None:
    outcome = search(index, query, "--where", "label=dics")
    assert outcome.code == 0
    assert outcome.line()["hits"] == []


def test_an_unknown_mode_is_refused_with_the_nearest(index: Path, query: Path) -> None:
    said = search(index, query, "--mode", "fuse").refusal()
    assert said.endswith(
        "choose one of content, fused, plain, within-distance. Did you mean 'fused'?"
    )


def test_an_unknown_query_gets_no_hits_unless_forced(index: Path, tmp_path: Path) -> None:
    path = save(foreign(0), tmp_path / "foreign.png")
    refused = search(index, path)
    assert refused.code == 0
    assert refused.line()["verdict"] == "unknown"
    assert refused.line()["hits"] == []
    forced = search(index, path, "--force").line()
    assert forced["verdict"] == "unknown"
    assert len(forced["hits"]) == 10


def test_unknown_queries_can_decide_the_exit_code(index: Path, query: Path, tmp_path: Path) -> None:
    path = save(foreign(0), tmp_path / "foreign.png")
    assert search(index, query, "--fail-on-unknown").code == 0
    outcome = search(index, path, query, "--fail-on-unknown")
    assert outcome.code == 3
    assert [len(line["hits"]) for line in outcome.lines()] == [0, 10]


@pytest.fixture
def broken(tmp_path: Path, query: Path) -> dict[str, Path]:
    """Return pictures that cannot be read, by the reason code that each should get."""
    content = query.read_bytes()
    (tmp_path / "half.png").write_bytes(content[: len(content) // 2])
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.png").write_text("no picture", encoding="utf-8")
    names = {"half": "truncated", "empty": "truncated", "text": "unreadable"}
    return {f"{code} {name}": tmp_path / f"{name}.png" for name, code in names.items()}


def test_unreadable_pictures_have_lines_while_others_are_answered(
    index: Path, query: Path, broken: dict[str, Path]
) -> None:
    outcome = search(index, *broken.values(), query)
    assert outcome.code == 0
    *bad, good = outcome.lines()
    assert good["verdict"] != "unknown"
    for line, (name, path) in zip(bad, broken.items(), strict=True):
        assert list(line) == LINE
        assert line["query"] == str(path)
        assert (line["verdict"], line["hits"]) == ("unknown", [])
        assert line["reason_code"] == name.split()[0]
    assert search(index, query, *broken.values(), "--fail-on-unknown").code == 3


def test_where_nothing_can_be_read_the_command_fails(index: Path, broken: dict[str, Path]) -> None:
    outcome = search(index, *broken.values())
    assert outcome.code == 2
    assert len(outcome.lines()) == 3
    assert "no picture could be read; the last one: cannot read text.png" in outcome.refusal()


def test_a_misspelt_query_stops_the_command_before_it_answers(
    index: Path, query: Path, tmp_path: Path
) -> None:
    outcome = search(index, query, tmp_path / "nowhere.png")
    assert "there is nothing at" in outcome.refusal()
    assert outcome.out == ""


def test_an_empty_folder_is_no_query(index: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    said = search(index, tmp_path / "empty").refusal()
    assert said == (f"{tmp_path / 'empty'} holds no picture; give a picture or a source of some")


def test_colour_and_grey_are_converted_and_counted(
    index: Path, query: Path, tmp_path: Path
) -> None:
    same = np.stack([draw("disc", 120)] * 3, axis=2)  # colour by its channels only
    paths = [save(same, tmp_path / "a.png"), save(coloured(draw("disc", 121)), tmp_path / "b.png")]
    outcome = search(index, query, *paths)
    assert outcome.code == 0
    assert outcome.err == "converted 2 pictures to the channels of the model\n"
    grey, colour, _ = outcome.lines()
    assert colour["hits"] == grey["hits"]


def test_a_page_is_written(index: Path, query: Path, tmp_path: Path) -> None:
    odd = save(foreign(0), tmp_path / "foreign.png")
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"")
    page = tmp_path / "page.html"
    outcome = search(index, query, odd, bad, "--html", page, "-k", 3)
    assert outcome.code == 0, outcome.err
    html = page.read_text(encoding="utf-8")
    (first, *_) = outcome.lines()
    assert all(hit["id"] in html for hit in first["hits"])
    assert html.count("data:image/png;base64,") >= 6  # query, 3 hits, refused query, heat map
    assert f"the page is {page}" in outcome.err


def test_a_page_without_a_folder_is_refused_before_the_search(
    index: Path, query: Path, tmp_path: Path
) -> None:
    outcome = search(index, query, "--html", tmp_path / "none" / "page.html")
    assert outcome.refusal().startswith(f"there is no folder {tmp_path / 'none'} for page.html")
    assert outcome.out == ""


def test_people_get_a_table(index: Path, query: Path) -> None:
    outcome = acir("search", "--index", index, query, "-k", 2)
    assert outcome.code == 0
    verdict, *table = outcome.out.splitlines()
    assert verdict.split()[0] in {"known", "caution"}
    assert sum("train/disc/" in row for row in table) >= 1


def answers(index: Path, queries: list[Path], threads: int) -> bytes:
    """Return the standard output of one process."""
    words = ("search", "--index", index, "--json", "--force", "--threads", threads, *queries)
    command = program(*words, threads=threads)
    done: bytes = subprocess.run(**command, check=True, stdout=subprocess.PIPE).stdout
    return done


def same_bytes_however_asked(index: Path, folder: Path, count: int) -> None:
    queries = [
        save(
            foreign(n) if n % 5 == 0 else draw(CLASSES[n % 4], 5000 + n),
            folder / CLASSES[n % 4] / f"{n}.png",
        )
        for n in range(count)
    ]
    together = answers(index, queries, threads=1)
    assert together.count(b"\n") == count
    assert answers(index, queries, threads=2) == together
    alone = "".join(search(index, "--force", query).out for query in queries)
    assert alone.encode() == together


def test_twenty_answers_are_the_same_bytes_however_asked(index: Path, tmp_path: Path) -> None:
    same_bytes_however_asked(index, tmp_path, 20)


@pytest.mark.soak
def test_a_thousand_answers_are_the_same_bytes_however_asked(index: Path, tmp_path: Path) -> None:
    same_bytes_however_asked(index, tmp_path, 1000)

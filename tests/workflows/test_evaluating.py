"""`acir evaluate`: its object, and the comparisons that it refuses."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from made_model import CLASSES, Outcome, acir, coloured, draw, save

SHARED = {
    *("mAP", "mAP_macro", "mAP@5", "mAP@100", "map_at_5_hits", "P@1", "P@5", "P@10"),
    *("ACC@1", "ACC@3", "ACC@5", "mMV@5"),
}
CODES = {
    *("P@100", "R@10", "R@100", "MRR", "NDCG@10", "NDCG@100", "P@r=2", "R@r=2", "empty@r=2"),
    *("tie_group", "radius", "precision_recall", "per_class", "worst_class", "bit_balance"),
    *("bit_correlation", "distinct_codes", "commonest_code", "within_to_between"),
}
OF_A_CLASS = {"n", "mAP", "P@1", "distinct_codes", "commonest_code", "within_to_between"}


def evaluate(bundle: Path, gallery: object, queries: object, *words: object) -> Outcome:
    options = ("--gallery", gallery, "--queries", queries)
    return acir("evaluate", bundle, *options, "--json", *words)


def test_the_object_has_the_keys_of_the_contract(bundle: Path, pictures: Path) -> None:
    found = evaluate(bundle, f"{pictures}#train", f"{pictures}#test").line()
    counts = {"bits", "n_gallery", "n_queries", "n_excluded"}
    assert set(found) == counts | SHARED | CODES | {"reranked"}
    assert set(found["reranked"]) == {"mode"} | SHARED
    assert list(found["per_class"]) == list(CLASSES)
    assert all(set(row) == OF_A_CLASS for row in found["per_class"].values())
    # The gallery is what was named, with the pictures that calibrated the gate.
    assert (found["bits"], found["n_gallery"], found["n_queries"]) == (32, 400, 60)
    rates = [(found[key], found["reranked"][key]) for key in SHARED]
    assert all(0 <= rate <= 1 for pair in rates for rate in pair)


def test_a_gallery_that_holds_the_queries_is_refused(bundle: Path, pictures: Path) -> None:
    said = evaluate(bundle, pictures, f"{pictures}#test").refusal()
    assert said.startswith("the gallery holds 60 of 60 query pictures too, pixel for pixel;")


def test_queries_that_the_gallery_holds_can_be_left_out(
    bundle: Path, pictures: Path, tmp_path: Path
) -> None:
    for kind in CLASSES:
        save(draw(kind, 0), tmp_path / "queries" / kind / "held.png")
        save(draw(kind, 900), tmp_path / "queries" / kind / "new.png")
    outcome = evaluate(bundle, f"{pictures}#train", tmp_path / "queries", "--drop-overlap")
    assert outcome.line()["n_queries"] == 4
    assert "left out 4 queries that the gallery holds" in outcome.err


@pytest.fixture
def leaking(tmp_path: Path) -> Path:
    """Return a table in which the patient P0 is in train and test, as `acir train` cannot see."""
    lines = ["path,label,patient,split"]
    for split, first in (("train", 0), ("test", 900)):
        for kind in CLASSES:
            for n in range(4):
                path = save(draw(kind, first + n), tmp_path / "png" / f"{kind}{first + n}.png")
                patient = "P0" if n == 0 else f"{split}{kind}{n}"
                lines.append(f"{path.relative_to(tmp_path)},{kind},{patient},{split}")
    table = tmp_path / "table.csv"
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return table


def test_patients_whom_the_gallery_shows_are_refused_as_queries(
    bundle: Path, leaking: Path
) -> None:
    said = evaluate(bundle, f"{leaking}#train", f"{leaking}#test").refusal()
    assert said == (
        "the gallery shows the patient of 4 of 16 query pictures too, so that the figures would "
        "measure memory; give every patient to one of the two, or add --drop-overlap to leave "
        "these queries out"
    )


def test_queries_of_patients_whom_the_gallery_shows_can_be_left_out(
    bundle: Path, leaking: Path
) -> None:
    outcome = evaluate(bundle, f"{leaking}#train", f"{leaking}#test", "--drop-overlap")
    assert outcome.line()["n_queries"] == 12
    assert "left out 4 queries of patients whom the gallery shows" in outcome.err
    assert "leakage" not in outcome.err


def test_a_gallery_that_holds_every_query_leaves_none(bundle: Path, pictures: Path) -> None:
    said = evaluate(bundle, pictures, f"{pictures}#test", "--drop-overlap").refusal()
    assert said == (
        "--drop-overlap leaves none of 60 query pictures, as the gallery holds each or shows "
        "its patient; give queries that are new to it"
    )


def test_what_may_make_the_figures_too_good_is_said(bundle: Path, pictures: Path) -> None:
    nobody = "no patient is named, so leakage between gallery and queries cannot be excluded"
    learned = "warning: 60 of 60 query pictures taught or validated the model, so expect less on"
    new = evaluate(bundle, f"{pictures}#train", f"{pictures}#test").err
    assert nobody in new and "taught" not in new
    seen = evaluate(bundle, f"{pictures}#test", f"{pictures}#val").err
    assert nobody in seen and learned in seen


def test_a_label_that_the_model_does_not_know_is_refused(
    bundle: Path, pictures: Path, tmp_path: Path
) -> None:
    save(draw("disc", 0), tmp_path / "queries" / "disk" / "0.png")
    said = evaluate(bundle, f"{pictures}#train", tmp_path / "queries").refusal()
    assert said == (
        "disk/0.png has the label 'disk', which the model was not trained on; it knows bars, "
        "checks, disc, slope. Did you mean 'disc'?"
    )


def test_an_unknown_mode_is_refused(bundle: Path, pictures: Path) -> None:
    said = evaluate(bundle, f"{pictures}#train", f"{pictures}#test", "--mode", "fuse").refusal()
    assert said.startswith("there is no mode 'fuse'; choose one of content, fused")


def test_a_mode_decides_the_block_that_is_ranked_again(
    bundle: Path, pictures: Path, tmp_path: Path
) -> None:
    queries = shutil.copytree(pictures / "test", tmp_path / "queries")
    for number in range(120, 124):  # in the folder of another class, so that not all is found
        (queries / "bars" / f"{number}.png").rename(queries / "checks" / f"bars{number}.png")
    sources = (f"{pictures}#train", queries)
    found = {m: evaluate(bundle, *sources, "--mode", m).line() for m in ("plain", "fused")}
    assert {mode: one["reranked"]["mode"] for mode, one in found.items()} == {
        "plain": "plain",
        "fused": "fused",
    }
    assert found["plain"]["mAP"] == found["fused"]["mAP"]
    plain = found["plain"]["reranked"]
    assert {key: plain[key] for key in SHARED} == pytest.approx(
        {key: found["plain"][key] for key in SHARED}
    )
    assert plain["mAP"] < 1
    assert found["fused"]["reranked"]["mAP"] != plain["mAP"]


def test_unreadable_and_converted_pictures_are_counted(
    bundle: Path, pictures: Path, tmp_path: Path
) -> None:
    for kind in CLASSES:
        save(coloured(draw(kind, 950)), tmp_path / "queries" / kind / "colour.png")
    (tmp_path / "queries" / "disc" / "empty.png").write_bytes(b"")
    sources = (f"{pictures}#train", tmp_path / "queries")
    outcome = evaluate(bundle, *sources)
    assert outcome.line()["n_queries"] == 4
    assert "skipped 1 unreadable picture:\n  disc/empty.png: the file is empty" in outcome.err
    assert "converted 4 pictures" in outcome.err
    assert "disc/empty.png" in evaluate(bundle, *sources, "--strict").refusal()


def test_a_source_of_unreadable_pictures_alone_is_refused(
    bundle: Path, pictures: Path, tmp_path: Path
) -> None:
    (tmp_path / "disc").mkdir()
    (tmp_path / "disc" / "empty.png").write_bytes(b"")
    said = evaluate(bundle, f"{pictures}#train", tmp_path).refusal()
    assert said == f"none of 1 picture of {tmp_path} can be read; give some that can"


def test_queries_without_labels_are_refused(bundle: Path, pictures: Path, tmp_path: Path) -> None:
    save(draw("disc", 0), tmp_path / "0.png")
    save(np.zeros((32, 32), dtype=np.uint8), tmp_path / "1.png")
    todo = (
        "has a label, by which a hit is right or wrong; put them in folders called after their "
        "classes, or name these in the column label of a .csv manifest"
    )
    said = evaluate(bundle, f"{pictures}#val", tmp_path).refusal()
    assert said == f"none of 2 query pictures {todo}"
    said = evaluate(bundle, tmp_path, f"{pictures}#val").refusal()
    assert said == f"none of 2 gallery pictures {todo}"


def test_queries_of_other_classes_than_the_gallery_are_refused(
    bundle: Path, pictures: Path, tmp_path: Path
) -> None:
    save(draw("disc", 951), tmp_path / "gallery" / "disc" / "0.png")
    save(draw("bars", 952), tmp_path / "queries" / "bars" / "0.png")
    said = evaluate(bundle, tmp_path / "gallery", tmp_path / "queries").refusal()
    assert said.startswith("none of 1 query picture shares a class with any of 1 gallery picture;")


def test_people_get_tables(bundle: Path, pictures: Path) -> None:
    outcome = acir(
        *("evaluate", bundle, "--gallery", f"{pictures}#train", "--queries", f"{pictures}#test")
    )
    assert outcome.code == 0
    assert all(word in outcome.out for word in ("mAP_macro", "re-ranked mAP", "slope"))

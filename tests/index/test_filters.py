"""Conditions against a plain loop over the entries."""

from pathlib import Path

import pytest
from made_entries import create, entry, everything, gallery

from acir.errors import UsageError
from acir.index.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = create(tmp_path / "index", range(30))
    made.add(
        [
            entry(100, label="class0|class1", metadata={"split": "val"}),
            entry(101, label="class10", metadata={"site": "north"}),
            entry(102, label="", metadata={}),
        ]
    )
    return made


@pytest.mark.parametrize(
    "where",
    [
        {"label": "class0"},
        {"label": "class1"},
        {"label": "class10"},
        {"label": "class"},
        {"label": "%"},
        {"label": "class0|class1"},
        {"label": ""},
        {"split": "train"},
        {"site": "north"},
        {"site": "no such value"},
        {"label": "class0", "split": "test"},
        {"split": "test", "view": "AP", "label": "class2"},
        {},
    ],
    ids=str,
)
def test_a_mask_marks_the_pictures_that_meet_every_condition(
    store: Store, where: dict[str, str]
) -> None:
    entries = everything(store)
    expected = [
        all(
            # One of several class names suffices, and so do all of them as they stand.
            f"|{value}|" in f"|{one.label}|" if key == "label" else one.metadata.get(key) == value
            for key, value in where.items()
        )
        for one in entries
    ]
    with store.view() as view:
        assert view.select(where).tolist() == expected


def test_a_picture_belongs_to_the_collection_that_its_metadata_name_else_to_the_default(
    tmp_path: Path,
) -> None:
    with create(tmp_path / "index") as store:
        names = ["ct", "mr", "", None, "ct", "default"]
        words = [{} if name is None else {"collection": name} for name in names]
        store.add(entry(n, id=str(n), metadata=word) for n, word in enumerate(words))
        with store.view() as view:
            assert store.collections() == {"ct": 2, "default": 3, "mr": 1}
            for within, expected in {
                ("ct",): [0, 4],
                ("default",): [2, 3, 5],
                ("ct", "default"): [0, 2, 3, 4, 5],
                ("absent",): [],
                (): [],
            }.items():
                assert view.select({}, within).nonzero()[0].tolist() == expected
            assert view.select({}, None).all()
            assert view.select({"collection": "mr"}).nonzero()[0].tolist() == [1]
            assert view.select({"collection": "default"}).nonzero()[0].tolist() == [2, 3, 5]
            both = view.select({"label": "class0", "collection": "default"}, ["default", "mr"])
            assert both.nonzero()[0].tolist() == [3]


@pytest.mark.parametrize("key", ["splt", "patient", "id", "label' or 1=1 --"])
def test_an_unknown_key_names_the_known_ones(store: Store, key: str) -> None:
    with (
        pytest.raises(UsageError, match="to filter by; use collection, label, site, split, view"),
        store.view() as view,
    ):
        view.select({key: "x"})


def test_a_misspelt_key_names_the_nearest(store: Store) -> None:
    with pytest.raises(UsageError, match=r"Did you mean 'split'\?"):
        store.delete_where({"splt": "train"})
    assert len(gallery(store).keys) == 33


def test_values_are_text_not_queries(store: Store) -> None:
    with store.view() as view:
        assert not view.select({"split": "train' or '1'='1"}).any()

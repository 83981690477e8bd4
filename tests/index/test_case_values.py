"""What pictures share: values of a key and the pictures that have them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from made_entries import create, entry

from acir.errors import UsageError
from acir.index.store import Store
from acir.index.view import View


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with create(tmp_path / "index", range(12)) as found:
        found.add([entry(12, patient=None, metadata={})])
        yield found


@pytest.fixture
def view(store: Store) -> Iterator[View]:
    with store.view() as seen:
        yield seen


@pytest.mark.parametrize("name", ["label", "patient", "split", "view"])
def test_values_and_members_agree_with_the_entries(view: View, name: str) -> None:
    rows = np.arange(13)
    held = view.entries(rows)
    own = [getattr(e, name, None) or e.metadata.get(name) for e in held]
    assert view.values(rows, name) == own
    assert view.values(rows[::-1], name) == own[::-1]
    for value in {one for one in own if one}:
        expected = [row for row in rows if own[row] == value]
        assert view.members(name, [value]).tolist() == expected
    assert view.members(name, ["none such"]).tolist() == []


def test_an_unknown_key_of_cases_is_refused_with_the_known_ones(view: View) -> None:
    with pytest.raises(UsageError) as refused:
        view.values(np.arange(2), "serie")
    assert str(refused.value) == (
        "the index has nothing named 'serie' to make cases of; use label, patient, split, view."
    )


def test_a_key_of_other_collections_is_unknown_and_not_named(store: Store) -> None:
    store.add(
        [
            entry(20, metadata={"collection": "ward", "bed": "4"}),
            entry(21, metadata={"collection": "lab", "tube": "7"}),
            entry(22, metadata={"rack": "1"}),
        ]
    )
    with store.view() as seen:
        places = seen.named([entry(21).id])
        assert seen.values(places, "tube", {"lab"}) == ["7"]
        assert seen.values(places, "bed", {"lab", "ward"}) == [None]
        with pytest.raises(UsageError) as refused:
            seen.values(places, "bed", {"lab"})
        assert "; use collection, label, patient, tube." in str(refused.value)
        assert seen.select({"tube": "7"}, {"lab"}).sum() == 1
        assert seen.select({"tube": "7"}, {"lab", "ward"}).sum() == 1
        for within, known in (({"lab"}, "collection, label, tube."), (set(), "collection, label.")):
            for key in ("bed", "rack", "split"):
                with pytest.raises(UsageError) as refused:
                    seen.select({key: "4"}, within)
                assert f"; use {known}" in str(refused.value)
        assert seen.select({"rack": "1"}, {"default"}).sum() == 1


def test_positions_are_those_of_the_ids_that_are_here(view: View) -> None:
    ids = [e.id for e in view.entries(np.arange(13))]
    assert view.named([ids[7], "no such id", ids[2]]).tolist() == [2, 7]
    assert view.named([]).tolist() == []

"""What can be filtered by, against a plain count over the entries."""

from collections import Counter
from pathlib import Path

import pytest
from made_entries import create, entry, everything

from acir.index.facets import MOST_VALUES
from acir.index.filters import collection_of
from acir.index.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = create(tmp_path / "index", range(30))
    places = ("north", "south", "")
    made.add(
        [
            entry(
                100 + n,
                label="class0|class1" if n % 2 else "",
                metadata={"collection": places[n % 3], "site": f"site {n % 4}", "number": str(n)},
            )
            for n in range(MOST_VALUES + 2)
        ]
    )
    return made


@pytest.mark.parametrize("within", [None, {"north"}, {"default", "south"}, set(), {"elsewhere"}])
def test_facets_count_the_values_of_each_key(store: Store, within: set[str] | None) -> None:
    expected: dict[str, Counter[str]] = {}
    for one in everything(store):
        if within is not None and collection_of(one.metadata) not in within:
            continue
        for label in filter(None, one.label.split("|")):
            expected.setdefault("label", Counter())[label] += 1
        for key, value in one.metadata.items():
            if key != "collection":
                expected.setdefault(key, Counter())[value] += 1
    with store.view() as view:
        found = view.facets(within)
    assert {k: v for k, v in found.items() if v} == {
        k: v for k, v in expected.items() if len(v) <= MOST_VALUES
    }
    assert all(list(values) == sorted(values) for values in found.values())


def test_facets_are_those_of_the_newest_state(store: Store) -> None:
    with store.view() as view:
        assert "site 0" in view.facets()["site"]
    store.delete_where({"site": "site 0"})
    with store.view() as view:
        assert "site 0" not in view.facets()["site"]

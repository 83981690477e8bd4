"""What pictures share: values of a key and the pictures that have them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from made_entries import create, entry

from acir.errors import UsageError
from acir.index.view import View


@pytest.fixture
def view(tmp_path: Path) -> Iterator[View]:
    with create(tmp_path / "index", range(12)) as found:
        found.add([entry(12, patient=None, metadata={})])
        with found.view() as seen:
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


def test_positions_are_those_of_the_ids_that_are_here(view: View) -> None:
    ids = [e.id for e in view.entries(np.arange(13))]
    assert view.named([ids[7], "no such id", ids[2]]).tolist() == [2, 7]
    assert view.named([]).tolist() == []

"""Tables of any TOML file become dataclasses; every mistake names its key."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest

from acir.errors import RecipeError
from acir.tables import Component, Count, Table, build, dotted, put


@dataclass(frozen=True)
class _Plan(Table):
    table: ClassVar[str] = "item.plan"
    file: ClassVar[str] = "list"
    days: Count


@dataclass(frozen=True)
class _Item(Table):
    name: str
    plan: _Plan | None = None
    kind: Component | None = None
    settings: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class _List(Table):
    item: tuple[_Item, ...]


def item(**values: Any) -> _Item:  # noqa: ANN401 - values of a TOML file
    return build(_List, {"item": [{"name": "a", **values}]}, "list").item[0]


def test_tables_in_a_list_are_built_one_by_one() -> None:
    found = build(_List, {"item": [{"name": "a"}, {"name": "b"}]}, "list")
    assert [i.name for i in found.item] == ["a", "b"]


def test_a_table_may_be_left_out_where_it_is_optional() -> None:
    assert item().plan is None
    assert item(plan={"days": 3}).plan == _Plan(3)


def test_settings_are_dotted_whichever_way_they_are_written() -> None:
    written = {"prep": {"size": 32}, "training.epochs": 3}
    assert dict(item(settings=written).settings) == {"prep.size": 32, "training.epochs": 3}


def test_a_table_with_a_name_stays_one_setting() -> None:
    stem = {"name": "resnet", "depth": 18}
    assert dotted({"model": {"stem": stem, "bits": 16}}) == {"model.stem": stem, "model.bits": 16}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"nane": 1}, r"unknown list key 'item.nane'; .* Did you mean 'name'\?"),
        ({"plan": {}}, "list key item.plan.days is missing; add it"),
        ({"plan": {"days": 0}}, "list key item.plan.days is 0, expected at least 1"),
        ({"plan": {"days": "3"}}, "list key item.plan.days is '3', expected a value of type int"),
        ({"settings": 3}, "list key item.settings is 3, expected a table"),
        ({"kind": {}}, r"list key item.kind is \{\}, expected a table with a name"),
    ],
)
def test_a_mistake_names_its_key(values: dict[str, Any], said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        item(**values)


def test_nothing_is_put_below_a_value() -> None:
    with pytest.raises(RecipeError, match=r"cannot set a.b.c: b is a value, not a table"):
        put({"a": {"b": 1}}, "a.b.c", 2)

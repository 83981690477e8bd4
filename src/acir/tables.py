"""TOML tables as frozen dataclasses, checked as they are built.

An unknown key is an error that names the nearest known one; a wrong type and a number out of its
range are errors that name the key. A table with a `name` chooses a component of a family; its other
keys are the component's options and are checked by `acir.registry.build`.
"""

import dataclasses
import tomllib
from collections import abc
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf, isfinite
from pathlib import Path
from types import MappingProxyType, NoneType, UnionType
from typing import Annotated, Any, ClassVar, Literal, TypeVar, get_args, get_origin, get_type_hints

from acir.errors import RecipeError, suggestion

T = TypeVar("T")
Number = int | float


@dataclass(frozen=True)
class Range:
    """Values that a number may have, ends included unless `open_low` or `open_high`."""

    low: Number
    high: Number = inf
    open_low: bool = False
    open_high: bool = False

    def __contains__(self, value: Number) -> bool:
        """Whether the value lies in the range; infinity and NaN lie in none."""
        above = value > self.low if self.open_low else value >= self.low
        below = value < self.high if self.open_high else value <= self.high
        return above and below and isfinite(value)

    def __str__(self) -> str:
        """Say the range in words."""
        low = f"{'above' if self.open_low else 'at least'} {self.low:g}"
        if self.high == inf:
            return low
        return f"{low} and {'below' if self.open_high else 'at most'} {self.high:g}"


Count = Annotated[int, Range(1)]
Positive = Annotated[float, Range(0, open_low=True)]
NotNegative = Annotated[float, Range(0)]
Share = Annotated[float, Range(0, 1, open_high=True)]


class Table:
    """A table; its numbers are checked against the ranges in its annotations.

    Attributes:
        table: Its dotted name; empty for the whole file.
        file: What kind of file it is in, for messages.

    Raises:
        RecipeError: A number is out of its range.
    """

    table: ClassVar[str] = ""
    file: ClassVar[str] = "recipe"

    def __post_init__(self) -> None:
        """Refuse a number out of its range, alone or in a list."""
        for key, hint in get_type_hints(type(self), include_extras=True).items():
            value = getattr(self, key)
            several = get_origin(hint) is tuple
            for allowed in getattr(get_args(hint)[0] if several else hint, "__metadata__", ()):
                place = _Place(self.file, self.table).below(key)
                _require(place, value if several else (value,), allowed)


@dataclass(frozen=True)
class Component:
    """A component of a family by name, with its options."""

    name: str
    options: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))


def read(path: Path, what: str) -> dict[str, Any]:
    """Return the tables of a TOML file as they are written, for `build`.

    Args:
        path: The file.
        what: What it is, for messages.

    Raises:
        RecipeError: It cannot be read, or is broken TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeError(f"there is no {what} at {path}; give a .toml file that exists") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} is not valid TOML: {error}") from error


def build(kind: type[T], table: Mapping[str, Any], file: str = "recipe") -> T:
    """Turn the tables of a whole file, as TOML or JSON gives them, into a dataclass.

    A key whose type is a mapping takes settings: see `dotted`.

    Args:
        kind: The dataclass.
        table: The content of the file.
        file: What kind of file it is, for messages.

    Raises:
        RecipeError: An unknown or a missing key, a wrong type or a value out of range.
    """
    return _build(kind, table, _Place(file, ""))


def plain(value: Any) -> Any:
    """Turn a dataclass into plain tables that `build` reads back to an equal one."""
    if isinstance(value, Component):
        return {"name": value.name, **value.options}
    if dataclasses.is_dataclass(value):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    return list(value) if isinstance(value, tuple) else value


def put(table: dict[str, Any], key: str, value: object) -> None:
    """Set a dotted key of nested tables.

    Raises:
        RecipeError: A part of the key is a value, not a table.

    Example:
        >>> table = {"a": {"b": 1}}
        >>> put(table, "a.c", 2)
        >>> table
        {'a': {'b': 1, 'c': 2}}
    """
    *parents, last = key.split(".")
    _below(table, parents, key)[last] = value


def choose(table: dict[str, Any], key: str, name: object) -> None:
    """Name the component at a dotted key; the options of one with another name go with it.

    Raises:
        RecipeError: A part of the key is a value, not a table.

    Example:
        >>> table = {"loss": {"name": "sch", "structure": 0.5}}
        >>> choose(table, "loss", "csq")
        >>> table
        {'loss': {'name': 'csq'}}
    """
    component = _below(table, key.split("."), f"{key}.name")
    if component.get("name", name) != name:
        component.clear()
    component["name"] = name


def dotted(table: Mapping[str, Any]) -> dict[str, object]:
    """Flatten nested tables to dotted keys; a table with a `name` is one value, a component.

    Example:
        >>> dotted({"a": {"b": 1}, "c.d": 2, "loss": {"name": "sch", "structure": 0.5}})
        {'a.b': 1, 'c.d': 2, 'loss': {'name': 'sch', 'structure': 0.5}}
    """
    flat: dict[str, object] = {}
    for key, value in table.items():
        if isinstance(value, Mapping) and "name" not in value:
            flat |= {f"{key}.{below}": item for below, item in dotted(value).items()}
        else:
            flat[key] = value
    return flat


@dataclass(frozen=True)
class _Place:
    """Where in which kind of file a value stands."""

    file: str
    key: str

    def below(self, key: str) -> "_Place":
        return _Place(self.file, f"{self.key}.{key}" if self.key else key)

    def __str__(self) -> str:
        return f"{self.file} key {self.key}"


def _below(table: dict[str, Any], parents: list[str], key: str) -> dict[str, Any]:
    """Return the table that lies below others, made where it is missing; `key` is for messages."""
    for parent in parents:
        table = table.setdefault(parent, {})
        if not isinstance(table, dict):
            raise RecipeError(f"cannot set {key}: {parent} is a value, not a table")
    return table


def _require(place: _Place, numbers: tuple[Number, ...], allowed: Range) -> None:
    for number in numbers:
        if number not in allowed:
            finite = "" if isfinite(number) else "a finite number, "
            raise RecipeError(f"{place} is {number}, expected {finite}{allowed}")


def _build(kind: type[T], table: Any, place: _Place) -> T:
    if not isinstance(table, Mapping):
        raise RecipeError(f"{place} is {table!r}, expected a table")
    hints = {k: h for k, h in get_type_hints(kind).items() if get_origin(h) is not ClassVar}
    for key in table:
        if key not in hints:
            raise RecipeError(
                f"unknown {place.file} key {place.below(key).key!r}; "
                f"known here: {', '.join(hints)}.{suggestion(key, hints)}"
            )
    _require_all(kind, table, place)
    values = {key: _value(hints[key], value, place.below(key)) for key, value in table.items()}
    return kind(**values)


def _require_all(kind: type[Any], table: Mapping[str, Any], place: _Place) -> None:
    for entry in dataclasses.fields(kind):
        optional = (
            entry.default is not dataclasses.MISSING
            or entry.default_factory is not dataclasses.MISSING
        )
        if not optional and entry.name not in table:
            raise RecipeError(f"{place.below(entry.name)} is missing; add it")


def _value(hint: Any, value: Any, place: _Place) -> Any:
    if isinstance(hint, UnionType):  # of a type and None
        (hint,) = (kind for kind in get_args(hint) if kind is not NoneType)
    if hint is Component:
        return _component(value, place)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _build(hint, value, place)
    several = {tuple: _list, Literal: _choice, abc.Mapping: _settings}.get(get_origin(hint))
    return several(hint, value, place) if several else _scalar(hint, value, place)


def _list(hint: Any, value: Any, place: _Place) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise RecipeError(f"{place} is {value!r}, expected a list")
    return tuple(_value(get_args(hint)[0], item, place) for item in value)


def _component(value: Any, place: _Place) -> Component:
    if not isinstance(value, Mapping) or not isinstance(value.get("name"), str):
        raise RecipeError(f"{place} is {value!r}, expected a table with a name")
    return Component(
        value["name"], MappingProxyType({k: v for k, v in value.items() if k != "name"})
    )


def _settings(hint: Any, value: Any, place: _Place) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise RecipeError(f"{place} is {value!r}, expected a table")
    return MappingProxyType(dotted(value))


def _choice(hint: Any, value: Any, place: _Place) -> str:
    allowed = get_args(hint)
    if str(value) not in allowed:
        raise RecipeError(
            f"{place} is {value!r}, expected one of {', '.join(allowed)}."
            f"{suggestion(str(value), allowed)}"
        )
    return str(value)


def _scalar(hint: type, value: Any, place: _Place) -> Any:
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise RecipeError(f"{place} is {value!r}, expected a value of type {hint.__name__}")
    return value

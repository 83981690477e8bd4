"""How a search is to be done."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from numbers import Real
from operator import index
from typing import Any

import numpy as np

from acir.errors import UsageError, suggestion


@dataclass(frozen=True)
class Request:
    """How a search is to be done.

    Attributes:
        k: Hits wanted; not read where there is a risk.
        radius: Largest Hamming distance of a hit; None for any.
        where: Metadata that hits must have, by key.
        mode: Ranker to use; None for the one that validation favoured.
        include_self: Whether a stored picture with the query's own pixels may be a hit.
        force: Whether an unknown query is answered all the same.
        least: Hits wanted from the other end of the retrieved set.
        keep_duplicates: Whether near-duplicates of the query or of a better hit may be hits.
        per: Key of metadata, or `patient` or `label`, of which one hit a value is wanted: a case.
            None where each picture is a case of its own.
        like: Ids of stored pictures that the hits should be like; none of them is a hit.
        unlike: Ids of stored pictures that the hits should not be like; none of them is a hit.
        collections: What is searched, hits and examples alike; None for all. Pictures of other
            collections are as if they were not there.
        risk: Chance, between 0 and 1, that no hit is of the query's class; as many hits
            are given as it takes. None for k hits.

    Raises:
        UsageError: k is below 1, a number is negative or not whole, something else stands where
            text, several texts, a truth value or a number is expected, or a picture is to be both
            like and unlike.
    """

    k: int = 10
    radius: int | None = None
    where: Mapping[str, str] | None = None
    mode: str | None = None
    include_self: bool = False
    force: bool = False
    least: int = 0
    keep_duplicates: bool = False
    per: str | None = None
    like: tuple[str, ...] = ()
    unlike: tuple[str, ...] = ()
    collections: frozenset[str] | None = None
    risk: float | None = None

    def __post_init__(self) -> None:
        """Refuse to look for no picture at all, or for what is like and unlike one picture."""
        for name in ("k", "radius", "least"):
            given = getattr(self, name)
            if not (given is None and name == "radius"):
                object.__setattr__(self, name, _whole(name, given))
        if self.k < 1:
            raise UsageError(f"k is {self.k}, expected at least 1, the hits wanted")
        if self.least < 0:
            raise UsageError(f"least is {self.least}, expected at least 0, the hits wanted")
        if not (self.where is None or _is_text_by_key(self.where)):
            raise UsageError(
                f"where is {self.where!r}, expected text by key, such as dict(label='cyst')"
            )
        for name in ("mode", "per"):
            if getattr(self, name) is not None:
                require_text(name, getattr(self, name))
        for name in ("include_self", "force", "keep_duplicates"):
            if not isinstance(getattr(self, name), bool | np.bool_):
                raise UsageError(f"{name} is {getattr(self, name)!r}, expected True or False")
        if not (self.risk is None or isinstance(self.risk, Real)):
            raise UsageError(f"risk is {self.risk!r}, expected a number between 0 and 1")
        object.__setattr__(self, "like", several_texts("like", self.like))
        object.__setattr__(self, "unlike", several_texts("unlike", self.unlike))
        if self.collections is not None:
            within = frozenset(several_texts("collections", self.collections))
            object.__setattr__(self, "collections", within)
        both = sorted(set(self.like) & set(self.unlike))
        if both:
            raise UsageError(f"{both[0]} is given as like and as unlike; give it as one of them")


def requested(k: int, options: Mapping[str, Any]) -> Request:
    """Return a request for k hits with the options that a caller in Python has given by name.

    Raises:
        UsageError: There is no such option, or the request is impossible.
    """
    known = [field.name for field in fields(Request)]
    for name in options:
        if name not in known:
            raise UsageError(
                f"a search has no option {name!r}; it has {', '.join(known)}."
                f"{suggestion(name, known)}"
            )
    return Request(k=k, **options)


def require_text(name: str, given: object) -> None:
    """Refuse what is no text.

    Raises:
        UsageError: It is none.
    """
    if not isinstance(given, str):
        raise UsageError(f"{name} is {given!r}, expected text")


def several_texts(name: str, given: object) -> tuple[str, ...]:
    """Return several texts; one alone would be taken letter by letter.

    Raises:
        UsageError: It is one, or something else.
    """
    if isinstance(given, Iterable) and not isinstance(given, str):
        found = tuple(given)
        if all(isinstance(text, str) for text in found):
            return found
    raise UsageError(f"{name} is {given!r}, expected several texts; give a set of them")


def _whole(name: str, given: object) -> int:
    """Return a whole number as Python's own; NumPy has others, which not every engine takes.

    Raises:
        UsageError: It is none; a truth value, which Python counts among them, is none either.
    """
    if not isinstance(given, bool) and hasattr(given, "__index__"):
        with suppress(TypeError):  # of an array of several
            return index(given)
    raise UsageError(f"{name} is {given!r}, expected a whole number")


def _is_text_by_key(given: object) -> bool:
    if not isinstance(given, Mapping):
        return False
    return all(isinstance(text, str) for text in (*given, *given.values()))

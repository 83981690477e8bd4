"""The address of an answer: everything that a page shows can be read from it and changed in it."""

from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl, urlencode

from fastapi import Request

Pairs = list[tuple[str, str]]
# What a page is told once: how it is to look, or what was just done; no other page is.
ONCE = frozenset({"lang", "theme", "kept"})
LONGEST = 2**16  # characters of parameters; no server takes more in the first line of a request


class Address:
    """The parameters of a page, and addresses that differ from it in one thing.

    Args:
        path: Without parameters.
        pairs: Names and values, in order.
    """

    def __init__(self, path: str, pairs: Iterable[tuple[str, str]]) -> None:
        self.path = path
        self.pairs: Pairs = [(key, value) for key, value in pairs if value]

    @classmethod
    def of(cls, request: Request) -> "Address":
        """Return the address that a page was asked for by."""
        return cls(request.url.path, _lasting(request.query_params.multi_items()))

    @classmethod
    def parsed(cls, path: str, parameters: str) -> "Address":
        """Return an address from its parameters as they stand after the question mark."""
        return cls(path, _lasting(parse_qsl(parameters)))

    def __str__(self) -> str:
        """Return it as a link has it."""
        return f"{self.path}?{urlencode(self.pairs)}" if self.pairs else self.path

    def at(self, path: str, **changed: str) -> str:
        """Return another page's address with the same parameters, and some of them changed."""
        return str(Address(path, _changed(self.pairs, changed)))

    def having(self, **changed: str) -> str:
        """Return this page's address with parameters changed; an empty value takes one away."""
        return self.at(self.path, **changed)

    def adding(self, name: str, value: str) -> str:
        """Return the address with one value more of a parameter."""
        return str(Address(self.path, [*self.without_pair(name, value), (name, value)]))

    def dropping(self, name: str, value: str) -> str:
        """Return the address without one value of a parameter."""
        return str(Address(self.path, self.without_pair(name, value)))

    def choosing(self, name: str, value: str, other: str) -> str:
        """Return the address with a value more of one parameter, and gone from another."""
        kept = [pair for pair in self.pairs if pair not in {(name, value), (other, value)}]
        return str(Address(self.path, [*kept, (name, value)]))

    def without_pair(self, name: str, value: str) -> Pairs:
        """Return the parameters but for one value of one of them."""
        return [pair for pair in self.pairs if pair != (name, value)]

    def only(self, *names: str) -> Pairs:
        """Return the parameters of some names."""
        return [pair for pair in self.pairs if pair[0] in names]


def _lasting(pairs: Iterable[tuple[str, str]]) -> Pairs:
    return [pair for pair in pairs if pair[0] not in ONCE]


def _changed(pairs: Pairs, changed: Mapping[str, str]) -> Pairs:
    kept = [(key, value) for key, value in pairs if key not in changed]
    return [*kept, *((key, value) for key, value in changed.items() if value)]

"""Who may do what, where: a pure decision over roles, verbs and collections.

Refused unless allowed. People, passwords, tokens and sessions are kept by
`acir.governance.people`, which makes the `Principal`s that are asked about here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, get_args

from acir.errors import UsageError, suggestion
from acir.governance.events import Actor

Role = Literal["viewer", "researcher", "curator", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
"""From the least to the most: each may what those before it may."""

Verb = Literal[
    "view", "search", "check", "annotate", "export", "add", "delete", "review", "erase", "grant",
    "audit", "people", "models", "fetch",
]  # fmt: skip
LEAST: Mapping[Verb, Role] = MappingProxyType(
    {
        "view": "viewer",  # records, thumbnails, the map
        "search": "viewer",  # with similar-to-hit and feedback
        "check": "viewer",
        "annotate": "researcher",  # notes and lists of hits
        "export": "researcher",
        "add": "curator",
        "delete": "curator",
        "review": "curator",  # quarantine and health of the index
        "erase": "admin",  # a patient, everywhere
        "grant": "admin",
        "audit": "admin",
        "people": "admin",
        "models": "admin",
        "fetch": "researcher",  # any picture of the PACS, to ask about it
    }
)
"""The least role that may do it."""

EVERYWHERE = "*"
"""In place of a collection: all of them, now and later, and what belongs to none of them."""

SERVER: frozenset[Verb] = frozenset({"erase", "audit", "people", "models", "fetch"})
"""What belongs to no collection: only a role everywhere allows it."""

EMERGENCY: frozenset[Verb] = frozenset({"view", "search", "check"})
"""What emergency access allows, in every collection."""


@dataclass(frozen=True)
class Principal:
    """Someone who was recognised, with all that decides what they may.

    Attributes:
        user: Their name.
        roles: Role by collection; `EVERYWHERE` stands for all.
        scope: Verbs that the token they came with is for; None when they came without one.
        emergency: Why they have emergency access at the moment; empty when they have not.
        emergency_permitted: Whether they may take it.
        session: Public name of the session or token, for the log; no secret.
    """

    user: str
    roles: Mapping[str, Role] = field(default_factory=lambda: MappingProxyType({}))
    scope: frozenset[Verb] | None = None
    emergency: str = ""
    emergency_permitted: bool = False
    session: str = ""


def allowed(principal: Principal, verb: Verb, collection: str) -> bool:
    """Say whether someone may do something in a collection.

    Args:
        principal: Who.
        verb: What.
        collection: Where; `EVERYWHERE` asks about all of them at once, and is the place of the
            verbs of `SERVER`, which no role in one collection allows.
    """
    if principal.scope is not None and verb not in principal.scope:
        return False
    if principal.emergency and verb in EMERGENCY:
        return True
    return _ranks(role_in(principal, EVERYWHERE if verb in SERVER else collection), LEAST[verb])


def collections(principal: Principal, verb: Verb) -> frozenset[str] | None:
    """Return where someone may do something: names, none of them, or None for everywhere.

    A search is restricted to these; see `acir.search.Request.collections`.
    """
    if allowed(principal, verb, EVERYWHERE):
        return None
    return frozenset(name for name in principal.roles if allowed(principal, verb, name))


def role_in(principal: Principal, collection: str) -> Role | None:
    """Return the highest role that someone has there, or None."""
    held = [
        principal.roles[place] for place in (collection, EVERYWHERE) if place in principal.roles
    ]
    return max(held, key=ROLES.index, default=None)


def actor(principal: Principal, address: str = "") -> Actor:
    """Return how the log is to name someone: in their highest role, or in an emergency as such.

    Args:
        principal: Who.
        address: Network address of the client.
    """
    if principal.emergency:
        return Actor(principal.user, "emergency", address, "ETREAT")
    role = max(principal.roles.values(), key=ROLES.index, default="")
    return Actor(principal.user, role, address)


def verbs_of(texts: Iterable[str]) -> frozenset[Verb]:
    """Read verbs, such as those that a token is to be for.

    Raises:
        UsageError: There is no such verb, or none at all.
    """
    found = frozenset(_verb_of(text) for text in texts)
    if not found:
        raise UsageError(f"a token needs at least one verb; use some of {', '.join(LEAST)}")
    return found


def role_of(text: str) -> Role:
    """Read a role.

    Raises:
        UsageError: There is no such role.
    """
    for role in ROLES:
        if role == text:
            return role
    raise UsageError(
        f"there is no role {text!r}; use one of {', '.join(ROLES)}.{suggestion(text, ROLES)}"
    )


def _verb_of(text: str) -> Verb:
    for verb in LEAST:
        if verb == text:
            return verb
    raise UsageError(
        f"there is no verb {text!r}; use some of {', '.join(LEAST)}.{suggestion(text, LEAST)}"
    )


def _ranks(role: Role | None, least: Role) -> bool:
    return role is not None and ROLES.index(role) >= ROLES.index(least)

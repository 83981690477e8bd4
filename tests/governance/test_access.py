"""The whole table of who may do what, written out by hand."""

import pytest

from acir.errors import UsageError
from acir.governance.access import (
    EVERYWHERE,
    LEAST,
    ROLES,
    Principal,
    Role,
    Verb,
    actor,
    allowed,
    collections,
    role_in,
    role_of,
    verbs_of,
)
from acir.governance.events import Actor

# What each role may in a collection where it was granted, and, below, only where granted for all.
TABLE: dict[Role, set[Verb]] = {
    "viewer": {"view", "search", "check"},
    "researcher": {"view", "search", "check", "annotate", "export"},
    "curator": {"view", "search", "check", "annotate", "export", "add", "delete", "review"},
    "admin": {"view", "search", "check", "annotate", "export", "add", "delete", "review", "grant"},
}
OF_THE_SERVER: dict[Role, set[Verb]] = {
    "viewer": set(),
    "researcher": {"fetch"},
    "curator": {"fetch"},
    "admin": {"erase", "audit", "people", "models", "fetch"},
}


@pytest.mark.parametrize("verb", LEAST)
@pytest.mark.parametrize("role", ROLES)
def test_a_role_in_one_collection_allows_its_verbs_there_and_nothing_elsewhere(
    role: Role, verb: Verb
) -> None:
    principal = Principal("ada", {"ct": role})
    assert allowed(principal, verb, "ct") == (verb in TABLE[role])
    assert not allowed(principal, verb, "mr")
    assert not allowed(principal, verb, EVERYWHERE)


@pytest.mark.parametrize("verb", LEAST)
@pytest.mark.parametrize("role", ROLES)
def test_a_role_everywhere_allows_its_verbs_in_every_collection(role: Role, verb: Verb) -> None:
    principal = Principal("ada", {EVERYWHERE: role})
    expected = verb in TABLE[role] | OF_THE_SERVER[role]
    assert allowed(principal, verb, "ct") == expected
    assert allowed(principal, verb, EVERYWHERE) == expected


@pytest.mark.parametrize("verb", LEAST)
def test_without_a_role_nothing_is_allowed(verb: Verb) -> None:
    assert not allowed(Principal("ada"), verb, "ct")
    assert not allowed(Principal("ada"), verb, EVERYWHERE)


@pytest.mark.parametrize("verb", LEAST)
def test_emergency_access_allows_to_look_and_search_everywhere(verb: Verb) -> None:
    expected = verb in {"view", "search", "check"}
    assert allowed(Principal("ada", emergency="stroke unit"), verb, "ct") == expected
    assert allowed(Principal("ada", emergency="stroke unit"), verb, EVERYWHERE) == expected


@pytest.mark.parametrize("verb", LEAST)
def test_the_scope_of_a_token_only_takes_away(verb: Verb) -> None:
    whole = Principal("ada", {EVERYWHERE: "curator"})
    scoped = Principal("ada", {EVERYWHERE: "curator"}, scope=frozenset({"search", "erase"}))
    assert allowed(scoped, verb, "ct") == (verb == "search" and allowed(whole, verb, "ct"))


def test_the_higher_of_two_roles_counts() -> None:
    principal = Principal("ada", {"ct": "viewer", EVERYWHERE: "curator", "mr": "admin"})
    assert role_in(principal, "ct") == "curator"
    assert role_in(principal, "mr") == "admin"
    assert role_in(Principal("ada", {"ct": "viewer"}), "mr") is None


def test_a_search_is_restricted_to_where_it_is_allowed() -> None:
    principal = Principal("ada", {"ct": "viewer", "mr": "researcher"})
    assert collections(principal, "search") == frozenset({"ct", "mr"})
    assert collections(principal, "export") == frozenset({"mr"})
    assert collections(principal, "delete") == frozenset()
    assert collections(Principal("ada", {EVERYWHERE: "viewer"}), "search") is None


def test_the_log_names_the_highest_role_of_someone_or_their_emergency() -> None:
    principal = Principal("ada", {"ct": "viewer", "mr": "curator"})
    assert actor(principal, "10.0.0.1") == Actor("ada", "curator", "10.0.0.1")
    assert actor(Principal("ada")) == Actor("ada")
    in_need = Principal("ada", {"ct": "viewer"}, emergency="stroke unit")
    assert actor(in_need) == Actor("ada", "emergency", "", "ETREAT")


def test_unknown_words_are_refused() -> None:
    with pytest.raises(UsageError, match=r"no role 'viwer'; use one of .* mean 'viewer'\?"):
        role_of("viwer")
    with pytest.raises(UsageError, match=r"no verb 'serch'; use some of .* mean 'search'\?"):
        verbs_of(["serch"])
    with pytest.raises(UsageError, match="a token needs at least one verb"):
        verbs_of([])
    assert role_of("curator") == "curator"

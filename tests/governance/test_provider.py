"""Signing in through an identity provider: a real one over HTTP, and everything forged."""

import hmac
import json
import sys
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from acir.errors import AccessError, ComponentError, RecipeError, UsageError
from acir.governance.federation import Federation
from acir.governance.provider import Provider, Trip
from acir.governance.registration import GrantTable, OidcTable
from made_people import ROOT, Office, office
from made_provider import (
    SECRET,
    Claims,
    LocalProvider,
    SigningKey,
    encoded,
    local_provider,
    sent_back,
)


@pytest.fixture(scope="module")
def running() -> Iterator[LocalProvider]:
    with local_provider() as provider:
        yield provider


@pytest.fixture
def there(running: LocalProvider) -> LocalProvider:
    """Return the provider as it is when nothing was spoilt."""
    running.keys, running.person = running.keys[:1], {"groups": ["readers"]}
    running.spoil, running.moved, running.asked = SigningKey.sign, {}, []
    return running


@pytest.fixture
def here(there: LocalProvider) -> Iterator[Provider]:
    provider = Provider(there.table(), SECRET)
    yield provider
    provider.close()


def signed_in(provider: Provider, trip: Trip) -> tuple[str, str]:
    """Go to the provider; return the code and the state that it sends back."""
    back = sent_back(provider.address(trip))
    return back["code"], back["state"]


def claims(provider: Provider) -> Claims:
    trip = Trip.begin()
    return dict(provider.claims(*signed_in(provider, trip), trip))


def test_the_provider_says_who_somebody_is(here: Provider, there: LocalProvider) -> None:
    assert claims(here)["sub"] == "u-17"
    assert claims(here)["groups"] == ["readers"]
    assert there.asked.count("/keys") == 1  # they are kept


def test_the_address_asks_for_a_code_with_pkce_state_and_nonce(here: Provider) -> None:
    trip = Trip.begin()
    asked = {key: value for key, (value,) in parse_qs(urlsplit(here.address(trip)).query).items()}
    assert asked == {
        "response_type": "code", "client_id": "acir", "redirect_uri": "http://127.0.0.1/login",
        "scope": "openid", "state": trip.state, "nonce": trip.nonce,
        "code_challenge": trip.challenge, "code_challenge_method": "S256",
    }  # fmt: skip


def test_the_challenge_is_that_of_the_rfc() -> None:
    # RFC 7636, appendix B.
    trip = Trip("s", "n", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    assert trip.challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_a_trip_is_read_as_it_was_written() -> None:
    trip = Trip.begin()
    assert Trip.read(str(trip)) == trip
    assert Trip.read("") is Trip.read("a.b") is Trip.read("a..c") is None


def wrong(**changed: object) -> Callable[[SigningKey, Claims], str]:
    return lambda key, claims: key.sign(
        {name: value for name, value in (claims | changed).items() if value is not None}
    )


def unsigned(key: SigningKey, claims: Claims) -> str:
    head = encoded(json.dumps({"alg": "none", "kid": key.kid}).encode())
    return f"{head}.{encoded(json.dumps(claims).encode())}."


def signed_with_the_public_key(key: SigningKey, claims: Claims) -> str:
    """Sign with HS256 and what everybody knows, which some libraries have taken for a secret."""
    head = encoded(json.dumps({"alg": "HS256", "kid": key.kid}).encode())
    body = f"{head}.{encoded(json.dumps(claims).encode())}"
    public = json.dumps(key.public).encode()
    return f"{body}.{encoded(hmac.digest(public, body.encode(), sha256))}"


def altered(key: SigningKey, claims: Claims) -> str:
    head, _, signature = key.sign(claims).split(".")
    other = encoded(json.dumps(claims | {"sub": "root"}).encode())
    return f"{head}.{other}.{signature}"


OTHER = SigningKey("one")  # the name of the right key, and another key
STRANGER = SigningKey("nobody-knows")
NOT_SIGNED = "the identity is not signed"
NOT_HERE = "the identity does not hold here"
FORGED = {
    "by another key of the same name": (lambda _, it: OTHER.sign(it), NOT_SIGNED),
    "by a key that is not published": (lambda _, it: STRANGER.sign(it), NOT_SIGNED),
    "altered after it was signed": (altered, NOT_SIGNED),
    "without a signature": (unsigned, NOT_SIGNED),
    "with the public key as a secret": (signed_with_the_public_key, NOT_SIGNED),
    "not a token": (lambda *_: "x.y.z", NOT_SIGNED),
    "of another issuer": (wrong(iss="https://other.example"), NOT_HERE),
    "without an issuer": (wrong(iss=None), NOT_HERE),
    "for another client": (wrong(aud="other"), NOT_HERE),
    "for no client": (wrong(aud=None), NOT_HERE),
    "made for another client": (wrong(aud=["acir", "other"], azp="other"), "for another client"),
    "of another trip": (wrong(nonce="other"), NOT_HERE),
    "of no trip": (wrong(nonce=None), NOT_HERE),
    "too old": (wrong(exp=int(time.time()) - 120), NOT_HERE),
    "without an end": (wrong(exp=None), NOT_HERE),
    "not valid yet": (wrong(nbf=int(time.time()) + 600), NOT_HERE),
    "of the future": (wrong(iat=int(time.time()) + 600), NOT_HERE),
    "of nobody": (wrong(sub=None), NOT_HERE),
}


@pytest.mark.parametrize(("spoil", "said"), FORGED.values(), ids=FORGED)
def test_a_forged_identity_is_refused(
    here: Provider,
    there: LocalProvider,
    spoil: Callable[[SigningKey, Claims], str],
    said: str,
) -> None:
    there.spoil = spoil
    with pytest.raises(AccessError, match=said):
        claims(here)


def test_one_of_several_audiences_may_be_this_client(here: Provider, there: LocalProvider) -> None:
    there.spoil = wrong(aud=["other", "acir"], azp="acir")
    assert claims(here)["sub"] == "u-17"


def test_a_new_key_is_loaded_when_it_signs_and_an_old_one_is_refused_then(
    here: Provider, there: LocalProvider
) -> None:
    (old,) = there.keys
    claims(here)
    there.keys = [SigningKey("two")]
    assert claims(here)["sub"] == "u-17"
    assert there.asked.count("/keys") == 2
    there.spoil = lambda _, it: old.sign(it)
    with pytest.raises(AccessError, match="not signed by a key of the identity provider"):
        claims(here)
    there.keys = [old]


def test_a_code_counts_once_and_on_its_trip_alone(here: Provider) -> None:
    trip, other = Trip.begin(), Trip.begin()
    code, state = signed_in(here, trip)
    with pytest.raises(AccessError, match="this sign-in was begun elsewhere"):
        here.claims(code, state, other)
    with pytest.raises(AccessError, match=r"the identity provider refused at .*/token"):
        here.claims(code, other.state, other)  # the verifier of another trip
    with pytest.raises(AccessError, match=r"the identity provider refused at .*/token"):
        here.claims(code, state, trip)  # which has spent the code


def test_a_wrong_secret_of_the_client_is_refused(there: LocalProvider) -> None:
    provider = Provider(there.table(), "wrong")
    with pytest.raises(AccessError, match=r"the identity provider refused at .*/token"):
        claims(provider)
    provider.close()


@pytest.mark.parametrize("path", ["/token", "/keys"])
def test_a_redirect_is_not_followed(here: Provider, there: LocalProvider, path: str) -> None:
    there.moved = {path: f"{there.address}/elsewhere"}
    with pytest.raises(AccessError, match=f"the identity provider refused at .*{path}"):
        claims(here)
    assert "/elsewhere" not in there.asked


def test_a_provider_that_is_away_or_answers_nonsense_is_told(there: LocalProvider) -> None:
    trip = Trip.begin()
    for address in ("http://127.0.0.1:9/token", f"{there.address}/nonsense"):
        provider = Provider(there.table(token=address), SECRET)
        with pytest.raises(AccessError, match=f"the identity provider did not answer at {address}"):
            provider.claims("code", trip.state, trip)
        provider.close()
    assert there.asked == ["/nonsense"]


def test_an_answer_without_an_identity_is_told(here: Provider, there: LocalProvider) -> None:
    there.spoil = lambda *_: 5  # type: ignore[assignment]
    with pytest.raises(AccessError, match="the identity provider gave no identity"):
        claims(here)


def test_keys_that_are_none_are_told(here: Provider, there: LocalProvider) -> None:
    keys = there.keys
    there.spoil = emptied(there, keys[0])
    with pytest.raises(AccessError, match="the identity provider's keys cannot be read"):
        claims(here)
    there.keys = keys


def emptied(there: LocalProvider, key: SigningKey) -> Callable[[SigningKey, Claims], str]:
    """Return what signs with a key, and publishes none from then on."""

    def sign(_: SigningKey, claims: Claims) -> str:
        there.keys = []
        return key.sign(claims)

    return sign


def test_what_is_not_installed_is_named(
    monkeypatch: pytest.MonkeyPatch, there: LocalProvider
) -> None:
    monkeypatch.setitem(sys.modules, "joserfc", None)
    with pytest.raises(ComponentError, match=r"needs joserfc, which is not installed; pip install"):
        Provider(there.table(), SECRET)


def entered(office: Office, provider: Provider) -> str:
    trip = Trip.begin()
    federation = Federation(provider, office.vault)
    return federation.sign_in(*signed_in(provider, trip), trip, "10.0.0.9")


def test_groups_give_roles_and_nothing_else_does(
    tmp_path: Path, here: Provider, there: LocalProvider
) -> None:
    there.person = {"groups": ["readers", "chest", "chest-chiefs", "porters"]}
    with office(tmp_path) as desk:
        principal = desk.sessions.recognise(entered(desk, here))
        assert principal is not None
        assert principal.user == "oidc.u-17"
        assert principal.roles == {"*": "viewer", "chest": "curator"}
        assert desk.last() == ("login", "oidc.u-17", "success", "")


def test_roles_follow_the_groups_of_the_last_sign_in(
    tmp_path: Path, here: Provider, there: LocalProvider
) -> None:
    with office(tmp_path) as desk:
        there.person = {"groups": ["chest-chiefs"]}
        first = entered(desk, here)
        there.person = {"groups": ["chest"]}
        entered(desk, here)
        assert desk.people.principal("oidc.u-17").roles == {"chest": "researcher"}
        there.person = {"groups": []}
        with pytest.raises(AccessError, match=r"no group of oidc\.u-17 may use this index"):
            entered(desk, here)
        assert desk.people.principal("oidc.u-17").roles == {}
        assert desk.sessions.recognise(first) is None
        actions = [record.event.detail for record in desk.log.records()]
        assert "by the identity provider: no role" in actions


@pytest.mark.parametrize("groups", [None, "readers", {"readers": 1}, [["readers"]], [7], ["other"]])
def test_one_without_a_group_that_counts_is_refused_and_not_added(
    tmp_path: Path, here: Provider, there: LocalProvider, groups: object
) -> None:
    there.person = {} if groups is None else {"groups": groups}
    with office(tmp_path) as desk:
        with pytest.raises(AccessError, match="may use this index; ask who runs it"):
            entered(desk, here)
        assert [person.name for person in desk.people.list()] == ["ada"]
        assert desk.last()[:3] == ("login", "oidc.u-17", "denied")


def test_a_name_of_the_provider_is_never_that_of_somebody_added_here(
    tmp_path: Path, there: LocalProvider
) -> None:
    there.person |= {"preferred_username": "ada"}
    provider = Provider(there.table(name_claim="preferred_username"), SECRET)
    with office(tmp_path) as desk:
        desk.people.grant("ada", "admin", "*", ROOT)
        principal = desk.sessions.recognise(entered(desk, provider))
        assert principal is not None
        assert (principal.user, principal.roles) == ("oidc.ada", {"*": "viewer"})
    provider.close()


@pytest.mark.parametrize("name", ["", "a b", "x" * 60, 5.5e300, "\u00e4"])
def test_a_claim_that_is_no_name_is_refused(
    tmp_path: Path, there: LocalProvider, name: object
) -> None:
    there.person |= {"email": name}
    provider = Provider(there.table(name_claim="email"), SECRET)
    with office(tmp_path) as desk:
        with pytest.raises(AccessError, match="the claim email of the identity is no name"):
            entered(desk, provider)
        assert desk.last()[:3] == ("login", "(unknown)", "denied")
    provider.close()


@pytest.mark.parametrize("key", ["issuer", "authorization", "token", "keys", "address"])
@pytest.mark.parametrize("address", ["http://id.example/x", "file:///etc/passwd", "", "http://[x"])
def test_an_address_that_others_could_answer_from_is_refused(
    there: LocalProvider, key: str, address: str
) -> None:
    said = rf"configuration key oidc\.{key} is .*, expected an address that begins with https://"
    with pytest.raises(RecipeError, match=said):
        there.table(**{key: address})


def test_the_secret_comes_from_a_file_or_the_environment(
    tmp_path: Path, there: LocalProvider
) -> None:
    kept = tmp_path / "secret"
    kept.write_text("of the file\n")
    table = there.table(secret_file=str(kept))
    assert table.secret({"ACIR_OIDC_SECRET": "other"}) == "of the file"
    assert there.table().secret({"ACIR_OIDC_SECRET": "of the environment"}) == "of the environment"
    with pytest.raises(UsageError, match="needs a secret, and there is none; put it into a file"):
        there.table().secret({})
    with pytest.raises(UsageError, match="cannot read the secret of the identity provider from"):
        there.table(secret_file=str(tmp_path / "none")).secret({})


def test_the_highest_role_of_several_groups_counts() -> None:
    grants = (GrantTable("b", "curator", "x"), GrantTable("a", "viewer", "x"))
    there = "https://id.example"
    table = OidcTable(there, there, there, there, client="acir", address=there, grants=grants)
    assert table.roles(frozenset("ab")) == {"x": "curator"}
    assert table.roles(frozenset("a")) == {"x": "viewer"}
    assert table.roles(frozenset()) == {}

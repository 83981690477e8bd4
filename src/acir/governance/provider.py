"""The client of an OpenID Connect identity provider.

OpenID Connect Core 1.0, section 3.1 (authorization-code flow), with PKCE (RFC 7636) and what RFC
9700 asks of a client. Only the addresses of the configuration are called, and no redirect is
followed.
"""

import hmac
import json
import ssl
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from secrets import token_urlsafe
from threading import Lock
from typing import Any
from urllib.parse import quote, urlencode

from acir.errors import AccessError, ComponentError
from acir.governance.registration import OidcTable

# Signatures by a private key alone: with `none` or HS256 anybody could sign.
ALGORITHMS = ("RS256", "PS256", "ES256")
LEEWAY = 60  # seconds by which the clocks of two servers may differ
TIMEOUT = 10.0  # seconds


@dataclass(frozen=True)
class Trip:
    """What a browser carries while somebody signs in at the provider; it names nobody.

    Attributes:
        state: Shows that the one who comes back is the one who left.
        nonce: Ties the identity to this trip.
        verifier: Shows the provider that who exchanges the code has asked for it.
    """

    state: str
    nonce: str
    verifier: str

    @classmethod
    def begin(cls) -> "Trip":
        """Return one that nobody can guess."""
        return cls(token_urlsafe(32), token_urlsafe(32), token_urlsafe(48))

    @classmethod
    def read(cls, text: str) -> "Trip | None":
        """Read what `str` wrote; None for anything else."""
        parts = text.split(".")
        return cls(*parts) if len(parts) == 3 and all(parts) else None  # noqa: PLR2004 - its fields

    def __str__(self) -> str:
        """Write it as one word."""
        return f"{self.state}.{self.nonce}.{self.verifier}"

    @property
    def challenge(self) -> str:
        """The SHA-256 of the verifier (RFC 7636, section 4.2)."""
        digest = sha256(self.verifier.encode()).digest()
        return urlsafe_b64encode(digest).rstrip(b"=").decode()


class Provider:
    """An identity provider; threads may share it, and it is closed by its opener.

    Args:
        table: How acir is registered there.
        secret: Of the client.

    Raises:
        ComponentError: What is needed to speak with it is not installed.
    """

    def __init__(self, table: OidcTable, secret: str) -> None:
        try:
            import httpx  # noqa: PLC0415 - an extra
            import joserfc  # noqa: F401, PLC0415 - as above
        except ModuleNotFoundError as error:
            raise ComponentError(
                f"an identity provider needs {error.name}, which is not installed; pip install "
                "'acir[oidc]'"
            ) from error
        self.table = table
        # RFC 6749, section 2.3.1: both are form-encoded first.
        login = quote(table.client, safe=""), quote(secret, safe="")
        self._client = httpx.Client(
            auth=login,
            timeout=TIMEOUT,
            follow_redirects=False,
            trust_env=False,
            verify=ssl.create_default_context(),
        )
        self._keys: Any = None
        self._loading = Lock()

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def address(self, trip: Trip) -> str:
        """Return where somebody signs in."""
        asked = {
            "response_type": "code",
            "client_id": self.table.client,
            "redirect_uri": self.table.redirect,
            "scope": " ".join(self.table.scopes),
            "state": trip.state,
            "nonce": trip.nonce,
            "code_challenge": trip.challenge,
            "code_challenge_method": "S256",
        }
        joint = "&" if "?" in self.table.authorization else "?"
        return f"{self.table.authorization}{joint}{urlencode(asked)}"

    def claims(self, code: str, state: str, trip: Trip) -> Mapping[str, Any]:
        """Exchange the code that somebody came back with for what the provider says of them.

        Args:
            code: What the provider gave them.
            state: What it gave back to them of the trip.
            trip: What their browser has carried.

        Raises:
            AccessError: They come from another trip, the provider does not answer as it must, or
                what it says is not signed by it, not for this client and trip, or too old.
        """
        if not hmac.compare_digest(state.encode(), trip.state.encode()):
            raise AccessError("this sign-in was begun elsewhere; begin it here again")
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.table.redirect,
            "code_verifier": trip.verifier,
        }
        answer = self._asked("POST", self.table.token, form)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise AccessError("the identity provider gave no identity; sign in again")
        found = self._verified(token)
        self._check(found, trip)
        return found

    def _verified(self, token: str) -> Mapping[str, Any]:
        """Return the claims of a token; a signature by keys not seen before has them loaded."""
        from joserfc import errors, jwt  # noqa: PLC0415 - an extra

        for anew in (False, True):
            keys = self._key_set(anew)
            try:
                return jwt.decode(token, keys, algorithms=ALGORITHMS).claims
            except (errors.InvalidKeyIdError, errors.BadSignatureError):
                continue
            except (errors.JoseError, ValueError, TypeError) as error:
                raise AccessError("the identity is not signed as it must be") from error
        raise AccessError("the identity is not signed by a key of the identity provider")

    def _check(self, claims: Mapping[str, Any], trip: Trip) -> None:
        """Check issuer, audience, age and nonce (OpenID Connect Core 1.0, section 3.1.3.7)."""
        from joserfc import errors, jwt  # noqa: PLC0415 - an extra

        registry = jwt.JWTClaimsRegistry(
            leeway=LEEWAY,
            iss={"essential": True, "value": self.table.issuer},
            aud={"essential": True, "value": self.table.client},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
            nonce={"essential": True, "value": trip.nonce},
        )
        try:
            registry.validate(dict(claims))
        except errors.JoseError as error:
            raise AccessError(f"the identity does not hold here: {error}") from error
        party = claims.get("azp", self.table.client)
        if party != self.table.client:
            raise AccessError("the identity was made for another client")

    def _key_set(self, anew: bool) -> Any:  # noqa: ANN401 - a KeySet of an extra
        """Return the provider's keys, loaded once and again where others are needed."""
        from joserfc import errors  # noqa: PLC0415 - an extra
        from joserfc.jwk import KeySet  # noqa: PLC0415 - an extra

        with self._loading:
            if self._keys is None or anew:
                found = self._asked("GET", self.table.keys)
                try:
                    self._keys = KeySet.import_key_set(found)  # type: ignore[arg-type]
                except (errors.JoseError, KeyError, ValueError, TypeError) as error:
                    raise AccessError("the identity provider's keys cannot be read") from error
            return self._keys

    def _asked(
        self, method: str, address: str, form: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Return the JSON object that an address of the provider answers with."""
        import httpx  # noqa: PLC0415 - an extra

        try:
            # Who the client is concerns the token's address alone.
            auth = httpx.USE_CLIENT_DEFAULT if form else None
            answer = self._client.request(method, address, data=form, auth=auth)
            found = json.loads(answer.content) if answer.status_code == httpx.codes.OK else None
        except (httpx.HTTPError, ValueError) as error:
            raise AccessError(f"the identity provider did not answer at {address}") from error
        if not isinstance(found, dict):
            raise AccessError(f"the identity provider refused at {address}")
        return found

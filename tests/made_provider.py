"""A small identity provider on this machine, which signs without the library that acir reads with.

It keeps to OpenID Connect Core 1.0 and RFC 7636: who has no client secret, code or verifier gets
nothing. What it says can be spoilt, one thing at a time.
"""

import json
import time
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from secrets import token_urlsafe
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit
from urllib.request import HTTPErrorProcessor, build_opener

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

from acir.governance.registration import GrantTable, OidcTable

CLIENT, SECRET = "acir", "s3cret of the client: 100 % ~"
Claims = dict[str, Any]


def encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value: int) -> str:
    return encoded(value.to_bytes((value.bit_length() + 7) // 8, "big"))


@dataclass
class SigningKey:
    """An RSA key and its name."""

    kid: str
    private: RSAPrivateKey = field(default_factory=lambda: generate_private_key(65537, 2048))

    @property
    def public(self) -> dict[str, str]:
        numbers = self.private.public_key().public_numbers()
        return {
            "kty": "RSA", "use": "sig", "kid": self.kid,
            "n": number(numbers.n), "e": number(numbers.e),
        }  # fmt: skip

    def sign(self, claims: Claims, **header: str) -> str:
        """Return a JWS of RS256 (RFC 7515, appendix A.2)."""
        head = {"alg": "RS256", "kid": self.kid} | header
        body = f"{encoded(json.dumps(head).encode())}.{encoded(json.dumps(claims).encode())}"
        return f"{body}.{encoded(self.private.sign(body.encode(), PKCS1v15(), SHA256()))}"


@dataclass
class LocalProvider:
    """The provider while it runs.

    Attributes:
        address: Where it listens.
        keys: Those it publishes; the last signs.
        person: What it says of everybody who comes.
        spoil: Makes the identity that it gives, from the key and the right claims.
        asked: The paths that were called.
        moved: Paths that answer with a redirect.
    """

    address: str
    keys: list[SigningKey]
    person: Claims
    spoil: Callable[[SigningKey, Claims], str] = SigningKey.sign
    asked: list[str] = field(default_factory=list)
    moved: dict[str, str] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def table(self, **changed: object) -> OidcTable:
        """Return how acir is registered there."""
        given: dict[str, Any] = {
            "issuer": f"{self.address}/issuer",
            "authorization": f"{self.address}/authorize",
            "token": f"{self.address}/token",
            "keys": f"{self.address}/keys",
            "client": CLIENT,
            "address": "http://127.0.0.1",
            "grants": (
                GrantTable("readers", "viewer", "*"),
                GrantTable("chest", "researcher", "chest"),
                GrantTable("chest-chiefs", "curator", "chest"),
            ),
        }
        return OidcTable(**given | changed)

    def authorize(self, asked: dict[str, str]) -> str:
        """Return where somebody who signed in is sent back to."""
        code = token_urlsafe(8)
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def exchange(self, form: dict[str, str], login: str) -> Claims | None:
        """Return the identity for a code, once, to who shows that it is theirs."""
        name, _, secret = b64decode(login.removeprefix("Basic ")).decode().partition(":")
        asked = self.codes.pop(form.get("code", ""), None)
        if asked is None or (name, dict(parse_qsl(f"s={secret}"))["s"]) != (CLIENT, SECRET):
            return None
        challenge = encoded(sha256(form["code_verifier"].encode()).digest())
        if challenge != asked["code_challenge"] or form["redirect_uri"] != asked["redirect_uri"]:
            return None
        now = int(time.time())
        claims = {
            "iss": f"{self.address}/issuer", "aud": CLIENT, "sub": "u-17", "iat": now,
            "exp": now + 300, "nonce": asked["nonce"], **self.person,
        }  # fmt: skip
        return {"id_token": self.spoil(self.keys[-1], claims), "token_type": "Bearer"}


class Stay(HTTPErrorProcessor):
    """Gives a redirect back instead of following it, as a browser that is watched."""

    def http_response(self, request: object, response: object) -> object:
        return response


def sent_back(address: str) -> dict[str, str]:
    """Sign in at a provider; return the parameters with which it sends somebody back."""
    with build_opener(Stay).open(address) as answer:
        return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))


@contextmanager
def local_provider() -> Iterator[LocalProvider]:
    """Run a provider at a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            provider.asked.append(parts.path)
            if parts.path in provider.moved:
                self.go_to(provider.moved[parts.path])
            elif parts.path == "/authorize":
                asked = {key: values[0] for key, values in parse_qs(parts.query).items()}
                self.go_to(provider.authorize(asked))
            else:
                self.answer({"keys": [key.public for key in provider.keys]})

        def do_POST(self) -> None:
            provider.asked.append(self.path)
            length = int(self.headers["Content-Length"])
            form = dict(parse_qsl(self.rfile.read(length).decode()))
            if self.path in provider.moved:
                self.go_to(provider.moved[self.path])
            elif self.path == "/nonsense":
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"<html>")
            else:
                self.answer(provider.exchange(form, self.headers.get("Authorization", "")))

        def go_to(self, address: str) -> None:
            self.send_response(302)
            self.send_header("Location", address)
            self.end_headers()

        def answer(self, found: Claims | None) -> None:
            self.send_response(400 if found is None else 200)
            self.end_headers()
            self.wfile.write(json.dumps(found or {"error": "invalid_grant"}).encode())

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider = LocalProvider(
        f"http://127.0.0.1:{server.server_port}", [SigningKey("one")], {"groups": ["readers"]}
    )
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)

"""How acir is registered with an identity provider: the table `[oidc]` of the configuration."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from acir.errors import RecipeError, UsageError
from acir.governance.access import ROLES, Role
from acir.tables import Table

SECRET = "ACIR_OIDC_SECRET"


@dataclass(frozen=True)
class GrantTable(Table):
    """What membership in a group of the provider is worth here.

    Attributes:
        group: A value of the claim that lists groups.
        role: The role that its members have.
        collection: Where; `*` for everywhere.
    """

    table: ClassVar[str] = "oidc.grants"
    file: ClassVar[str] = "configuration"
    group: str
    role: Role
    collection: str


@dataclass(frozen=True)
class OidcTable(Table):
    """The provider, as its administrator wrote it down; nothing of it is discovered.

    Attributes:
        issuer: Who signs, exactly as the claim `iss` has it.
        authorization: Address to which people are sent to sign in.
        token: Address at which a code is exchanged.
        keys: Address of the provider's public keys, a JWK set.
        client: What acir is called there.
        address: Of this server as people reach it; they come back to `/login` below it.
        secret_file: File with the client's secret; else it is in `ACIR_OIDC_SECRET`.
        scopes: What is asked for.
        name_claim: Claim that names a person, unique and never given to another person.
        groups_claim: Claim that lists their groups.
        grants: Role by group; who is in none of these groups may not sign in.

    Raises:
        RecipeError: An address is neither https nor of this machine.
    """

    table: ClassVar[str] = "oidc"
    file: ClassVar[str] = "configuration"
    issuer: str
    authorization: str
    token: str
    keys: str
    client: str
    address: str
    secret_file: str = ""
    scopes: tuple[str, ...] = ("openid",)
    name_claim: str = "sub"
    groups_claim: str = "groups"
    grants: tuple[GrantTable, ...] = ()

    def __post_init__(self) -> None:
        """Refuse an address that anybody on the way could answer from."""
        super().__post_init__()
        for key in ("issuer", "authorization", "token", "keys", "address"):
            if not _is_safe(getattr(self, key)):
                raise RecipeError(
                    f"configuration key oidc.{key} is {getattr(self, key)!r}, expected an address "
                    "that begins with https://"
                )

    @property
    def redirect(self) -> str:
        """Where the provider sends people back to; it has to know this address."""
        return f"{self.address.rstrip('/')}/login"

    def secret(self, environment: Mapping[str, str] = os.environ) -> str:
        """Return the client's secret, from its file or else from the environment.

        Raises:
            UsageError: It is in neither.
        """
        found = environment.get(SECRET, "")
        if self.secret_file:
            try:
                found = Path(self.secret_file).read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise UsageError(
                    f"cannot read the secret of the identity provider from {self.secret_file}; "
                    "name a text file that the server may read under oidc.secret_file"
                ) from error
        if not found.strip():
            raise UsageError(
                f"the identity provider needs a secret, and there is none; put it into a file, "
                f"named under oidc.secret_file, or into {SECRET}"
            )
        return found.strip()

    def roles(self, groups: frozenset[str]) -> dict[str, Role]:
        """Return the role in each collection that members of some groups have, the highest."""
        held: dict[str, Role] = {}
        for grant in sorted(self.grants, key=lambda grant: ROLES.index(grant.role)):
            if grant.group in groups:
                held[grant.collection] = grant.role
        return held


def _is_safe(address: str) -> bool:
    try:
        parts = urlsplit(address)
        if parts.scheme == "https" and parts.hostname:
            return True
        return parts.scheme == "http" and ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False

"""People whom an identity provider vouches for: their names, and the roles of their groups."""

from collections.abc import Mapping
from typing import Any

from acir.errors import AccessError
from acir.governance.access import Role
from acir.governance.audit import Actor, AuditEvent
from acir.governance.people import NAME, roles_of
from acir.governance.provider import Provider, Trip
from acir.governance.sessions import Sessions
from acir.governance.vault import Vault

# So that no name at the provider is that of somebody who was added here.
PREFIX = "oidc."


class Federation:
    """Signs people in whom a provider knows.

    Args:
        provider: The provider.
        vault: Where people are kept.
    """

    def __init__(self, provider: Provider, vault: Vault) -> None:
        self._provider, self._vault = provider, vault

    def address(self, trip: Trip) -> str:
        """Return where somebody signs in; see `Provider.address`."""
        return self._provider.address(trip)

    def sign_in(self, code: str, state: str, trip: Trip, address: str = "") -> str:
        """Begin the session of somebody who comes back from the provider; return its secret.

        Their roles become those of their groups, and no others remain.

        Args:
            code: As in `Provider.claims`, like the next two.
            state: See there.
            trip: See there.
            address: Network address of the client.

        Raises:
            AccessError: The provider does not vouch for them, or none of their groups has a role
                here; the refusal is recorded.
        """
        who = Actor("(unknown)", address=address)
        try:
            claims = self._provider.claims(code, state, trip)
            who = Actor(self._name(claims), address=address)
            roles = self._provider.table.roles(self._groups(claims))
            self._admit(who, roles)
            if not roles:
                raise AccessError(f"no group of {who.user} may use this index; ask who runs it")
        except AccessError as error:
            self._vault.log.append(AuditEvent("login", who, "denied", detail=str(error)))
            raise
        return Sessions(self._vault).begin(who)

    def _name(self, claims: Mapping[str, Any]) -> str:
        """Return what somebody is called here."""
        claim = self._provider.table.name_claim
        name = f"{PREFIX}{claims.get(claim) or ''}"
        if name == PREFIX or not NAME.fullmatch(name):
            raise AccessError(
                f"the claim {claim} of the identity is no name; name another under oidc.name_claim"
            )
        return name

    def _groups(self, claims: Mapping[str, Any]) -> frozenset[str]:
        """Return the groups that somebody is in; none where the claim is no list of words."""
        found = claims.get(self._provider.table.groups_claim)
        return frozenset(filter(_is_word, found)) if isinstance(found, list) else frozenset()

    def _admit(self, who: Actor, roles: Mapping[str, Role]) -> None:
        """Give somebody exactly some roles; one who has none is neither added nor kept in."""
        with self._vault.transaction() as connection:
            before = roles_of(connection, who.user)
        if before == roles:
            return
        said = ", ".join(f"{role} in {place}" for place, role in sorted(roles.items()))
        event = AuditEvent("role", who, detail=f"by the identity provider: {said or 'no role'}")
        with self._vault.recorded(event) as connection:
            if roles:
                connection.execute("insert or ignore into person (name) values (?)", (who.user,))
            else:
                connection.execute("delete from session where name = ?", (who.user,))
            connection.execute("delete from grant_ where name = ?", (who.user,))
            connection.executemany(
                "insert into grant_ values (?, ?, ?)",
                [(who.user, place, role) for place, role in roles.items()],
            )


def _is_word(value: object) -> bool:
    return isinstance(value, str)

"""Sign in through an identity provider: to it, and back with what it gave."""

from functools import partial

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from acir.api.security import cookie_name
from acir.api.state import State
from acir.errors import AccessError
from acir.governance.federation import Federation
from acir.governance.provider import Trip

COOKIE = "acir_trip"
SECONDS = 10 * 60  # that somebody has to sign in at the provider
_cookie = partial(cookie_name, COOKIE)


def leave(server: State) -> Response:
    """Send somebody to the provider; their browser keeps what shows that it is them who return.

    Raises:
        HTTPException: There is no provider.
    """
    trip = Trip.begin()
    response = RedirectResponse(_federation(server).address(trip), 303)
    secure = server.settings.server.is_encrypted
    # Lax: the browser sends it when the provider sends somebody back, and with no form of theirs.
    response.set_cookie(
        _cookie(secure), str(trip), max_age=SECONDS, httponly=True, secure=secure, samesite="lax"
    )
    return response


def returned(request: Request, server: State) -> tuple[Federation, Trip]:
    """Return what signs in somebody who comes back, and what their browser has carried.

    Raises:
        HTTPException: There is no provider.
        AccessError: They were not sent from here.
    """
    federation = _federation(server)
    trip = Trip.read(request.cookies.get(_cookie(server.settings.server.is_encrypted), ""))
    if trip is None:
        raise AccessError("this sign-in was begun elsewhere or too long ago; begin it here again")
    return federation, trip


def forget(response: Response, server: State) -> Response:
    """Take what the browser kept away: it has been used."""
    secure = server.settings.server.is_encrypted
    response.delete_cookie(_cookie(secure), secure=secure, httponly=True, samesite="lax")
    return response


def _federation(server: State) -> Federation:
    if server.federation is None:
        raise HTTPException(404, "there is no identity provider")
    return server.federation

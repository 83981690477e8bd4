"""Where somebody wanted to go who has to sign in first: to a picture of the PACS.

Their browser keeps it, for some minutes, as the way may lead over an identity provider; neither a
page nor an address of ours holds it meanwhile.
"""

import re
from functools import partial

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from acir.api.security import cookie_name

COOKIE = "acir_wanted"
SECONDS = 10 * 60  # that somebody has to sign in
# What a link of the PACS may name, each by digits and dots, or as an Orthanc does.
NAMED = re.compile(r"(sop|series|study|orthanc):[0-9a-f.-]{1,64}")
_cookie = partial(cookie_name, COOKIE)


def remember(request: Request, response: Response, secure: bool) -> None:
    """Have a browser that was turned away keep what it wanted, if that was a picture."""
    wanted = ["{}:{}".format(*pair) for pair in request.query_params.multi_items()]
    named = list(filter(NAMED.fullmatch, wanted))
    if request.url.path != "/" or len(named) != 1:
        return
    # Lax: the browser sends it when an identity provider sends somebody back.
    response.set_cookie(
        _cookie(secure), named[0], max_age=SECONDS, httponly=True, secure=secure, samesite="lax"
    )


def back(request: Request, secure: bool) -> Response:
    """Send somebody who has signed in to what they wanted, or else to the first page."""
    kept = request.cookies.get(_cookie(secure), "")
    if not NAMED.fullmatch(kept):
        return RedirectResponse("/", 303)
    response = RedirectResponse(f"/?{kept.replace(':', '=')}", 303)
    response.delete_cookie(_cookie(secure), secure=secure, httponly=True, samesite="lax")
    return response

"""Give pictures, and look at the answer."""

from typing import Annotated

from fastapi import APIRouter, File, Form, Query, Request, UploadFile
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from acir.api.asking import WORD, Wished, answered, asked_before, examined, pair_of
from acir.api.pages.address import Address
from acir.api.pages.rendering import Render
from acir.api.security import Giving, Guarded, Searching
from acir.api.state import Server

router = APIRouter(route_class=Guarded)
# What stays when the next picture is given; what was said of the hits before does not.
LASTING = ("k", "threshold", "where", "mode", "per", "duplicates", "patients")


@router.post("/ask")
async def ask(
    server: Server,
    caller: Giving,
    image: Annotated[list[UploadFile], File()],
    state: Annotated[str, Form(max_length=2048)] = "",
) -> Response:
    """Examine pictures, and go on to their answer; the settings of the page before stay."""
    query = await examined(server, caller, image, "search")
    kept = Address.parsed("/search", state).only(*LASTING)
    return RedirectResponse(str(Address("/search", [("q", query.key), *kept])), 303)


@router.get("/search")
async def search(
    request: Request,
    server: Server,
    caller: Searching,
    render: Render,
    wish: Wished,
    q: Annotated[str | None, Query(max_length=WORD)] = None,
    id: Annotated[str | None, Query(max_length=WORD)] = None,
    patients: Annotated[bool, Query(description="several hits of one patient")] = False,
) -> Response:
    """Show the verdict and the hits: of pictures that were given, or of a stored one."""
    if (q is None) == (id is None):
        raise HTTPException(422, "give either q or id, of what was asked")
    asked = id if id is not None else asked_before(server, caller, q or "")
    if not patients and wish.per is None and wish.risk is None:
        wish.per = "patient"
    found = await answered(server, caller, asked, wish)
    address = Address.of(request)
    within = caller.within("search")
    facets = await server.pool.run(caller.name, server.served.facets, within)
    places = server.served.collections(within)
    query = None if isinstance(asked, str) else asked
    page = render(
        request,
        "search.html",
        served=server.served,
        query=query,
        place=query.deciding(found.answer).place if query else None,
        stored=server.served.entry(id, within) if id is not None else None,
        found=found,
        answer=found.answer,
        wish=wish,
        patients=patients,
        facets=({"collection": places} if len(places) > 1 else {}) | facets,
        chosen=dict(map(pair_of, wish.where)),
        examples=[*wish.like, *wish.unlike],
        address=address,
        most=server.settings.limits.hits,
    )
    # A form sends its empty fields too; the address that stays does not need them.
    page.headers["HX-Push-Url"] = str(address)
    return page

"""Give pictures, and look at the answer."""

from typing import Annotated

from fastapi import APIRouter, Depends, File, Query, Request, UploadFile
from fastapi import Form as Field
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from acir.api.asking import MOST_HITS, Wish, Wished, answered, asked_before, examined, pairs_of
from acir.api.exporting import Form, as_file
from acir.api.pages.address import LONGEST, Address
from acir.api.pages.rendering import Render
from acir.api.regions import Box, asked_about
from acir.api.schemas import WORD
from acir.api.security import Caller, Exporting, Giving, Guarded, Searching
from acir.api.state import Server, State
from acir.types import SERIES
from acir.workflows.serving.queries import Query as Pictures

router = APIRouter(route_class=Guarded)
# What stays when the next picture is given; what was said of the hits before does not.
LASTING = ("k", "threshold", "where", "mode", "per", "duplicates", "patients")


class Subject:
    """What a page is about, as its address says it."""

    def __init__(
        self,
        q: Annotated[str | None, Query(max_length=WORD)] = None,
        id: Annotated[str | None, Query(max_length=WORD)] = None,
        patients: Annotated[bool, Query(description="several hits of one patient")] = False,
        box: Box = None,
    ) -> None:
        self.q, self.id, self.patients, self.box = q, id, patients, box

    async def asked(self, server: State, caller: Caller) -> Pictures | str:
        """Return the pictures that were given, or the id of a stored one.

        Raises:
            HTTPException: There is neither or both, or the pictures were forgotten.
        """
        if (self.q is None) == (self.id is None):
            raise HTTPException(
                422, "this address names no picture to search by, or two; begin again and give one"
            )
        if self.id is not None:
            return self.id
        return await asked_about(server, caller, self.q or "", self.box)

    def complete(self, wish: Wish) -> None:
        """Wish for one hit a patient, unless more or other cases are wished for."""
        if not self.patients and wish.per is None and wish.risk is None:
            wish.per = "patient"


Shown = Annotated[Subject, Depends()]


@router.post("/ask")
async def ask(
    server: Server,
    caller: Giving,
    image: Annotated[list[UploadFile], File()],
    state: Annotated[str, Field(max_length=LONGEST)] = "",
) -> Response:
    """Examine pictures, and go on to their answer; the settings of the page before stay."""
    query = await examined(server, caller, image, "search")
    return await leading_on(server, caller, query, state)


async def leading_on(server: State, caller: Caller, query: Pictures, state: str = "") -> Response:
    """Go on to the answer about pictures; the settings of the page before stay.

    Slices of a series are asked about as one, and series are what is looked for, if any are stored.
    """
    kept = Address.parsed("/search", state).only(*LASTING)
    address = Address("/search", [("q", query.key), *kept])
    of_series = query.is_series and SERIES in await _facets(server, caller)
    return RedirectResponse(address.having(per=SERIES) if of_series else str(address), 303)


async def _facets(server: State, caller: Caller) -> dict[str, dict[str, int]]:
    return await server.pool.run(caller.name, server.served.facets, caller.within("search"))


@router.get("/search")
async def search(
    request: Request,
    server: Server,
    caller: Searching,
    render: Render,
    wish: Wished,
    shown: Shown,
    kept: Annotated[str, Query(max_length=WORD)] = "",
) -> Response:
    """Show the verdict and the hits: of pictures that were given, or of a stored one.

    It says that one of the hits was just put on a list, where that is the caller's.
    """
    asked = await shown.asked(server, caller)
    shown.complete(wish)
    found = await answered(server, caller, asked, wish)
    address = Address.of(request)
    within = caller.within("search")
    facets = await _facets(server, caller)
    places = await server.pool.run(caller.name, server.served.collections, within)
    query = None if isinstance(asked, str) else asked
    page = render(
        request,
        "search.html",
        served=server.served,
        query=query,
        box=shown.box,
        whole=asked_before(server, caller, query.key) if query else None,
        place=query.deciding(found.answer).place if query else None,
        stored=server.served.entry(asked, within) if isinstance(asked, str) else None,
        found=found,
        answer=found.answer,
        wish=wish,
        patients=shown.patients,
        series=SERIES if query and query.is_series and SERIES in facets else None,
        facets=({"collection": places} if len(places) > 1 else {}) | facets,
        chosen=pairs_of(wish.where),
        examples=[*wish.like, *wish.unlike],
        address=address,
        kept_on=await _title(server, caller, kept),
        most=MOST_HITS,
    )
    # A form sends its empty fields too; the address that stays does not need them.
    page.headers["HX-Push-Url"] = str(address)
    return page


async def _title(server: State, caller: Caller, key: str) -> str | None:
    """Return what the caller calls a list; None of a list that is not theirs."""
    lists = await run_in_threadpool(server.lists.of, caller.name) if key else []
    return next((one.title for one in lists if one.key == key), None)


@router.get("/export")
async def export(
    server: Server,
    caller: Exporting,
    wish: Wished,
    shown: Shown,
    form: Form = "csv",
) -> Response:
    """Save the answer that a page shows."""
    asked = await shown.asked(server, caller)
    shown.complete(wish)
    found = await answered(server, caller, asked, wish, "export")
    return await as_file(server, caller, found, form)

"""Search, check, similar and feedback."""

from typing import Annotated, Any

from fastapi import APIRouter, File, Query, Response, UploadFile
from starlette.exceptions import HTTPException

from acir.api.asking import Wish, Wished, answered, asked_before, examined
from acir.api.exporting import Form, as_file
from acir.api.fetching import fetched
from acir.api.problems import problems
from acir.api.schemas import PREFIX, WORD, Answer, Feedback, Named, Verdict
from acir.api.security import Checking, Exporting, Guarded, Searching, may
from acir.api.state import Server
from acir.workflows.search import check_line
from acir.workflows.serving import answering
from acir.workflows.serving.pacs import Wanted

router = APIRouter(prefix=PREFIX, route_class=Guarded, tags=["search"])
Images = Annotated[
    list[UploadFile], File(description="DICOM, PNG, JPEG, TIFF or BMP; several are views of a case")
]
Id = Annotated[str, Query(max_length=WORD, description="of a stored picture")]
Key = Annotated[str, Query(max_length=WORD, description="of an earlier answer")]


@router.post("/search", response_model=Answer)
async def search(server: Server, caller: Searching, wish: Wished, image: Images) -> Any:  # noqa: ANN401 - checked by the model
    """Retrieve the stored pictures most like one picture, or like several views of one case."""
    query = await examined(server, caller, image, "search")
    return {"key": query.key} | answering.line(await answered(server, caller, query, wish))


@router.post(
    "/search/pacs",
    response_model=Answer,
    dependencies=[may("fetch")],
    responses=problems(502),
)
async def search_pacs(server: Server, caller: Searching, wish: Wished, named: Named) -> Any:  # noqa: ANN401 - as above
    """Fetch a picture from the PACS, or a series or a study as views of one case, and search."""
    query = await fetched(server, caller, Wanted(named.uid, named.orthanc))
    return {"key": query.key} | answering.line(await answered(server, caller, query, wish))


@router.get("/search", response_model=Answer)
async def search_again(server: Server, caller: Searching, wish: Wished, key: Key) -> Any:  # noqa: ANN401 - as above
    """Search once more by the pictures of an earlier answer, in another way."""
    query = asked_before(server, caller, key)
    return {"key": key} | answering.line(await answered(server, caller, query, wish))


@router.get("/similar", response_model=Answer)
async def similar(server: Server, caller: Searching, wish: Wished, id: Id) -> Any:  # noqa: ANN401 - its name in the address
    """Retrieve the stored pictures most like a stored one."""
    return {"key": None} | answering.line(await answered(server, caller, id, wish))


@router.post("/feedback", response_model=Answer)
async def feedback(server: Server, caller: Searching, said: Feedback) -> Any:  # noqa: ANN401 - as above
    """Search once more, nearer to hits that were right and farther from those that were wrong."""
    if (said.key is None) == (said.id is None):
        raise HTTPException(422, "give either key or id, of what was asked first")
    asked = said.id if said.id is not None else asked_before(server, caller, said.key or "")
    wish = Wish(k=said.k, like=said.positive, unlike=said.negative)
    return {"key": said.key} | answering.line(await answered(server, caller, asked, wish))


@router.post("/check", response_model=list[Verdict])
async def check(server: Server, caller: Checking, image: Images) -> Any:  # noqa: ANN401 - as above
    """Say of each picture whether it is of a kind that the model knows."""
    query = await examined(server, caller, image, "check")
    return [_verdict(check_line(view.name, view.verdict)) for view in query.views]


@router.get(
    "/export",
    response_class=Response,
    responses={200: {"content": {"text/csv": {}, "application/json": {}, "application/dicom": {}}}},
)
async def export(
    server: Server,
    caller: Exporting,
    wish: Wished,
    key: Annotated[str | None, Query(max_length=WORD)] = None,
    id: Annotated[str | None, Query(max_length=WORD)] = None,
    form: Form = "csv",
) -> Response:
    """Return an answer as a file: by the key of an earlier one, or by a stored picture's id."""
    if (key is None) == (id is None):
        raise HTTPException(422, "give either key or id, of what was asked")
    asked = id if id is not None else asked_before(server, caller, key or "")
    found = await answered(server, caller, asked, wish, "export")
    return await as_file(server, caller, found, form)


def _verdict(found: dict[str, Any]) -> dict[str, Any]:
    scores = {key: answering.rounded(p) for key, p in found["scores"].items()}
    return found | {"p_value": answering.rounded(found["p_value"]), "scores": scores}

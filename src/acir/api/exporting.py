"""An answer as a file to keep."""

from functools import partial
from typing import Annotated, Literal

from fastapi import Query, Response

from acir.api.security import Caller
from acir.api.state import State
from acir.workflows.serving import answering
from acir.workflows.serving.answering import Answered

MEDIA = {"csv": "text/csv; charset=utf-8", "json": "application/json", "sr": "application/dicom"}
NAMES = {"csv": "answer.csv", "json": "answer.json", "sr": "answer.dcm"}
TEXTS = {"csv": answering.as_csv, "json": answering.as_json}

Form = Annotated[
    Literal["csv", "json", "sr"],
    Query(alias="format", description="sr: a DICOM structured report about one DICOM image"),
]


async def as_file(state: State, caller: Caller, found: Answered, form: str) -> Response:
    """Return an answer as a file that a browser saves.

    Raises:
        UsageError: There is no report of this answer.
        FullError: Too many wait already.
    """
    write = partial(answering.as_report, state.served) if form == "sr" else TEXTS[form]
    content = await state.pool.run(caller.name, write, found)
    named = {"Content-Disposition": f'attachment; filename="{NAMES[form]}"'}
    return Response(content, media_type=MEDIA[form], headers=named)

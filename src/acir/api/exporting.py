"""An answer as a file to keep."""

from typing import Annotated, Literal

from fastapi import Query, Response

from acir.workflows.serving import answering
from acir.workflows.serving.answering import Answered

MEDIA = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
WRITERS = {"csv": answering.as_csv, "json": answering.as_json}

Form = Annotated[Literal["csv", "json"], Query(alias="format")]


def as_file(found: Answered, form: str) -> Response:
    """Return an answer as a file that a browser saves."""
    named = {"Content-Disposition": f'attachment; filename="answer.{form}"'}
    return Response(WRITERS[form](found), media_type=MEDIA[form], headers=named)

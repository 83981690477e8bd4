"""Ask about a picture of the PACS: by a form, or by a link in the PACS.

A name of the PACS stands in the address of such a link alone: what follows names the pictures by a
key that means nothing.
"""

from typing import Annotated

from fastapi import APIRouter, Form, Query
from starlette.responses import Response

from acir.api.fetching import fetched
from acir.api.pages.address import LONGEST
from acir.api.pages.answer import leading_on
from acir.api.schemas import WORD
from acir.api.security import Giving, Guarded, may
from acir.api.state import Server
from acir.errors import UsageError
from acir.workflows.serving.pacs import Wanted

router = APIRouter(route_class=Guarded)
Name = Annotated[str, Query(max_length=WORD)]


class Link:
    """What a link in the PACS names: UIDs by their level, or an Orthanc's own name."""

    def __init__(
        self, sop: Name = "", series: Name = "", study: Name = "", orthanc: Name = ""
    ) -> None:
        self.uids, self.orthanc = list(filter(None, (sop, series, study))), orthanc

    @property
    def is_given(self) -> bool:
        """Whether it names anything."""
        return bool(self.uids or self.orthanc)

    def wanted(self) -> Wanted:
        """Return what it names.

        Raises:
            UsageError: That is more than one thing.
        """
        if len(self.uids) > 1:
            raise UsageError("give one of sop, series and study")
        return Wanted("".join(self.uids), self.orthanc)


@router.post("/ask/pacs", dependencies=[may("fetch", form=True)])
async def ask(
    server: Server,
    caller: Giving,
    uid: Annotated[str, Form(max_length=WORD)],
    state: Annotated[str, Form(max_length=LONGEST)] = "",
) -> Response:
    """Fetch what has a UID, and go on to its answer."""
    query = await fetched(server, caller, Wanted(uid.strip()))
    return await leading_on(server, caller, query, state)

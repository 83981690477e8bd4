"""What an address asks about where it may say a region of a picture."""

from typing import Annotated

from fastapi import Query

from acir.api.asking import asked_before
from acir.api.security import Caller
from acir.api.state import State
from acir.workflows.serving.queries import Query as Pictures
from acir.workflows.serving.regions import Region, within

SIDES = 4
Box = Annotated[
    list[float] | None,
    Query(
        min_length=SIDES,
        max_length=SIDES,
        description="left, top, right and bottom of a region, in percent",
    ),
]


async def asked_about(server: State, caller: Caller, key: str, box: list[float] | None) -> Pictures:
    """Return pictures that the caller gave before, or a region of the only one, examined.

    Raises:
        HTTPException: They were forgotten, or are another's.
        UsageError: The region is none of a picture.
    """
    query = asked_before(server, caller, key)
    if box is None:
        return query
    return await server.pool.run(caller.name, within, query, Region(*box), server.served)

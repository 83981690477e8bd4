"""HTML pages: query by example, gallery, compare. Whatever a page shows is in its address."""

from fastapi import APIRouter

from acir.api.pages import (
    answer,
    compare,
    emergency,
    frames,
    history,
    lists,
    login,
    map,
    models,
    oversight,
    pacs,
    people,
    pictures,
    start,
)
from acir.api.security import Guarded


def pages() -> APIRouter:
    """Return all routes of the pages; the API's description leaves them out."""
    router = APIRouter(route_class=Guarded, include_in_schema=False)
    looking = (start, answer, pacs, compare, map, frames, pictures, history, lists)
    for part in (login, emergency, *looking, oversight, people, models):
        router.include_router(part.router)
    return router

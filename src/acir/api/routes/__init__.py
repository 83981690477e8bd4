"""JSON routes of the API, version 1, each calling one workflow."""

from fastapi import APIRouter

from acir.api.problems import RESPONSES
from acir.api.routes import changing, records, searching
from acir.api.security import Guarded


def api() -> APIRouter:
    """Return all routes of the API."""
    router = APIRouter(route_class=Guarded, responses=RESPONSES)
    for part in (searching, records, changing):
        router.include_router(part.router)
    return router

"""Whether the server is well, what it counts, and what its API is."""

from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.concurrency import run_in_threadpool

from acir.api.problems import RESPONSES
from acir.api.schemas import Readiness, State
from acir.api.security import Guarded, Known, everyone, may
from acir.api.state import Server


def service() -> APIRouter:
    """Return the routes that run the server."""
    router = APIRouter(route_class=Guarded, tags=["service"], responses=RESPONSES)
    router.add_api_route("/healthz", healthz, dependencies=[everyone()], response_model=State)
    router.add_api_route(
        "/readyz", readyz, response_model=Readiness, response_model_exclude_none=True
    )
    router.add_api_route("/metrics", metrics, dependencies=[may("review")], response_class=Response)
    router.add_api_route("/openapi.json", openapi, include_in_schema=False)
    return router


async def healthz() -> dict[str, str]:
    """Say that the server runs."""
    return {"status": "ok"}


async def readyz(server: Server, caller: Known) -> dict[str, str]:
    """Say that the index can be searched, and that its model may answer; and of the PACS."""
    await run_in_threadpool(server.require_approval)
    await server.pool.run(caller.name, server.served.described, frozenset())
    if server.pacs is None:
        return {"status": "ok"}
    # Pictures that are at hand can be searched all the same, so its absence is no failure.
    lost = await run_in_threadpool(server.pacs.trouble)
    return {"status": "ok", "pacs": "not found" if lost else "ok"}


async def metrics(server: Server) -> Response:
    """Return what is counted, in Prometheus' text format."""
    return Response(server.metrics.page(), media_type=CONTENT_TYPE_LATEST)


async def openapi(request: Request, caller: Known) -> dict[str, Any]:
    """Return what the API is, as OpenAPI 3.1."""
    return described(request.app)


def described(app: FastAPI) -> dict[str, Any]:
    """Return what the API of an application is, as OpenAPI 3.1; it is put together once."""
    if app.openapi_schema is not None:
        return app.openapi_schema
    found: dict[str, Any] = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    schemes = {"token": {"type": "http", "scheme": "bearer"}}
    found.setdefault("components", {})["securitySchemes"] = schemes
    app.openapi_schema = found | {"security": [{"token": []}]}
    return app.openapi_schema

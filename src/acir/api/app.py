"""The application: routes, headers, limits; no global state."""

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from getpass import getuser
from pathlib import Path

from fastapi import FastAPI
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.staticfiles import StaticFiles

from acir import __version__
from acir.api.limits import MB, Limits
from acir.api.log import Watch
from acir.api.log import log as lines
from acir.api.metrics import Metrics
from acir.api.pages import pages
from acir.api.pages.rendering import STATIC, Renderer
from acir.api.pool import Pool
from acir.api.problems import Problems
from acir.api.routes import api
from acir.api.security import Doorkeeper
from acir.api.service import service
from acir.api.state import State
from acir.api.words import Catalogues
from acir.governance.audit import Actor, AuditEvent, AuditLog
from acir.governance.events import Outcome
from acir.governance.federation import Federation
from acir.governance.lists import Lists
from acir.governance.people import People
from acir.governance.provider import Provider
from acir.governance.sessions import Sessions
from acir.governance.vault import Vault
from acir.workflows.recording import described
from acir.workflows.serving.additions import Additions, Job
from acir.workflows.serving.approval import Approval
from acir.workflows.serving.maps import Maps
from acir.workflows.serving.pacs import Pacs
from acir.workflows.serving.queries import Queries
from acir.workflows.serving.seen import Seen
from acir.workflows.serving.served import Served
from acir.workflows.serving.settings import LimitsTable, ServeSettings

FIELDS = 64  # of a form
DESCRIPTION = (
    "Retrieve similar medical images, and know when not to answer. Not a medical device. Programs "
    "send an API token: `Authorization: Bearer acir_...`."
)


def create_app(settings: ServeSettings) -> FastAPI:
    """Make the application of one index; it opens the index when it starts.

    Args:
        settings: How it is to run.

    Raises:
        UsageError: The index cannot be opened, or its model is not in service; when it starts.
    """
    words, metrics = Catalogues(), Metrics()
    secure = settings.server.is_encrypted
    renderer = Renderer(words, settings)
    problems = Problems(renderer.error)
    app = FastAPI(
        title="acir",
        version=__version__,
        description=DESCRIPTION,
        openapi_url=None,  # a route of our own, which not everybody may call
        docs_url=None,
        redoc_url=None,
        form_limits={"max_files": settings.limits.views, "max_fields": FIELDS},
        lifespan=partial(_running, settings=settings, words=words, metrics=metrics),
    )
    app.state.renderer = renderer
    problems.install(app)
    for router in (service(), api(), pages()):
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    limits = settings.limits
    # The last that is added is the first that sees a request.
    app.add_middleware(
        Limits, turn_away=problems, most_mb=limits.upload_mb, seconds=limits.upload_s
    )
    app.add_middleware(
        Doorkeeper,
        state=lambda: app.state.acir,
        turn_away=problems,
        failed=problems.of,
        secure=secure,
    )
    if settings.server.called:
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(settings.server.called))
    app.add_middleware(Watch, metrics=metrics)
    return app


@asynccontextmanager
async def _running(
    app: FastAPI, *, settings: ServeSettings, words: Catalogues, metrics: Metrics
) -> AsyncIterator[None]:
    """Open the index, its people and its log for as long as the application runs."""
    folder = Path(settings.index)
    limits = settings.limits
    with ExitStack() as opened:
        served = opened.enter_context(Served.open(folder))
        approval = _approval(settings, served, opened)
        log = opened.enter_context(AuditLog.create(folder))
        vault = opened.enter_context(Vault(folder, log))
        pacs = opened.enter_context(Pacs(settings.pacs, limits.views)) if settings.pacs else None
        if pacs is not None and (trouble := pacs.trouble()):
            lines.warning("the PACS cannot be asked for now: %s", trouble)
        pool, fetching, entering = (_pool(limits, opened) for _ in range(3))
        maps = Maps(served)
        opened.callback(maps.close)
        metrics.waiting.set_function(lambda: sum(one.waiting for one in (pool, fetching, entering)))
        actor = Actor(getuser())
        additions = opened.enter_context(Additions(folder, partial(_added, log, served)))
        model = served.searcher.bundle.id
        log.append(AuditEvent("start", actor, index=served.name, model=model))
        app.state.acir = State(
            settings=settings,
            served=served,
            approval=approval,
            log=log,
            people=People(vault),
            sessions=Sessions(vault),
            lists=Lists(vault),
            federation=_federation(settings, vault, opened),
            queries=Queries(int(limits.kept_mb * MB)),
            seen=Seen(),
            pacs=pacs,
            maps=maps,
            additions=additions,
            pool=pool,
            fetching=fetching,
            entering=entering,
            metrics=metrics,
            words=words,
        )
        yield
        log.append(AuditEvent("stop", actor, index=served.name, model=model))


def _pool(limits: LimitsTable, opened: ExitStack) -> Pool:
    pool = Pool(limits.workers, limits.waiting, limits.answer_s)
    opened.callback(pool.close)
    return pool


def _approval(settings: ServeSettings, served: Served, opened: ExitStack) -> Approval | None:
    """Return what says whether the model may answer, where a registry is configured."""
    if settings.models is None:
        return None
    registry, bundle = Path(settings.models.registry), served.searcher.bundle.id
    return opened.enter_context(Approval(registry, bundle))


def _federation(settings: ServeSettings, vault: Vault, opened: ExitStack) -> Federation | None:
    """Return what signs people in whom an identity provider knows, where one is configured."""
    if settings.oidc is None:
        return None
    provider = Provider(settings.oidc, settings.oidc.secret())
    opened.callback(provider.close)
    return Federation(provider, vault)


def _added(log: AuditLog, served: Served, job: Job) -> None:
    """Record what became of the pictures that somebody wanted to be added."""
    event = described(served.searcher.store, "add", Actor(job.owner))
    count = sum(job.counts.get(key, 0) for key in ("new", "replaced"))
    outcome: Outcome = "success" if job.stage == "done" else "failed"
    log.append(
        replace(event, collection=job.collection, count=count, outcome=outcome, detail=job.stage)
    )

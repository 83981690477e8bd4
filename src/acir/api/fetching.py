"""From what a PACS calls a picture to the picture, in the audit log before anyone sees it."""

from dataclasses import replace

from starlette.exceptions import HTTPException

from acir.api.security import Caller
from acir.api.state import State
from acir.errors import AcirError
from acir.workflows.recording import described
from acir.workflows.serving.pacs import Pacs, Wanted
from acir.workflows.serving.queries import Query as Pictures
from acir.workflows.serving.queries import examine

ORIGIN = "from the PACS"


async def fetched(state: State, caller: Caller, wanted: Wanted) -> Pictures:
    """Fetch and examine pictures in a pool of their own and keep them for who asked for them.

    Raises:
        HTTPException: No PACS is configured.
        UsageError: The name is none, or what it names holds no picture.
        PacsError: The PACS does not have it, or cannot be used.
        FullError: Too many wait already.
        AuditError: It could not be recorded.
    """
    if state.pacs is None:
        raise HTTPException(404, "this server has no PACS; name one under [pacs] in its --config")
    return await state.fetching.run(caller.name, _fetched, state, state.pacs, caller, wanted)


def _fetched(state: State, pacs: Pacs, caller: Caller, wanted: Wanted) -> Pictures:
    # What was asked for is a name of the hospital's, which the log must not hold.
    event = described(state.served.searcher.store, "view", caller.actor)
    try:
        files = pacs.files(pacs.find(wanted))
        views = examine(state.served, files)
    except AcirError as error:
        said = f"{ORIGIN}: {type(error).__name__}"
        state.record(replace(event, outcome="failed", detail=said))
        raise
    patients = {view.patient for view in views} - {None}
    state.record(
        replace(
            event,
            patients=tuple(sorted(filter(None, patients))),
            query=views[0].digest,
            count=len(views),
            detail=ORIGIN,
        )
    )
    for view in views:
        state.metrics.verdicts.labels(view.verdict.verdict).inc()
    return state.queries.keep(caller.name, views, files.found.notices)

"""From what a request says to an answer that is in the audit log before it leaves."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated

from fastapi import Depends, Query, UploadFile
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from acir.api.schemas import EXAMPLES, WORD
from acir.api.security import Caller
from acir.api.state import State
from acir.errors import UsageError
from acir.governance.access import Verb
from acir.governance.audit import AuditEvent
from acir.workflows.recording import described, search_event
from acir.workflows.search import Request
from acir.workflows.serving import answering
from acir.workflows.serving.answering import Answered
from acir.workflows.serving.queries import Query as Pictures
from acir.workflows.serving.queries import examine
from acir.workflows.serving.served import Entry

HITS, MOST_HITS = 10, 200
Words = Annotated[list[Annotated[str, Query(max_length=WORD)]], Query(max_length=EXAMPLES)]


class Wish:
    """How a search is to be done, as an address says it; see `acir.search.Request`."""

    def __init__(
        self,
        k: Annotated[int, Query(ge=1, le=MOST_HITS, description="hits wanted")] = HITS,
        radius: Annotated[int | None, Query(ge=0, description="largest distance")] = None,
        threshold: Annotated[float, Query(ge=0, le=1, description="least similarity")] = 0.0,
        where: Annotated[Words, Query(description="key=value, repeated")] = [],  # noqa: B006 - FastAPI copies it
        mode: Annotated[str | None, Query(max_length=WORD, description="ranker")] = None,
        per: Annotated[str | None, Query(max_length=WORD, description="one hit a value")] = None,
        like: Annotated[Words, Query(description="ids of right hits")] = [],  # noqa: B006 - as above
        unlike: Annotated[Words, Query(description="ids of wrong hits")] = [],  # noqa: B006 - as above
        duplicates: Annotated[bool, Query(description="show near-duplicates")] = False,
        force: Annotated[bool, Query(description="answer unknown pictures too")] = False,
        risk: Annotated[float | None, Query(gt=0, lt=1, description="in place of k")] = None,
    ) -> None:
        self.k, self.radius, self.threshold = k, radius, threshold
        self.where, self.mode, self.per = list(filter(None, where)), mode or None, per or None
        self.like, self.unlike = like, unlike
        self.duplicates, self.force, self.risk = duplicates, force, risk

    def request(self, within: frozenset[str] | None) -> Request:
        """Return what a searcher takes.

        Args:
            within: Collections that the caller may search.

        Raises:
            UsageError: A filter is no key=value, or a picture is like and unlike.
        """
        return Request(
            k=self.k,
            radius=self.radius,
            where=pairs_of(self.where),
            mode=self.mode,
            per=self.per,
            like=tuple(self.like),
            unlike=tuple(self.unlike),
            keep_duplicates=self.duplicates,
            force=self.force,
            risk=self.risk,
            collections=within,
        )


Wished = Annotated[Wish, Depends()]


async def examined(
    state: State, caller: Caller, images: Sequence[UploadFile], verb: Verb
) -> Pictures:
    """Examine uploaded pictures in the pool and keep them for their owner.

    Only a check is recorded here: what is searched with them is recorded with its answer.

    Raises:
        FullError: Too many wait already.
        AuditError: A check could not be recorded.
    """
    files = [await image.read() for image in images]
    files = [data for data in files if data] or files[:1]  # a form left empty sends an empty file
    picked = [(data, None) for data in files]
    views = await state.pool.run(caller.name, examine, state.served, picked)
    for view in views:
        state.metrics.verdicts.labels(view.verdict.verdict).inc()
        if verb == "check":
            event = described(state.served.searcher.store, "check", caller.actor)
            event = replace(event, query=view.digest, verdict=view.verdict.verdict)
            await recorded(state, event)
    return state.queries.keep(caller.name, views)


def asked_before(state: State, caller: Caller, key: str) -> Pictures:
    """Return pictures that the caller gave before.

    Raises:
        HTTPException: They were forgotten, or are another's, which nobody is told apart.
    """
    found = state.queries.find(key, caller.name)
    if found is None:
        raise HTTPException(404, "these pictures are no longer kept; give them again")
    return found


async def answered(
    state: State, caller: Caller, asked: Pictures | str, wish: Wish, verb: Verb = "search"
) -> Answered:
    """Answer from the pool, and record it before anyone sees it.

    Raises:
        UsageError: What is wished for does not exist.
        FullError: Too many wait already.
        AuditError: It could not be recorded.
    """
    work = partial(_answer, state, caller, asked, wish, verb)
    return await state.pool.run(caller.name, work)


def _answer(
    state: State, caller: Caller, asked: Pictures | str, wish: Wish, verb: Verb
) -> Answered:
    request = wish.request(caller.within(verb))
    found = answering.answer(state.served, asked, request, wish.threshold)
    event = search_event(state.served.searcher.store, caller.actor, found.answer, found.asked)
    state.record(replace(event, action=verb))
    itself = [one.id for one in found.asked if isinstance(one, Entry)]
    state.seen.note(caller.actor, [*itself, *found.entries])
    return found


async def recorded(state: State, event: AuditEvent) -> None:
    """Write to the audit log without holding up others.

    Raises:
        AuditError: It could not be written.
    """
    await run_in_threadpool(state.record, event)


def pairs_of(texts: Iterable[str]) -> dict[str, str]:
    """Read filters, each of which a hit must meet.

    Raises:
        UsageError: One is no key=value, or a key comes twice: to let the last one win would search
            something else than was asked for.
    """
    found: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not (key and equals):
            raise UsageError(f"the filter {text!r} has no value; write it as key=value")
        if key in found:
            raise UsageError(f"the filter {key!r} is given twice; give it once")
        found[key] = value
    return found

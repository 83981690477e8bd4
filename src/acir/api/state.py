"""What the handlers of one server share; nothing of it is global."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from starlette.exceptions import HTTPException

from acir.api.metrics import Metrics
from acir.api.pool import Pool
from acir.api.words import Catalogues
from acir.governance.audit import AuditEvent, AuditLog
from acir.governance.federation import Federation
from acir.governance.lists import Lists
from acir.governance.people import People
from acir.governance.sessions import Sessions
from acir.workflows.serving.additions import Additions
from acir.workflows.serving.approval import Approval
from acir.workflows.serving.maps import Maps
from acir.workflows.serving.pacs import Pacs
from acir.workflows.serving.queries import Queries
from acir.workflows.serving.seen import Seen
from acir.workflows.serving.served import Served
from acir.workflows.serving.settings import ServeSettings

WITHDRAWN = (
    "the model of this server is no longer approved, so it does not answer; ask who runs it to "
    "approve the model again, or to serve an index of one that is"
)


@dataclass(frozen=True, eq=False)
class State:
    """Everything that lives as long as the server.

    Attributes:
        settings: How it is to run.
        served: The index.
        approval: Whether its model may answer; None where no registry is asked.
        log: The audit log of the index.
        people: Who may use it.
        sessions: How they are recognised.
        lists: The lists of cases that they keep.
        federation: Signs in those whom an identity provider knows; None without one.
        queries: The pictures that are being looked at.
        seen: The stored pictures that were lately recorded to be seen.
        pacs: The PACS whose pictures may be asked about; None without one.
        maps: The map of the index.
        additions: The pictures that are being added.
        pool: Where pictures are examined and answers made.
        fetching: Where pictures of the PACS are waited for, so that a slow one holds up no other
            answer.
        entering: Where people sign in: a password costs much work, on purpose, and nobody has to
            be known to ask for it.
        metrics: What is counted.
        words: What pages say, by language.
    """

    settings: ServeSettings
    served: Served
    approval: Approval | None
    log: AuditLog
    people: People
    sessions: Sessions
    lists: Lists
    federation: Federation | None
    queries: Queries
    seen: Seen
    pacs: Pacs | None
    maps: Maps
    additions: Additions
    pool: Pool
    fetching: Pool
    entering: Pool
    metrics: Metrics
    words: Catalogues

    def require_approval(self) -> None:
        """Refuse to answer with a model that is no longer in service.

        Raises:
            HTTPException: It is not.
            StorageError: The registry cannot be read.
        """
        if self.approval is not None and not self.approval.holds():
            raise HTTPException(503, WITHDRAWN)

    def record(self, event: AuditEvent) -> None:
        """Write to the audit log; what cannot be recorded must not be answered.

        Raises:
            AuditError: It could not be written.
        """
        self.log.append(event)


def of(request: Request) -> State:
    """Return the state of the server that a request came to."""
    state: State = request.app.state.acir
    return state


Server = Annotated[State, Depends(of)]

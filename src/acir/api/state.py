"""What the handlers of one server share; nothing of it is global."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from acir.api.metrics import Metrics
from acir.api.pool import Pool
from acir.api.words import Catalogues
from acir.governance.audit import AuditEvent, AuditLog
from acir.governance.federation import Federation
from acir.governance.lists import Lists
from acir.governance.people import People
from acir.governance.sessions import Sessions
from acir.workflows.serving.additions import Additions
from acir.workflows.serving.maps import Maps
from acir.workflows.serving.queries import Queries
from acir.workflows.serving.served import Served
from acir.workflows.serving.settings import ServeSettings


@dataclass(frozen=True, eq=False)
class State:
    """Everything that lives as long as the server.

    Attributes:
        settings: How it is to run.
        served: The index.
        log: The audit log of the index.
        people: Who may use it.
        sessions: How they are recognised.
        lists: The lists of cases that they keep.
        federation: Signs in those whom an identity provider knows; None without one.
        queries: The pictures that are being looked at.
        maps: The map of the index.
        additions: The pictures that are being added.
        pool: Where pictures are examined and answers made.
        metrics: What is counted.
        words: What pages say, by language.
    """

    settings: ServeSettings
    served: Served
    log: AuditLog
    people: People
    sessions: Sessions
    lists: Lists
    federation: Federation | None
    queries: Queries
    maps: Maps
    additions: Additions
    pool: Pool
    metrics: Metrics
    words: Catalogues

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

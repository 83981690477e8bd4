"""Who did what, counted."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from acir.errors import UsageError
from acir.governance.audit import AuditRecord
from acir.governance.events import PSEUDONYM


def chosen(
    records: Iterable[AuditRecord], since: date | None, until: date | None, patient: str | None
) -> Iterator[AuditRecord]:
    """Yield the records of some days, both included, and of one patient.

    Args:
        records: In order.
        since: First day in UTC; None for the first of all.
        until: Last day in UTC; None for the last of all.
        patient: Keyed hash; None for whatever the records are about.

    Raises:
        UsageError: The patient is no keyed hash.
    """
    if patient is not None and not PSEUDONYM.fullmatch(patient):
        raise UsageError(
            f"{patient!r} is no pseudonym of a patient; give the 32 hexadecimal digits that the "
            "index keeps"
        )
    first, last = since or date.min, until or date.max
    for record in records:
        if not first <= date.fromisoformat(record.time[:10]) <= last:
            continue
        if patient is None or patient in record.event.patients:
            yield record


def counts(records: Iterable[AuditRecord]) -> Mapping[str, Mapping[str, int]]:
    """Return how many records each user, action, outcome, verdict, collection and day has."""
    found = {name: Counter[str]() for name in (
        "user", "action", "outcome", "verdict", "collection", "day"
    )}  # fmt: skip
    for record in records:
        event = record.event
        found["user"][event.actor.user] += 1
        found["action"][event.action] += 1
        found["outcome"][event.outcome] += 1
        found["day"][record.time[:10]] += 1
        if event.verdict:
            found["verdict"][event.verdict] += 1
        for name in filter(None, event.collection.split("|")):
            found["collection"][name] += 1
    return {name: dict(sorted(counter.items())) for name, counter in found.items()}

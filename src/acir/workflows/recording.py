"""The audit records of an index that asks for them: written first, or nothing is done."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from getpass import getuser
from pathlib import Path

from acir.errors import AuditError, StorageError, UnreadableImageError
from acir.governance.access import EVERYWHERE
from acir.governance.audit import Actor, AuditEvent, AuditLog
from acir.index.entry import Entry
from acir.index.feeds import Step
from acir.index.filters import collection_of
from acir.index.store import Store
from acir.index.writer import Added
from acir.search import Asked, Examined, Witness, unwitnessed
from acir.types import Answer


def system_user() -> Actor:
    """Return who runs this process, as the operating system knows them."""
    return Actor(getuser())


def described(store: Store, action: str, by: Actor, pictures: Collection[Entry] = ()) -> AuditEvent:
    """Begin an event that says which index, which model and which pictures it is about.

    Args:
        store: The index.
        action: What is done.
        by: Who does it.
        pictures: Those of the index that it is done to. The event names their collections and
            their patients, and counts them.
    """
    return AuditEvent(
        action,
        by,
        model=store.model,
        index=store.folder.absolute().name,
        collection="|".join(sorted({collection_of(one.metadata) for one in pictures})),
        patients=tuple(sorted({one.patient for one in pictures if one.patient})),
        count=len(pictures),
    )


@contextmanager
def recorded(store: Store, event: AuditEvent) -> Iterator[None]:
    """Record an action on an audited index before it begins, and that it failed where it does.

    Raises:
        AuditError: The record could not be written; the action was not begun.
    """
    if not store.audited:
        yield
        return
    with AuditLog.open(store.folder) as log, logged(log, event):
        yield


@contextmanager
def logged(log: AuditLog, event: AuditEvent) -> Iterator[None]:
    """Write down an action before it begins, and that it failed where it does.

    Raises:
        AuditError: The record could not be written; the action was not begun.
    """
    log.append(event)
    try:
        yield
    except BaseException as error:
        with suppress(AuditError):  # what went wrong at first is what is to be told
            log.append(replace(event, outcome="failed", detail=type(error).__name__))
        raise


def note(store: Store, event: AuditEvent) -> None:
    """Record what an action on an audited index came to.

    Raises:
        AuditError: The record could not be written.
    """
    if store.audited:
        with AuditLog.open(store.folder) as log:
            log.append(event)


def begin_log(store: Store) -> None:
    """Begin the log of an audited index that is new."""
    if store.audited:
        AuditLog.create(store.folder).close()


@contextmanager
def adding(store: Store, collection: str | None) -> Iterator[Callable[[Added], Added]]:
    """Record that pictures are about to be added, and, once they are, how many."""
    event = replace(described(store, "add", system_user()), collection=collection or "")

    def done(added: Added) -> Added:
        note(store, replace(event, count=added.new + added.replaced, detail="done"))
        return added

    with recorded(store, replace(event, detail="begun")):
        yield done


@contextmanager
def elsewhere(store: Store, what: object) -> Iterator[Callable[[Added], Added]]:
    """Record nothing here, in place of `adding` or `recorded`.

    It is for a caller who knows who asks, and who records the change in their name: a change has
    one witness, as an answer has.
    """
    yield lambda added: added


@contextmanager
def following(store: Store, step: Step) -> Iterator[None]:
    """Record what one look at a PACS is about to bring and to erase, if anything."""
    by = system_user()
    with ExitStack() as begun:
        for action, count in (("add", len(step.entries)), ("delete", len(step.gone))):
            if count:
                event = replace(described(store, action, by), count=count, detail="from a PACS")
                begun.enter_context(recorded(store, event))
        yield


@contextmanager
def copying(store: Store, to: Path, action: str = "backup") -> Iterator[None]:
    """Record and remember that all pictures of an index are about to be copied to a place.

    One that fails leaves nothing there, and is remembered no longer.
    """
    event = described(store, action, system_user())
    count = int(store.info()["n"])
    with recorded(store, replace(event, collection=EVERYWHERE, count=count, detail=to.name)):
        is_known = to.absolute() in store.copies()
        store.keep_copy(to)
        try:
            yield
        except BaseException:
            if not is_known:
                with suppress(StorageError):  # what went wrong at first is what is to be told
                    store.forget_copy(to)
            raise


def witness_of(store: Store) -> Witness:
    """Return what records each answer of an audited index, for the user of this process."""
    if not store.audited:
        return unwitnessed
    by = system_user()

    def witness(answers: Sequence[tuple[Answer, Sequence[Asked]]]) -> None:
        with AuditLog.open(store.folder) as log:
            log.append(*(search_event(store, by, answer, asked) for answer, asked in answers))

    return witness


def search_event(store: Store, by: Actor, answer: Answer, asked: Sequence[Asked]) -> AuditEvent:
    """Say of an answer who got it, on what, from which collections, and whose pictures it shows.

    Args:
        store: What was searched.
        by: Who asked.
        answer: What they get.
        asked: The pictures that it is about. Of several views the first names the query.
    """
    shown = list(store.known([hit.id for hit in (*answer.hits, *answer.least)]).values())
    event = described(store, "search" if answer.mode else "check", by, shown)
    hashes = [_pixel_hash(one) for one in asked if not isinstance(one, UnreadableImageError)]
    return replace(
        event,
        patients=tuple(sorted({*event.patients, *filter(None, map(_patient, asked))})),
        query=next(iter(hashes), ""),
        verdict=answer.verdict.verdict if answer.verdict else "",
        detail=f"{len(asked)} views" if len(asked) > 1 else "",
    )


def _pixel_hash(asked: Examined | Entry) -> str:
    return asked.record.pixel_hash if isinstance(asked, Examined) else asked.pixel_hash


def _patient(asked: Asked) -> str | None:
    if isinstance(asked, Examined):
        return asked.record.patient
    return asked.patient if isinstance(asked, Entry) else None

"""A PACS followed into an index: what is new is fetched, what is gone is erased.

Gone is what the archive no longer lists; what it lists and does not give is tried again.

All that one look finds is committed together with the place that was reached. So the work may be
stopped at any moment, and what is done twice changes nothing.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from time import monotonic

from acir.amounts import amount
from acir.errors import (
    BusyError,
    PacsError,
    ServerError,
    UnreachableError,
    UnreadableImageError,
)
from acir.index.feeds import Step
from acir.pacs import guard
from acir.pacs.feed import Description, Feed
from acir.pacs.patience import Patience
from acir.pacs.record import dicom_record
from acir.pacs.settings import Server
from acir.pacs.wanted import is_wanted, terms_of
from acir.privacy.pseudonym import pseudonym
from acir.types import ImageRecord, Progress, Skipped
from acir.workflows.index_servers import up_to_date
from acir.workflows.pacs_target import Target, collected, encoded_records
from acir.workflows.recording import following

BATCH = 100  # instances of one commit
HOUR = 3600.0
LONGEST = 60.0  # seconds between two attempts to reach a server
# A PACS that lost its disk, or lists for another user, has less than before, and answers well.
FEW, LARGEST_SHARE = 10, 0.5  # instances, and of those that are known: more are not erased at once

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fetched:
    """An instance as it came; without data and a reason, it is not wanted."""

    handle: str
    id: str = ""
    data: bytes | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Compared:
    """What a server has beside what the index knows of it.

    Attributes:
        there: Hashed handles of all instances that it names.
        wanted: Handles of what is to be taken.
        unnamed: How many more it has and fails to name.
    """

    there: Set[str]
    wanted: list[str]
    unnamed: int = 0


Looked = tuple[Fetched, ImageRecord | Skipped | None]
"""An instance and its picture, why there is none, or None where it is not wanted."""


class Follower:
    """Follows one server.

    Args:
        server: Of the configuration.
        feed: What the server tells.
        target: Where its pictures go.
        progress: Shows long work.
        erase: Whether to erase what is gone, however much it is.

    Attributes:
        counts: Instances that were `taken`, not wanted (`passed`), `failed` or `gone`.
        next_at: When the next turn is due, on the monotonic clock.
        held_back: Why the last look did not erase what is gone; empty where it did.
    """

    def __init__(
        self, server: Server, feed: Feed, target: Target, progress: Progress, *, erase: bool
    ) -> None:
        self._server, self._feed, self._target, self._progress = server, feed, target, progress
        self._erase = erase
        self._state = target.store.feed(server.name)
        self._more = collected(server.collection)
        self._terms = terms_of(server)
        self._poll = server.poll_seconds or feed.poll_seconds
        self._reconcile_at = monotonic()
        self.counts = Counter[str](taken=0, passed=0, failed=0, gone=0)
        self.next_at = monotonic()
        self.held_back = ""
        self._failures = 0
        self._patience = Patience(server.name)

    def turn(self, say: Callable[[str], None]) -> None:
        """Look once, and say where that fails: the next turn goes on from what is committed."""
        try:
            self.look()
        except (PacsError, BusyError, ServerError) as error:
            if not self._failures:
                say(f"{error}; trying again")
                log.warning("%s", error)
            self._failures += 1
            longest = max(LONGEST, self._poll)
            self.next_at = monotonic() + min(self._poll * 2.0 ** min(self._failures, 20), longest)
            return
        if self._failures:
            say(f"the server {self._server.name} is followed again")
            log.info("%s: followed again", self._server.name)
        if self.held_back:
            say(self.held_back)
        self._failures, self.next_at = 0, monotonic() + self._poll

    def look(self) -> None:
        """Follow what changed, and reconcile where changes do not tell all or it is time.

        Raises:
            PacsError: The server cannot be used.
            StorageError: The index cannot be written.
            ServerError: The engine's server cannot be used.
        """
        self.held_back, self._patience = "", Patience(self._server.name)
        told_all = self._catch_up()
        if not told_all or self._state.due() or monotonic() >= self._reconcile_at:
            self.reconcile()
            self._reconcile_at = monotonic() + self._server.reconcile_hours * HOUR

    def _catch_up(self) -> bool:
        """Follow the changes since the last one; whether they lead from there to here."""
        cursor = self._state.cursor()
        while cursor is not None:
            found = self._feed.changes(cursor)
            if found.until < cursor:
                log.warning("%s: counts its changes anew", self._server.name)
                return False
            if found.until == cursor:
                return True
            self._take(self._unknown(found.handles), found.until)
            cursor = found.until
            if not self._feed.is_news:
                return True
        return False

    def reconcile(self) -> None:
        """Compare with all that the server has: erase what is gone, fetch what is missing.

        Where suspiciously much is gone, nothing is erased, and `held_back` says so.
        """
        cursor, last = self._state.cursor(), self._feed.last()
        found = self._compared()
        known, wanted = self._state.seen(), found.wanted
        gone = [handle for handle in known if handle not in found.there]
        self._tell_unnamed(found.unnamed)
        if gone and not self._holds_back(len(gone), len(known), found):
            self._commit(Step(gone=gone))
        if wanted:
            with self._progress(f"fetching from {self._server.name}", len(wanted)) as tick:
                for start in range(0, len(wanted), BATCH):
                    batch = wanted[start : start + BATCH]
                    self._take(batch, None)
                    tick(len(batch))
        if cursor is None or last < cursor:
            self._commit(Step(cursor=last))
        log.info(
            "%s: reconciled, %d there, %d gone, %d looked at",
            *(self._server.name, len(found.there), len(gone), len(wanted)),
        )

    def _tell_unnamed(self, unnamed: int) -> None:
        """Count what cannot be taken, as the server fails to name it."""
        if unnamed:
            self.counts["failed"] += unnamed
            log.warning("%s: fails to name %d of its instances", self._server.name, unnamed)

    def _holds_back(self, gone: int, known: int, found: Compared) -> bool:
        """Whether so much is gone that a person has to say that it is meant, or may not be gone."""
        few = gone <= FEW or gone <= LARGEST_SHARE * known
        if not found.unnamed and (self._erase or (found.there and few)):
            return False
        self.held_back = (
            f"the server {self._server.name} no longer lists {gone} of "
            f"{amount(known, 'instance', 'instances')} that the index has of it, "
        ) + (
            f"and fails to name {found.unnamed} that it has, so none was erased; restore there "
            "what it has lost, or delete it there"
            if found.unnamed
            else "so none was erased; check the server, or where they are gone on purpose, run "
            "acir pacs sync CONFIG --once --erase"
        )
        log.warning("%s", self.held_back)
        return True

    def _compared(self) -> Compared:
        listing = self._feed.listing()
        listed = {self._hashed(handle): handle for handle in listing.handles}
        known = self._state.known(self._terms)
        wanted = [handle for hashed, handle in listed.items() if known.get(hashed, True)]
        return Compared(listed.keys(), wanted, listing.unnamed)

    def close(self) -> None:
        """Close the connections."""
        self._feed.close()

    def _unknown(self, handles: Sequence[str]) -> Sequence[str]:
        """Leave out what is known where a feed gives again what it gave before."""
        if self._feed.is_news:
            return handles
        known = self._state.known(self._terms)
        return [handle for handle in handles if known.get(self._hashed(handle), True)]

    def _take(self, handles: Sequence[str], cursor: int | None) -> None:
        """Fetch, read, encode and commit instances together with the place that was reached."""
        self._enter(guard.warm().map(self._look, handles), self._terms, cursor)
        self._patience.require()  # after the commit: what was not asked for waits for its next try

    def _enter(self, looked: Iterable[Looked], terms: str, cursor: int | None) -> None:
        """Encode and commit what was found of some instances, all of it or nothing."""
        settled, failed = dict[str, str | None](), list[Skipped]()

        def records() -> Iterator[ImageRecord]:
            for fetched, found in looked:
                if isinstance(found, ImageRecord):
                    settled[fetched.handle] = found.id
                    yield found
                elif found is not None:
                    failed.append(found)
                else:
                    settled[fetched.handle] = None

        step = Step(
            entries=encoded_records(self._target, records()),
            terms=terms,
            settled=settled,
            failed=failed,
            retry=self._server.retry_seconds,
            cursor=cursor,
        )
        self._commit(step)

    def _look(self, handle: str) -> Looked:
        """Fetch and read an instance; several threads do so at once."""
        fetched = self._fetch(handle)
        return fetched, self._read(fetched, {})

    def _fetch(self, handle: str, described: Description | None = None) -> Fetched:
        hashed = self._hashed(handle)
        try:
            with self._patience.asking():
                found = described or self._feed.describe(handle)
                if not is_wanted(self._server, found):
                    return Fetched(hashed)
                name = pseudonym(self._target.key, "instance", found.uid)
                return Fetched(hashed, name, self._feed.file(handle))
        except UnreachableError as error:
            if not self._patience.has_ended:
                self._feed.last()  # raises the same where it is not this instance alone
            return Fetched(hashed, reason=str(error))
        except PacsError as error:
            return Fetched(hashed, reason=str(error))

    def _read(self, fetched: Fetched, more: Mapping[str, str]) -> ImageRecord | Skipped | None:
        if fetched.reason is not None:
            return Skipped(fetched.handle, fetched.reason)
        if fetched.data is None:
            return None
        try:
            picture = guard.warm().read(fetched.data, self._target.key, fetched.handle)
        except UnreadableImageError as error:
            return Skipped(fetched.handle, error.reason, error.code)
        if picture.id != fetched.id:
            return Skipped(fetched.handle, "the file is of another instance than was asked for")
        return dicom_record(picture, more={**self._more, **more})

    def _commit(self, step: Step) -> None:
        with up_to_date(self._target.store), following(self._target.store, step):
            self._state.follow(step)
        wanted = sum(name is not None for name in step.settled.values())
        self.counts.update(
            taken=wanted,
            passed=len(step.settled) - wanted,
            failed=len(step.failed),
            gone=len(step.gone),
        )
        for failure in step.failed:
            log.warning("%s: %s: %s", self._server.name, failure.path, failure.reason)

    def _hashed(self, handle: str) -> str:
        return pseudonym(self._target.key, "source", f"{self._server.name}/{handle}")

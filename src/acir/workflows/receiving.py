"""Pictures that are sent to us, into an index: a sender is told of success when they are stored."""

import logging
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, Full, Queue

from acir.errors import AcirError, UnreadableImageError
from acir.index.feeds import Step
from acir.pacs import guard
from acir.pacs.record import dicom_record
from acir.pacs.scp import Status
from acir.types import ImageRecord
from acir.workflows.index_servers import up_to_date
from acir.workflows.pacs_target import Target, collected, encoded_records
from acir.workflows.recording import following

BATCH = 100  # pictures of one commit
ROOM = 200  # pictures that wait
PATIENCE = 60.0  # seconds that a sender waits for its picture to be stored
SECONDS = 0.2  # between two looks at whether this is to end

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class _Received:
    """A picture that waits, and whom its fate is told to."""

    record: ImageRecord
    fate: "Future[Status]" = field(default_factory=Future)


class Intake:
    """Takes files from several threads and commits their pictures together.

    Args:
        target: Where the pictures go.
        collection: Which collection of the index.

    Attributes:
        counts: Files that were `taken`, could not be read (`failed`) or came when there was no
            room (`refused`).
    """

    def __init__(self, target: Target, collection: str) -> None:
        self._target, self._more = target, collected(collection)
        self._waiting: Queue[_Received] = Queue(ROOM)
        self.counts = Counter[str](taken=0, failed=0, refused=0)

    def receive(self, data: bytes) -> Status:
        """Read a file and wait until its picture is stored; called by the thread of its sender."""
        try:
            picture = guard.warm().read(data, self._target.key, "a file that was sent")
        except UnreadableImageError as error:
            self.counts["failed"] += 1
            log.warning("%s", error)
            return Status.CANNOT_UNDERSTAND
        received = _Received(dicom_record(picture, more=self._more))
        try:
            self._waiting.put(received, timeout=PATIENCE)
            return received.fate.result(PATIENCE)
        except (Full, TimeoutError):
            self.counts["refused"] += 1
            return Status.OUT_OF_RESOURCES

    def store(self) -> None:
        """Commit what waits, if anything comes soon."""
        batch = self._batch()
        if not batch:
            return
        try:
            records = (received.record for received in batch)
            step = Step(entries=encoded_records(self._target, records))
            with up_to_date(self._target.store), following(self._target.store, step):
                self._target.store.add(step.entries)
        except AcirError as error:  # such as a full disk: senders come again
            log.error("%s", error)
            self._tell(batch, Status.OUT_OF_RESOURCES)
            self.counts["refused"] += len(batch)
        except BaseException:
            self._tell(batch, Status.OUT_OF_RESOURCES)
            raise
        else:
            self._tell(batch, Status.STORED)
            self.counts["taken"] += len(batch)

    def close(self) -> None:
        """Let no sender wait any longer."""
        with suppress(Empty):
            while True:
                self._waiting.get_nowait().fate.set_result(Status.OUT_OF_RESOURCES)

    def _batch(self) -> list[_Received]:
        batch = list[_Received]()
        with suppress(Empty):
            batch.append(self._waiting.get(timeout=SECONDS))
            while len(batch) < BATCH:
                batch.append(self._waiting.get_nowait())
        return batch

    @staticmethod
    def _tell(batch: Sequence[_Received], status: Status) -> None:
        for received in batch:
            received.fate.set_result(status)

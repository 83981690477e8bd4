"""Ask a model about a picture: is it of a kind it knows, and which stored pictures are like it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Float16, UInt8
from torch import Tensor

from acir import codes
from acir.bundle import Bundle
from acir.content import embed, stored
from acir.errors import StorageError, UnreadableImageError, UsageError
from acir.index.store import Store
from acir.index.view import View
from acir.picture import UNNAMED, Picture, as_record
from acir.prep.pixels import to_unit
from acir.prep.preflight import Finding, preflight
from acir.privacy.pseudonym import fresh_key
from acir.ranking.base import cosine
from acir.tensors import Evidence
from acir.types import Answer, Hit, ImageRecord, Ranking, Verdict

SHORTLIST_FACTOR = 4
SHORTLIST_LEAST = 100
SHORTLIST_MOST = 5000  # beyond it a class of ties is cut, and the answer says so


@dataclass(frozen=True)
class Examined:
    """A picture as the model sees it; without evidence where the pre-flight refused it."""

    record: ImageRecord
    verdict: Verdict
    evidence: Evidence | None


@dataclass(frozen=True)
class Request:
    """How a search is to be done.

    Attributes:
        k: Hits wanted.
        radius: Largest Hamming distance of a hit; None for any.
        where: Metadata that hits must have, by key.
        mode: Ranker to use; None for the one that validation favoured.
        include_self: Whether a stored picture with the query's own pixels may be a hit.
        force: Whether an unknown query is answered all the same.
        least: Hits wanted from the other end of the retrieved set.
    """

    k: int = 10
    radius: int | None = None
    where: Mapping[str, str] | None = None
    mode: str | None = None
    include_self: bool = False
    force: bool = False
    least: int = 0

    def __post_init__(self) -> None:
        """Refuse to look for no picture at all."""
        if self.k < 1:
            raise UsageError(f"k is {self.k}, expected at least 1, the hits wanted")


class Model:
    """A bundle that answers whether it knows a picture's kind.

    Args:
        bundle: The trained model.
        key: Secret for the keyed hashes of patients; None for a fresh one.
    """

    def __init__(self, bundle: Bundle, key: bytes | None = None) -> None:
        self.bundle = bundle
        self.key = key or fresh_key()

    def check(self, picture: Picture) -> Verdict:
        """Say whether a picture is of a kind that the model knows.

        A picture that cannot be read is unknown, with the reason code `unreadable` or
        `truncated`.
        """
        try:
            record = as_record(picture, self.key)
        except UnreadableImageError as error:
            return self.refuse(error)
        return self.examine(record).verdict

    def examine(self, record: ImageRecord) -> Examined:
        """Encode one picture, alone and on one thread, and judge it.

        Alone and on one thread, because sums in another order differ in their last bits.
        """
        finding = preflight(record, to_unit(record))
        if finding is not None:
            return Examined(record, self.bundle.gate.refuse(finding), None)
        evidence = self.encode(record)
        return Examined(record, self.bundle.gate.judge(evidence)[0], evidence)

    def encode(self, record: ImageRecord) -> Evidence:
        """Encode one picture, whatever the gate may say of it."""
        with one_thread():
            return self.bundle.evidence(torch.from_numpy(self.bundle.prep(record)[None]))

    def refuse(self, error: UnreadableImageError) -> Verdict:
        """Return the verdict on a picture that cannot be read."""
        return self.bundle.gate.refuse(Finding(error.code, f"the picture is {error.code}"))

    def heat_map(self, evidence: Evidence) -> Float[Tensor, "height width"] | None:
        """Return where one picture differs from known ones, in standard deviations, or None."""
        maps = self.bundle.gate.heat_map(evidence)
        return None if maps is None else maps[0]


class Searcher(Model):
    """An index with the bundle that encoded it.

    Args:
        store: The index at rest; each answer shows one state of it, the newest.
        bundle: The model that encoded the index.
        key: Secret behind the keyed hashes in the index.
    """

    def __init__(self, store: Store, bundle: Bundle, key: bytes) -> None:
        super().__init__(bundle, key)
        self.store = store
        self._remembers = True

    def __enter__(self) -> "Searcher":
        """Return the searcher itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the store."""
        self.store.close()

    def __len__(self) -> int:
        """Return the number of stored pictures."""
        with self.store.view() as view:
            return len(view.gallery.keys)

    def search(self, picture: Picture, k: int = 10, **options: Any) -> Answer:  # noqa: ANN401 - those of `Request`
        """Retrieve the stored pictures most like one picture.

        A picture that the gate calls unknown gets no hits unless `force` is set. A stored picture
        with the query's own pixels, or of the query's own patient, is left out. Of the query, the
        index keeps the p-value and the day.

        Args:
            picture: What is asked.
            k: Hits wanted; fewer come back from a smaller index, with a notice.
            options: Further fields of `Request`.
        """
        name = str(picture) if isinstance(picture, str | Path) else UNNAMED
        try:
            record = as_record(picture, self.key)
        except UnreadableImageError as error:
            return self.unreadable(name, error)
        return self.answer(name, self.examine(record), Request(k=k, **options))

    def unreadable(self, name: str, error: UnreadableImageError) -> Answer:
        """Return the answer to a picture that cannot be read: unknown, without hits."""
        return Answer(name, self.refuse(error), self.bundle.mode, ())

    def answer(self, name: str, examined: Examined, request: Request) -> Answer:
        """Answer a request about a picture that was examined before.

        Raises:
            UsageError: The mode, the radius or a filter does not exist.
        """
        mode = self.bundle.mode_named(request.mode)
        self._refuse_radius(request.radius)
        remembered = self._remember(examined)
        if examined.verdict.verdict == "unknown" and not request.force:
            return Answer(name, examined.verdict, mode, (), remembered)
        evidence = examined.evidence or self.encode(examined.record)
        with self.store.view() as view:
            allowed = self._allowed(view, examined.record, request)
            ranking, notices = self._ranked(view, evidence, mode, allowed, request)
            best = self._hits(view, ranking, range(min(request.k, len(ranking))))
            first_least = max(len(best), len(ranking) - request.least)
            least = self._hits(view, ranking, range(first_least, len(ranking)))
        if len(best) < request.k:
            notices += (f"{len(best)} pictures can be retrieved, {request.k} were asked for",)
        return Answer(name, examined.verdict, mode, best, (*remembered, *notices), least)

    def _remember(self, examined: Examined) -> tuple[str, ...]:
        """Keep the p-value for `acir drift`; return a notice the first time that it cannot be.

        What the pre-flight refused has none.
        """
        if examined.evidence is None or not self._remembers:
            return ()
        try:
            self.store.keep_p_value(examined.verdict.p_value, datetime.now(UTC).date())
        except StorageError:
            self._remembers = False
            return ("the index cannot be written, so nothing is kept of queries for acir drift",)
        return ()

    def _allowed(self, view: View, record: ImageRecord, request: Request) -> Bool[np.ndarray, " n"]:
        wanted = view.select(request.where or {})
        allowed = wanted.copy()
        if record.patient is not None:
            allowed[view.same_patient(record.patient)] = False
        itself = view.same_pixels(record.pixel_hash)
        allowed[itself] = wanted[itself] if request.include_self else False
        return allowed

    def _ranked(
        self,
        view: View,
        evidence: Evidence,
        mode: str,
        allowed: Bool[np.ndarray, " n"],
        request: Request,
    ) -> tuple[Ranking, tuple[str, ...]]:
        queries, (embedding,) = coded(evidence)
        if request.radius is None:
            shortlist = max(SHORTLIST_FACTOR * request.k, SHORTLIST_LEAST)
            ((distances, rows),) = view.engine.tie_complete(queries, shortlist, allowed)
        else:
            ((distances, rows),) = view.engine.within(queries, request.radius, allowed)
        notices: tuple[str, ...] = ()
        if len(rows) > SHORTLIST_MOST:
            notices = (
                f"{len(rows)} pictures are as near by their codes; the first {SHORTLIST_MOST} by "
                "distance and id were ordered by content",
            )
            distances, rows = distances[:SHORTLIST_MOST], rows[:SHORTLIST_MOST]
        cosines = cosine(embedding, view.embeddings(rows))
        unset = np.full(len(rows), np.nan)
        found = Ranking(rows, distances, cosines, unset)
        return self.bundle.rankers[mode].rank(found), notices

    def _refuse_radius(self, radius: int | None) -> None:
        if radius is not None and not 0 <= radius <= self.store.bits:
            raise UsageError(
                f"the radius is {radius}, expected 0 to {self.store.bits}, the bits of the codes"
            )

    def _hits(self, view: View, ranking: Ranking, positions: range) -> tuple[Hit, ...]:
        chosen = ranking.take(np.array(positions, dtype=np.int64))
        entries = view.entries(chosen.rows)
        return tuple(
            Hit(
                rank=position + 1,
                id=entry.id,
                label=entry.label,
                distance=int(chosen.distances[i]),
                similarity=float(chosen.similarities[i]),
                path=entry.path,
            )
            for i, (position, entry) in enumerate(zip(positions, entries, strict=True))
        )


def coded(
    evidence: Evidence,
) -> tuple[UInt8[np.ndarray, "n bytes"], Float16[np.ndarray, "n dim"]]:
    """Return the codes and the embeddings of the pictures of `evidence`."""
    embeddings = embed(evidence.blended, evidence.logits, evidence.images)
    return codes.pack(evidence.logits.float().numpy()), stored(embeddings)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread, so that sums run in one order on any number of cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)

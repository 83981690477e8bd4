"""Ask an index about pictures: which stored ones are like them."""

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

from acir.answer_set import MOST
from acir.bundle import Bundle
from acir.errors import OutdatedError, UnreadableImageError, UsageError
from acir.index.embeddings import Embeddings
from acir.index.entry import Entry
from acir.index.store import Store
from acir.index.view import View
from acir.picture import UNNAMED, Picture, as_record, each
from acir.search.asking import Asking
from acir.search.finder import Finder
from acir.search.memory import Memory
from acir.search.model import Examined, Model, coded
from acir.search.probe import Examples, Probe, moved
from acir.search.promise import promised, refuse_other_ways
from acir.search.question import Question, is_withheld, joined
from acir.search.request import Request, requested, require_text, several_texts
from acir.search.stored import entries, require_within
from acir.types import Answer, Verdict

Asked = Examined | UnreadableImageError | Entry
"""What is known of a picture that is asked about: an entry is a stored one."""

Named = tuple[str, Asked]
"""What the caller calls a picture, and what is known of it."""

Witness = Callable[[Sequence[tuple[Answer, Sequence[Asked]]]], None]
"""Is shown answers, each with the pictures that it is about: several views have one answer."""


def unwitnessed(answers: Sequence[tuple[Answer, Sequence[Asked]]]) -> None:
    """Look away: the witness of an index that is not audited."""


class Searcher(Model, AbstractContextManager["Searcher"]):
    """An index with the bundle that encoded it: to be closed, shared by threads, not by processes.

    Args:
        store: The index at rest.
        bundle: The model that encoded the index.
        key: Secret behind the keyed hashes in the index.
        witness: Is shown every answer before the caller is; what it raises, the caller gets in
            place of the answers.
    """

    def __init__(
        self, store: Store, bundle: Bundle, key: bytes, witness: Witness = unwitnessed
    ) -> None:
        super().__init__(bundle, key)
        self._witness = witness
        self.store = store
        self._embeddings = Embeddings(store.dim)
        self._memory = Memory(store)

    def close(self) -> None:
        """Close the store and its engine; closing twice is harmless."""
        self.store.close()

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def __len__(self) -> int:
        """Return the number of stored pictures."""
        with self.store.view() as view:
            return len(view.gallery.codes)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a person should know of how the index is searched; see `Engine.remarks`."""
        with self.store.view() as view:
            return view.engine.remarks

    def check(self, picture: Picture) -> Verdict:
        """Say whether a picture is of a kind that the model knows, as `Model.check` does.

        The witness is shown an answer without a mode.
        """
        name, found = self._named(picture)
        verdict = found.verdict if isinstance(found, Examined) else self.refuse(found)
        self._witness([(Answer(name, verdict, "", ()), [found])])
        return verdict

    def search(self, picture: Picture, k: int = 10, **options: Any) -> Answer:  # noqa: ANN401 - those of `Request`
        """Retrieve the stored pictures most like one picture.

        A picture that the gate calls unknown gets no hits unless `force` is set. A stored picture
        with the query's own pixels or nearly so, or of the query's own patient, is left out, and
        so is one that is nearly a better hit. The index keeps the query's p-value and the day.

        Args:
            picture: What is asked.
            k: Hits wanted; fewer come back from a smaller index, with a notice.
            options: Further fields of `Request`.

        Raises:
            SourceError: There is nothing at the path, or more than one picture.
            UsageError: It is no picture, or the request is impossible: see `Request`.
        """
        return self.search_many([picture], k, **options)[0]

    def search_many(
        self,
        pictures: Iterable[Picture],
        k: int = 10,
        **options: Any,  # noqa: ANN401 - those of `Request`
    ) -> list[Answer]:
        """Answer each of several pictures as `search` would, with one scan of the codes.

        Args:
            pictures: What is asked.
            k: Hits wanted for each.
            options: Further fields of `Request`.

        Raises:
            UsageError: It is one picture alone, or as in `search`.
        """
        request = requested(k, options)
        return self.answers([self._named(picture) for picture in each(pictures)], request)

    def search_together(
        self,
        pictures: Iterable[Picture],
        k: int = 10,
        **options: Any,  # noqa: ANN401 - those of `Request`
    ) -> Answer:
        """Retrieve the stored cases most like several views of one case.

        A case is a picture, or with `per` all pictures that share a value. Its similarity is the
        mean over the views of the best similarity among its pictures. There is one verdict, at
        the same rate of false alarms as on one picture; see `Model.check_together`.

        Args:
            pictures: The views.
            k: Hits wanted.
            options: Further fields of `Request`.

        Raises:
            UsageError: There is no view, it is one picture alone, or as in `search`.
        """
        request = requested(k, options)
        return self.together([self._named(picture) for picture in each(pictures)], request)

    def search_stored(self, name: str, k: int = 10, **options: Any) -> Answer:  # noqa: ANN401 - those of `Request`
        """Retrieve the stored pictures most like a stored one, which is left out.

        Nothing is encoded and the gate is not asked: the answer has no verdict.

        Args:
            name: Id of the picture in the index.
            k: Hits wanted.
            options: Further fields of `Request`.

        Raises:
            UsageError: The index has no such picture, or the request is impossible.
        """
        require_text("name", name)
        request = requested(k, options)
        return self.answers(self.stored([name], request.collections), request)[0]

    def stored(self, ids: Sequence[str], within: Collection[str] | None = None) -> list[Named]:
        """Return stored pictures to ask about.

        Args:
            ids: Of the pictures.
            within: Collections that they may be of; None for all.

        Raises:
            UsageError: The index has no picture of an id in these collections, or it is one id.
        """
        with self.store.view() as view:
            wanted = several_texts("ids", ids)
            return [(entry.id, entry) for entry in entries(view, wanted, within)]

    def answers(self, asked: Sequence[Named], request: Request) -> list[Answer]:
        """Answer a request about each of some pictures that were examined before.

        Raises:
            UsageError: The mode, the radius, a filter, the key of cases or an id does not exist.
        """
        if any(isinstance(found, Entry) for _, found in asked):
            refuse_other_ways(request, "stored pictures")

        def answer(asking: Asking) -> list[Answer]:
            return self._answered(
                [self._question(name, found, asking) for name, found in asked], asking
            )

        answers = self._newest(answer, request)
        self._witness([(one, [found]) for one, (_, found) in zip(answers, asked, strict=True)])
        return [
            self._remembered(one, [found]) for one, (_, found) in zip(answers, asked, strict=True)
        ]

    def together(self, asked: Sequence[Named], request: Request) -> Answer:
        """Answer a request about several views of one case that were examined before.

        Raises:
            UsageError: There is no view, or as in `answers`.
        """
        if not asked:
            raise UsageError("there is no view to search by; give at least one picture")
        refuse_other_ways(request, "several views")

        def answer(asking: Asking) -> list[Answer]:
            # What is unknown alone is a view of what may not be; the verdict on all decides.
            every = replace(asking, request=replace(request, force=True))
            parts = [self._question(name, found, every) for name, found in asked]
            case = joined(parts, request, self.bundle.gate.judge_together)
            return self._answered([case], asking)

        (answered,) = self._newest(answer, request)
        self._witness([(answered, [found for _, found in asked])])
        return self._remembered(answered, [found for _, found in asked])

    def _newest(self, answer: Callable[[Asking], list[Answer]], request: Request) -> list[Answer]:
        """Answer from the newest state; from a newer one where a server's copy had gone on."""
        try:
            return self._once(answer, request)
        except OutdatedError:
            return self._once(answer, request)

    def _once(self, answer: Callable[[Asking], list[Answer]], request: Request) -> list[Answer]:
        with self.store.view() as view:
            return answer(self._asking(view, request))

    def _named(self, picture: Picture) -> tuple[str, Examined | UnreadableImageError]:
        name = str(picture) if isinstance(picture, str | Path) else UNNAMED
        try:
            return name, self.examine(as_record(picture, self.key))
        except UnreadableImageError as error:
            return name, error

    def _asking(self, view: View, request: Request) -> Asking:
        """Say what a request comes to in one state of the index; with a risk, k becomes `MOST`."""
        mode, examples = self._checked(view, request)
        promise = promised(self.bundle.answer_sets, request, view)
        if promise is not None:
            request = replace(request, k=MOST)
        return Asking(view, request, mode, examples, promise)

    def _checked(self, view: View, request: Request) -> tuple[str, Examples]:
        """Refuse what cannot be done before anything is; return the mode and the examples."""
        mode = self.bundle.mode_named(request.mode)
        if request.radius is not None and not 0 <= request.radius <= self.store.bits:
            raise UsageError(
                f"the radius is {request.radius}, expected 0 to {self.store.bits}, the bits of the "
                "codes"
            )
        liked, disliked = (
            entries(view, sorted(ids), request.collections)
            for ids in (request.like, request.unlike)
        )
        barred = view.named([*request.like, *request.unlike])
        return mode, Examples(liked, disliked, barred)

    def _question(
        self,
        name: str,
        found: Asked,
        asking: Asking,
    ) -> Question:
        if isinstance(found, UnreadableImageError):
            return Question(name, self.refuse(found), ())
        if isinstance(found, Entry):
            require_within(found, asking.request.collections)
            barred = asking.barred(found.patient, found.pixel_hash, found.metadata)
            probe = Probe(found.code, found.embedding, barred)
            return Question(name, None, (moved(probe, asking.examples),))
        if is_withheld(found.verdict, asking.request):
            return Question(name, found.verdict, ())
        evidence = found.evidence or self.encode(found.record)
        (code,), (embedding,) = coded(self.bundle.encoder, evidence)
        record = found.record
        barred = asking.barred(record.patient, record.pixel_hash, record.metadata)
        probe = Probe(code, embedding, barred)
        return Question(name, found.verdict, (moved(probe, asking.examples),))

    def _remembered(self, answer: Answer, asked: Sequence[Asked]) -> Answer:
        """Keep the p-values of what was answered, and say so where that cannot be done."""
        notices = self._memory.keep(one for one in asked if isinstance(one, Examined))
        return replace(answer, notices=(*notices, *answer.notices))

    def _answered(self, questions: Sequence[Question], asking: Asking) -> list[Answer]:
        asked = [question.views for question in questions if question.views]
        finder = Finder(asking.view, self._embeddings)
        ranker = self.bundle.rankers[asking.mode]
        found = iter(finder.find(asked, asking.request, ranker) if asked else ())
        return [
            asking.answer(question, next(found) if question.views else None)
            for question in questions
        ]

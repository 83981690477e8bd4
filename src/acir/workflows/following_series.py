"""An Orthanc followed series by series: each comes in whole, by the slices that speak for it.

A series is taken when it has become stable, and again when its instances are other ones than those
that were compared: one came late, or was deleted.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256

from acir.errors import PacsError, UnreachableError
from acir.index.feeds import Seen, Step
from acir.pacs import guard
from acir.pacs.orthanc import Member, OrthancSeries
from acir.pacs.place import Place, place_of
from acir.pacs.series import SLICES, chosen, remarks, stacks
from acir.pacs.settings import Server
from acir.pacs.wanted import is_wanted
from acir.privacy.pseudonym import pseudonym
from acir.types import Progress, Skipped
from acir.workflows.following import Compared, Fetched, Follower, Looked, log
from acir.workflows.pacs_target import Target


class SeriesFollower(Follower):
    """Follows the series of one server.

    Args:
        server: Of the configuration.
        feed: What the server tells.
        target: Where its pictures go.
        progress: Shows long work.
        erase: Whether to erase what is gone, however much it is.
    """

    def __init__(
        self,
        server: Server,
        feed: OrthancSeries,
        target: Target,
        progress: Progress,
        *,
        erase: bool,
    ) -> None:
        super().__init__(server, feed, target, progress, erase=erase)
        self._series = feed

    def _take(self, handles: Sequence[str], cursor: int | None) -> None:
        """Take each series as one, and commit the place that was reached after the last."""
        refused = dict[str, PacsError]()
        for handle in handles:
            try:
                members = self._series.members(handle, self._patience)
            except UnreachableError as error:
                if not self._patience.has_ended:
                    self._series.last()  # raises the same where it is not this series alone
                refused[handle] = error
            except PacsError as error:
                refused[handle] = error
            else:
                self._enter(self._looked_at(members), self._terms_of(members), None)
        if refused:
            self._enter(self._withheld(refused), self._terms, None)
        if cursor is not None:
            self._commit(Step(cursor=cursor))
        self._patience.require()

    def _compared(self) -> Compared:
        """Want each stable series of which an instance needs a look under the terms of all."""
        seen, there, wanted = self._state.seen(), set[str](), list[str]()
        for series in self._series.series():
            hashed = [self._hashed(handle) for handle in series.instances]
            there.update(hashed)
            terms = self._terms_of(series.instances)
            if series.is_stable and any(_needs_look(seen.get(h), terms) for h in hashed):
                wanted.append(series.handle)
        return Compared(there, wanted)

    def _looked_at(self, given: Mapping[str, Member | PacsError]) -> Iterator[Looked]:
        """Fetch and read the slices that speak for a series; the others are not wanted.

        They speak for what is left of it where the server does not give all of its instances.
        """
        members = {h: one for h, one in given.items() if isinstance(one, Member)}
        for handle, error in given.items():
            if isinstance(error, PacsError):
                hashed = self._hashed(handle)
                yield Fetched(hashed), Skipped(hashed, str(error))
        pictures = [h for h, m in members.items() if is_wanted(self._server, m.description)]
        found = stacks([self._place(members[handle]) for handle in pictures])
        for sentence in remarks(found):
            log.info("%s: a series: %s", self._server.name, sentence)
        words = {pictures[number]: about for number, about in chosen(found, SLICES)}

        def look(handle: str) -> Looked:
            fetched = self._fetch(handle, members[handle].description)
            return fetched, self._read(fetched, words[handle])

        yield from ((Fetched(self._hashed(h)), None) for h in members if h not in words)
        yield from guard.warm().map(look, words)

    def _place(self, member: Member) -> Place:
        name = pseudonym(self._target.key, "instance", member.description.uid)
        return place_of(member.words, id=name, series="", reference=member.reference)

    def _terms_of(self, handles: Iterable[str]) -> str:
        """Name the terms of a series, which are other ones when its instances are."""
        together = "\n".join(sorted(handles))
        return f"{self._terms}/{sha256(together.encode()).hexdigest()[:16]}"

    def _withheld(self, refused: Mapping[str, PacsError]) -> Iterator[Looked]:
        """Say of each instance of series that were refused why; what is not listed is gone."""
        for series in self._series.series():
            if series.handle in refused:
                for hashed in map(self._hashed, series.instances):
                    yield Fetched(hashed), Skipped(hashed, str(refused[series.handle]))


def _needs_look(seen: Seen | None, terms: str) -> bool:
    return seen is None or seen.needs_look(terms)

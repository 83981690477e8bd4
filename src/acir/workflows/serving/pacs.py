"""Pictures that someone asks about by what a PACS calls them."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass, replace
from itertools import groupby
from operator import itemgetter
from threading import Lock
from typing import TYPE_CHECKING

from acir.errors import PacsError, UnreachableError, UsageError
from acir.evaluation.retrieved import spread
from acir.pacs.feed import Listing
from acir.pacs.patience import Patience
from acir.pacs.series import SLICES, chosen, stacks
from acir.pacs.settings import PacsTable
from acir.workflows.serving.queries import Picked

if TYPE_CHECKING:
    from acir.pacs.orthanc import Orthanc
    from acir.pacs.qido import DicomWeb


@dataclass(frozen=True)
class Wanted:
    """What is asked for, by one name.

    Attributes:
        uid: UID of an instance, a series or a study.
        orthanc: What an Orthanc calls one of them.

    Raises:
        UsageError: Neither or both are given.
    """

    uid: str = ""
    orthanc: str = ""

    def __post_init__(self) -> None:
        """Refuse what names nothing, or two things."""
        if bool(self.uid) == bool(self.orthanc):
            raise UsageError("give either a UID or what the Orthanc calls it")


@dataclass(frozen=True)
class Found:
    """The pictures of what was asked for.

    Attributes:
        slices: Those that are to be looked at: the handle of an instance, and which frame of it, or
            None for the only one or the middle; in the order of the UIDs, of a series in that of
            its slices.
        total: How many of them there are, looked at or not.
        instances: How many the PACS has under the name.
        withheld: Those of them that it does not give.
    """

    slices: tuple[tuple[str, int | None], ...]
    total: int
    instances: int
    withheld: int = 0

    @property
    def notices(self) -> tuple[str, ...]:
        """What a reader should know of it."""
        return tuple(self._noticed())

    def _noticed(self) -> Iterator[str]:
        if len(self.slices) < self.total:
            yield f"{len(self.slices)} of {self.total} pictures are looked at, spread over all"
        if self.withheld:
            yield (
                f"the PACS does not give {self.withheld} of the {self.instances} instances that it "
                "has under this name; what it does not give was not looked at"
            )


class Pacs(AbstractContextManager["Pacs"]):
    """The PACS of the configuration, and no other; close it or use it as a context.

    Threads may share it. Where the name of the server cannot be resolved, each question tries it
    again, until it can; the addresses are kept from then on.

    Args:
        place: How it is reached.
        most: Instances of one question.

    Raises:
        ComponentError: What a PACS needs is not installed.
        UsageError: The address, the credentials or the certificates cannot be used.
    """

    def __init__(self, place: PacsTable, most: int) -> None:
        self._place, self._most = place, most
        self._reaching, self._opened = Lock(), ExitStack()
        self._servers: tuple[DicomWeb, Orthanc | None] | None = None
        self.trouble()  # what is wrong for good is told now

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections; closing twice is harmless."""
        self._opened.close()

    def trouble(self) -> str:
        """Return why it cannot be asked for now: its name cannot be resolved; empty if it can.

        Raises:
            UsageError: The name leads to where no PACS is.
        """
        try:
            self._reached()
        except UnreachableError as error:
            return str(error)
        return ""

    def _reached(self) -> "tuple[DicomWeb, Orthanc | None]":
        # Here, as a server without a PACS may not have what they need.
        from acir.pacs.orthanc import Orthanc  # noqa: PLC0415
        from acir.pacs.qido import DicomWeb  # noqa: PLC0415

        with self._reaching, ExitStack() as opened:
            if self._servers is None:
                place = self._place
                web = opened.enter_context(closing(DicomWeb(place)))
                orthanc = opened.enter_context(closing(Orthanc(place))) if place.orthanc else None
                self._servers, self._opened = (web, orthanc), opened.pop_all()
            return self._servers

    def find(self, wanted: Wanted) -> Found:
        """Return the pictures of an instance, a series or a study; of many, some of them.

        Of a series, and of a study of one, these are the slices that speak for it. An instance that
        is asked for by its own name is one picture.

        Raises:
            UsageError: The name is none, or this PACS is no Orthanc.
            GoneError: There is nothing of that name.
            PacsError: The PACS cannot be used.
        """
        web, orthanc = self._reached()
        uid = wanted.uid
        if wanted.orthanc:
            if orthanc is None:
                raise UsageError("the PACS of this server is not known as an Orthanc; give a UID")
            uid = orthanc.uid_of(wanted.orthanc)
        listing = web.named(uid)
        alone = listing.handles[0].endswith(f"/{uid}")
        patience = Patience(self._place.name)
        speaking = _every(listing) if alone else _speaking(web, patience, listing)
        few = spread(len(speaking.slices), self._most)
        return replace(speaking, slices=tuple(speaking.slices[place] for place in few))

    def files(self, found: Found) -> "Files":
        """Return the files of what was found, each of which is fetched when it is its turn.

        Raises:
            PacsError: The PACS cannot be used.
        """
        web, _ = self._reached()
        return Files(web, found, Patience(self._place.name))


class Files:
    """Files that are fetched one by one; those without pixels, as of reports, are left out.

    Args:
        web: Where they are.
        found: What is wanted.
        patience: With the PACS.

    Attributes:
        found: What was found, without what the PACS does not give of it when it is asked for.
    """

    def __init__(self, web: "DicomWeb", found: Found, patience: Patience) -> None:
        self._web, self.found, self._patience = web, found, patience

    def __iter__(self) -> Iterator[Picked]:
        """Fetch each.

        Raises:
            UsageError: None of them has pixels.
            PacsError: The PACS cannot be used, or gives none of them.
        """
        failure, empty = None, True
        for handle, group in groupby(self.found.slices, itemgetter(0)):
            slices = tuple(group)
            try:
                with self._patience.asking():
                    data = self._web.file(handle) if self._web.describe(handle).is_picture else None
            except UnreachableError:
                raise
            except PacsError as error:
                failure = error
                self._leave_out(slices)
                continue
            if data is not None:
                empty = False
                yield from ((data, frame) for _, frame in slices)
        if empty:
            raise failure or UsageError(
                "what the PACS has under this name is no picture; name another one"
            )

    def _leave_out(self, slices: tuple[tuple[str, int | None], ...]) -> None:
        self.found = replace(
            self.found,
            slices=tuple(one for one in self.found.slices if one not in slices),
            total=self.found.total - len(slices),
            withheld=self.found.withheld + 1,
        )


def _every(listing: Listing) -> Found:
    """Return all instances."""
    slices = tuple((handle, None) for handle in listing.handles)
    count = len(slices)
    return Found(slices, count, count + listing.unnamed, listing.unnamed)


def _speaking(web: "DicomWeb", patience: Patience, listing: Listing) -> Found:
    """Return the slices that speak for a series, or all instances of what is none."""
    series = {handle.rpartition("/")[0] for handle in listing.handles}
    given = web.places(series.pop(), patience) if len(series) == 1 else {}
    known = {handle: found for handle, found in given.items() if not isinstance(found, PacsError)}
    members = [(handle, place) for handle, places in known.items() for place in places]
    speaking = chosen(stacks([place for _, place in members]), SLICES)
    few = tuple((members[n][0], members[n][1].frame) for n, _ in speaking)
    if not few:
        return _every(listing)
    # What the server fails to list it may describe, and the other way round.
    instances = max(len(given), len(listing.handles) + listing.unnamed)
    return Found(few, len(members), instances, instances - len(known))

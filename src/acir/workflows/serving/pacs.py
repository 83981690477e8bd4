"""Pictures that someone asks about by what a PACS calls them."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass

from acir.errors import UsageError
from acir.evaluation.retrieved import spread
from acir.pacs.settings import PacsTable


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
    """The instances of what was asked for.

    Attributes:
        handles: Those that are to be looked at, in the order of their UIDs.
        total: How many there are.
    """

    handles: tuple[str, ...]
    total: int

    @property
    def notices(self) -> tuple[str, ...]:
        """What a reader should know of it."""
        if len(self.handles) == self.total:
            return ()
        return (f"{len(self.handles)} of {self.total} instances are looked at, spread over all",)


class Pacs(AbstractContextManager["Pacs"]):
    """The PACS of the configuration, and no other; close it or use it as a context.

    Threads may share it.

    Args:
        place: How it is reached.
        most: Instances of one question.

    Raises:
        ComponentError: What a PACS needs is not installed.
        UsageError: The address, the credentials or the certificates cannot be used.
        UnreachableError: The name of the server cannot be resolved.
    """

    def __init__(self, place: PacsTable, most: int) -> None:
        # Here, as a server without a PACS may not have what they need.
        from acir.pacs.orthanc import Orthanc  # noqa: PLC0415
        from acir.pacs.qido import DicomWeb  # noqa: PLC0415

        self._most = most
        with ExitStack() as opened:
            self._web = opened.enter_context(closing(DicomWeb(place)))
            self._orthanc = opened.enter_context(closing(Orthanc(place))) if place.orthanc else None
            self._opened = opened.pop_all()

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections; closing twice is harmless."""
        self._opened.close()

    def find(self, wanted: Wanted) -> Found:
        """Return the instances of an instance, a series or a study; of many, some of them.

        Raises:
            UsageError: The name is none, or this PACS is no Orthanc.
            GoneError: There is nothing of that name.
            PacsError: The PACS cannot be used.
        """
        uid = wanted.uid
        if wanted.orthanc:
            if self._orthanc is None:
                raise UsageError("the PACS of this server is not known as an Orthanc; give a UID")
            uid = self._orthanc.uid_of(wanted.orthanc)
        handles = self._web.named(uid)
        chosen = tuple(handles[place] for place in spread(len(handles), self._most))
        return Found(chosen, len(handles))

    def files(self, found: Found) -> Iterator[bytes]:
        """Fetch the files one by one; instances without pixels, as of reports, are left out.

        Raises:
            UsageError: None of them has pixels.
            PacsError: The PACS cannot be used.
        """
        empty = True
        for handle in found.handles:
            if self._web.describe(handle).is_picture:
                empty = False
                yield self._web.file(handle)
        if empty:
            raise UsageError("what the PACS has under this name is no picture; name another one")

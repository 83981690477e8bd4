"""What a PACS tells of its instances, whatever protocol it tells it by."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Description:
    """What decides whether an instance is wanted; it stays in memory.

    Attributes:
        uid: SOP Instance UID.
        sop_class: SOP Class UID.
        modality: Modality.
        body_part: Body Part Examined.
        is_picture: Whether it has rows of pixels.
        is_ours: Whether it is a result of acir, see `acir.pacs.own`.
    """

    uid: str
    sop_class: str
    modality: str
    body_part: str
    is_picture: bool
    is_ours: bool


@dataclass(frozen=True)
class Changes:
    """What changed.

    Attributes:
        handles: The PACS's own names for instances that are new, or were stored anew.
        until: Number of the last change; smaller than what was asked for where the PACS counts
            from the beginning again.
    """

    handles: tuple[str, ...]
    until: int


@dataclass(frozen=True)
class Listing:
    """What a PACS has.

    Attributes:
        handles: The PACS's own names for instances.
        unnamed: How many more there are that it fails to name, as where it has lost their files.
    """

    handles: tuple[str, ...]
    unnamed: int = 0


class Feed(ABC):
    """A PACS that can be followed.

    Attributes:
        poll_seconds: Usual time between two looks.
        is_news: Whether `changes` gives only what changed, so that each is to be looked at; else it
            may give again what is known.

    Every method may raise a `PacsError`.
    """

    poll_seconds: ClassVar[float]
    is_news: ClassVar[bool]

    @abstractmethod
    def changes(self, since: int) -> Changes:
        """Return the next changes after a number, so many as one answer holds."""

    @abstractmethod
    def last(self) -> int:
        """Return the number of the last change; an error where the server is away."""

    @abstractmethod
    def listing(self) -> Listing:
        """Return all instances."""

    @abstractmethod
    def describe(self, handle: str) -> Description:
        """Return what decides whether an instance is wanted."""

    @abstractmethod
    def file(self, handle: str) -> bytes:
        """Return the file of an instance."""

    @abstractmethod
    def close(self) -> None:
        """Close the connections."""

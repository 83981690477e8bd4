"""Every deliberate error of the package.

::

    AcirError                     exit code 1: the work failed
    ├── StorageError              the disk is full or cannot be written
    │   ├── BusyError             another process is writing there
    │   └── AuditError            the audit log cannot be used, so nothing is done
    ├── AccessError               whoever asks may not, or is not who they say they are
    │   └── LockedError           there were too many tries to log in
    ├── ServerError               a server that searches for an index cannot be used
    │   └── ProblemError          a server of acir refuses what it was asked
    ├── PacsError                 a PACS refuses, or gives what cannot be used
    │   ├── UnreachableError      it does not answer
    │   ├── SilentError           it did not answer one question in time
    │   ├── FailedError           it answered one question with status 500
    │   └── GoneError             it no longer has what was asked for
    ├── GuardError                no process that decodes files can be started
    ├── NotFittedError            a detector was asked to score before it was fitted
    └── UsageError                exit code 2: wrong use or bad input
        ├── RecipeError           a recipe with an unknown key or an impossible value
        ├── ComponentError        an unknown component, or one whose library is missing
        ├── SourceError           pictures that cannot be used as asked
        │   └── UnreadableImageError   one picture that cannot be decoded
        ├── BundleError           a bundle that is missing, altered or of another version
        ├── StoreError            an index that is missing, altered or of another version
        │   └── OutdatedError     another process has changed a server's copy meanwhile
        ├── TooManyHitsError      a radius holds more pictures than were allowed
        └── TooManyTiesError      more pictures tie than an engine can return

A message says what was given, what was expected and what to do, in one sentence.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from math import ceil
from typing import Literal


class AcirError(Exception):
    """Base of every deliberate error; `exit_code` is what the command line returns."""

    exit_code = 1


class StorageError(AcirError):
    """The disk is full or cannot be written; what was stored before remains valid."""


class ServerError(AcirError):
    """A server that searches for an index cannot be reached, or is not as it must be."""


class ProblemError(ServerError):
    """A server of acir refuses what it was asked, or cannot do it.

    Args:
        status: HTTP status of its answer.
        reason: What it says of it.
        wait: Seconds after which it may be asked again, where it says so.
    """

    def __init__(self, status: int, reason: str, wait: int | None = None) -> None:
        super().__init__(f"the server refuses (status {status}): {reason}")
        self.status, self.reason, self.wait = status, reason, wait


class PacsError(AcirError):
    """A PACS refuses what it is asked, or gives what cannot be used."""


class UnreachableError(PacsError):
    """A PACS does not answer."""


class SilentError(PacsError):
    """A PACS did not answer one question in time."""


class FailedError(PacsError):
    """A PACS failed at one question, as at an instance whose file it has lost."""


class GoneError(PacsError):
    """A PACS no longer has what it was asked for."""


class BusyError(StorageError):
    """Another process was writing to the index and did not finish in time."""


class AuditError(StorageError):
    """The audit log cannot be read or written; without its record nothing is done."""


class AccessError(AcirError):
    """Whoever asks may not do this, or could not show who they are."""


class LockedError(AccessError):
    """There were too many tries to log in; known and unknown names are told the same.

    Args:
        seconds: How long to wait; rounded up in `wait`.
    """

    def __init__(self, seconds: float) -> None:
        self.wait = ceil(seconds)
        super().__init__(f"there were too many tries to log in; wait {self.wait} s")


class GuardError(AcirError):
    """No process that decodes files can be started."""


class NotFittedError(AcirError):
    """A detector was asked to score before it was fitted or loaded."""


class UsageError(AcirError):
    """The caller gave something that cannot be used as it is."""

    exit_code = 2


class RecipeError(UsageError):
    """A recipe has an unknown key, a wrong type or a value out of range."""


class ComponentError(UsageError):
    """A component is unknown, or a library that it needs is not installed."""


class SourceError(UsageError):
    """A SOURCE is missing, empty or unfit for what was asked of it."""


class UnreadableImageError(SourceError):
    """One picture cannot be decoded.

    Args:
        path: Where it is, relative to its source.
        reason: Why, in words.
        code: `truncated` when the picture ends early, else `unreadable`.
    """

    def __init__(
        self, path: str, reason: str, code: Literal["unreadable", "truncated"] = "unreadable"
    ) -> None:
        # The name of a file may be no text, which nobody could print or store.
        self.path = path.encode(errors="backslashreplace").decode()
        super().__init__(f"cannot read {self.path}: {reason}")
        self.reason = reason
        self.code = code


class BundleError(UsageError):
    """A bundle is missing, altered, truncated or of another version."""


class StoreError(UsageError):
    """An index is missing, altered, truncated, of another version or of another model."""


class OutdatedError(StoreError):
    """A server's copy of an index is no longer of the state that is being searched."""


class TooManyHitsError(UsageError):
    """A radius holds more pictures than were allowed; none is left out silently."""


class TooManyTiesError(UsageError):
    """More pictures tie than an engine can return; none is left out silently."""


def suggestion(given: str, known: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for the nearest known name, or an empty string.

    Example:
        >>> suggestion("epoch", ["epochs", "batch"])
        " Did you mean 'epochs'?"
    """
    near = get_close_matches(given, list(known), n=1, cutoff=0.5)
    return f" Did you mean {near[0]!r}?" if near else ""

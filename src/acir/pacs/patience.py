"""When to give up on a server that lists instances and is silent about each of them."""

from collections.abc import Iterator
from contextlib import contextmanager

from acir.errors import PacsError, SilentError, UnreachableError

SILENCES = 10  # more than are asked for at once, which is 8: one stall of a server is forgiven


class Patience:
    """Counts the instances in a row that a server is silent about; threads may share it.

    Args:
        server: Its name.
    """

    def __init__(self, server: str) -> None:
        self._server, self._silences = server, 0

    @property
    def has_ended(self) -> bool:
        """Whether the server was silent about too many."""
        return self._silences >= SILENCES

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Ask about one instance in this block, unless the server was silent about too many.

        Raises:
            UnreachableError: It was; it is asked no more.
        """
        self.require()
        try:
            yield
        except SilentError:
            self._silences += 1
            raise
        except PacsError:
            self._silences = 0
            raise
        self._silences = 0

    def require(self) -> None:
        """Refuse to go on where the server was silent about too many.

        Raises:
            UnreachableError: It was.
        """
        if self.has_ended:
            raise UnreachableError(
                f"the server {self._server} was silent about {SILENCES} instances in a row, and is "
                "asked for no more; see whether it can read its files, then begin again"
            )

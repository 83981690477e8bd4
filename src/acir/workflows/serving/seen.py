"""Which stored pictures the audit log already says that somebody saw: once tells it for a while."""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from threading import Lock
from time import monotonic

from acir.governance.audit import Actor

SECONDS = 30 * 60.0  # after which who looks again is recorded again
MOST = 20_000  # pictures of all people together; the oldest go first


class Seen:
    """The pictures that somebody was lately recorded to see; threads may share it.

    It is in memory alone: a server that starts again records what is seen from then on.

    Args:
        clock: Tells the time.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._noted: OrderedDict[tuple[Actor, str], float] = OrderedDict()
        self._changing = Lock()

    def note(self, by: Actor, ids: Iterable[str]) -> None:
        """Remember pictures that a record tells of."""
        now = self._clock()
        with self._changing:
            for name in ids:
                self._noted.pop((by, name), None)
                self._noted[by, name] = now
            while len(self._noted) > MOST:
                self._noted.popitem(last=False)

    def has(self, by: Actor, name: str) -> bool:
        """Whether a record of the last half hour tells that somebody saw a picture."""
        with self._changing:
            noted = self._noted.get((by, name))
        return noted is not None and self._clock() - noted < SECONDS

"""What an index keeps of each picture asked about: p-value and day, for `acir drift`."""

from collections.abc import Iterable
from datetime import UTC, datetime

from acir.errors import StorageError
from acir.index.store import Store
from acir.search.model import Examined


class Memory:
    """Keeps p-values in an index, until that cannot be done.

    Args:
        store: The index at rest.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._writable = True

    def keep(self, asked: Iterable[Examined]) -> tuple[str, ...]:
        """Keep the p-value of each picture; what the pre-flight refused has none.

        Returns:
            A notice, the first time that one cannot be kept.
        """
        today = datetime.now(UTC).date()
        for one in asked:
            if one.evidence is None or not self._writable:
                continue
            try:
                self._store.keep_p_value(one.verdict.p_value, today)
            except StorageError:
                self._writable = False
                return (
                    "the index cannot be written, so nothing is kept of queries for acir drift",
                )
        return ()

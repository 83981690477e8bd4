"""A Milvus server: exact search of a collection that may be spread over machines.

Milvus returns rows of equal distance in any order and cuts every answer at 16,384 rows without a
word. So a search is two: the k nearest tell how far the k-th is, a second search returns all that
are no farther, and sorting is ours. A second answer that fills its page is an error. Only the
index BIN_FLAT is exact; a collection with another one is refused.
"""

import numpy as np
from jaxtyping import Int, UInt8

from acir.codes import BITS_PER_BYTE
from acir.errors import TooManyHitsError, TooManyTiesError
from acir.index import milvus_copy
from acir.index.engines.base import Allow, Engine, Found, Nearest, Queries, in_order, stacked
from acir.index.milvus_copy import LISTED, PAGE, MilvusCopy, batches
from acir.index.mirror import Mirror


class Milvus(Engine):
    """Let a Milvus server search; the collection is brought up to date when the index is opened."""

    on_server = True

    def __init__(
        self,
        codes: UInt8[np.ndarray, "n bytes"],
        keys: Int[np.ndarray, " n"],
        server: str,
        collection: str,
    ) -> None:
        """Connect, and make the collection hold what the gallery holds.

        User and password, or a token, are those of the environment: `MILVUS_USER`,
        `MILVUS_PASSWORD`, `MILVUS_TOKEN`.

        Args:
            codes: The gallery.
            keys: Number of each row in the store.
            server: `milvus://HOST[:PORT][/DATABASE]`.
            collection: Name of the collection.

        Raises:
            ServerError: The server cannot be used, or the collection's index is not exact.
        """
        super().__init__(codes)
        self._mirror = Mirror(codes, keys)
        self._copy = MilvusCopy(self._mirror, server, collection)

    def _knn(self, queries: Queries, k: int, allow: Allow) -> Nearest:
        answers = self._tie_complete(queries, k, allow)
        return stacked(answers, min(k, self.passing(allow)))

    def _within(self, queries: Queries, radius: int, allow: Allow, cap: int | None) -> list[Found]:
        answers = self._near(queries, radius, self._filters(allow))
        self._copy.refuse_another_state()
        if answers is None:
            raise TooManyHitsError(
                f"a query has {PAGE} or more pictures within {radius} bits, which Milvus cannot "
                "return whole; ask for a smaller radius or filter"
            )
        return answers

    def _tie_complete(self, queries: Queries, k: int, allow: Allow) -> list[Found]:
        found, filters = min(k, self.passing(allow)), self._filters(allow)
        answers: list[Found] = [(np.empty(0, np.int32), np.empty(0, np.int64))] * len(queries)
        if found == 0:
            return answers
        if found > PAGE:
            raise TooManyTiesError(
                f"{found} pictures were asked for, and Milvus returns at most {PAGE}; ask for fewer"
            )
        farthest = self._farthest(queries, found, filters)
        for radius in np.unique(farthest).tolist():
            asked = np.flatnonzero(farthest == radius)
            near = self._near(queries[asked], radius, filters)
            if near is None:
                raise TooManyTiesError(
                    f"{PAGE} or more pictures are as near as the {found} nearest, within {radius} "
                    "bits, which Milvus cannot return whole; use longer codes or another engine"
                )
            for i, answer in zip(asked.tolist(), near, strict=True):
                answers[i] = answer
        self._copy.refuse_another_state()
        return answers

    @classmethod
    def copies(cls, server: str) -> list[str]:
        """Return the names of all collections of a server."""
        return milvus_copy.names(server)

    @classmethod
    def drop(cls, server: str, collection: str) -> None:
        """Remove a collection from a server."""
        milvus_copy.drop(server, collection)

    def close(self) -> None:
        """Disconnect."""
        self._copy.close()

    def _farthest(self, queries: Queries, found: int, filters: list[str]) -> Int[np.ndarray, " q"]:
        """Return the distance of the `found`-th nearest code of each query."""
        parts = [self._copy.search(queries, {}, found, expression) for expression in filters]
        nearest = [np.concatenate([part[i][1] for part in parts]) for i in range(len(queries))]
        return np.array([np.sort(distances)[found - 1] for distances in nearest], dtype=np.int64)

    def _near(self, queries: Queries, radius: int, filters: list[str]) -> list[Found] | None:
        """Return all within a radius, or None when a page was filled."""
        strict = {"radius": min(radius, self._mirror.shape[1] * BITS_PER_BYTE) + 1}
        parts = []
        for expression in filters if radius >= 0 else ():
            part = self._copy.search(queries, strict, PAGE, expression)
            if any(len(keys) == PAGE for keys, _ in part):
                return None
            parts.append(part)
        nothing = [(np.empty(0, np.int64), np.empty(0, np.int64))]
        answers = []
        for i in range(len(queries)):
            found = [part[i] for part in parts] or nothing
            rows = self._mirror.positions(np.concatenate([keys for keys, _ in found]))
            answers.append(in_order(np.concatenate([d for _, d in found]), rows))
        return answers

    def _filters(self, allow: Allow) -> list[str]:
        """Write a filter as expressions, whose answers together are the answer."""
        if self._mirror.shape[0] == 0:
            return []
        if allow is None:
            return [""]
        excluded = len(allow) - np.count_nonzero(allow)
        if excluded <= LISTED:
            return [f"key not in {self._mirror.keys(~allow)}" if excluded else ""]
        return [f"key in {list(keys)}" for keys in batches(self._mirror.keys(allow), LISTED)]

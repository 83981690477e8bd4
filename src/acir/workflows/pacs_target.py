"""What pictures from a PACS go into: an index, encoded by its model."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from acir.bundle import Bundle
from acir.index.entry import Entry
from acir.index.filters import COLLECTION
from acir.index.store import Store
from acir.types import ImageRecord
from acir.workflows.entries import Kept, encode_batch, encoded, ordinary, prepared


@dataclass(frozen=True)
class Target:
    """What pictures go into.

    Attributes:
        store: The index.
        bundle: The model that encodes for it.
        key: Secret for the keyed hashes.
    """

    store: Store
    bundle: Bundle
    key: bytes


def collected(collection: str) -> dict[str, str]:
    """Return the metadata of a picture of a collection; none of the usual one."""
    return {COLLECTION: collection} if collection else {}


def encoded_records(target: Target, records: Iterable[ImageRecord]) -> list[Entry]:
    """Encode records for an index; one that is stored already keeps its code."""
    store, bundle = target.store, target.bundle
    kept = Kept(store.settings.get("thumbnails") == "True", store.settings.get("paths") == "True")
    some = ordinary(records, bundle, Counter[str]())
    ready = prepared(some, bundle, kept, lambda name: store.known([name]).get(name))
    return list(encoded(ready, partial(map, partial(encode_batch, bundle.encoder))))

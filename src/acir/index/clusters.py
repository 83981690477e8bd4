"""Clusters of codes, and what was measured of reading the likeliest of them, as bytes and back."""

import json
from dataclasses import asdict, dataclass
from hashlib import blake2b

import faiss
import numpy as np
from jaxtyping import Int, UInt8

from acir.codes import BITS_PER_BYTE

TRAINING_PER_LIST = 40
ITERATIONS = 10
NUMBER = np.dtype("<u4")


@dataclass(frozen=True)
class Measured:
    """How many lists are read, and what that finds.

    Attributes:
        probes: Lists; 0 where all codes are scanned.
        recall: Share of the true neighbours that are found.
        remark: The same for a person.
    """

    probes: int
    recall: float
    remark: str


@dataclass(frozen=True, eq=False)
class Clusters:
    """Centres, and the one that each code is nearest to.

    Attributes:
        centres: Codes themselves.
        of: Number of a centre for each code.
    """

    centres: UInt8[np.ndarray, "lists bytes"]
    of: Int[np.ndarray, " n"]

    def lists(self, codes: UInt8[np.ndarray, "n bytes"]) -> faiss.IndexBinaryIVF:
        """Return the codes in a list for each centre."""
        bits = codes.shape[1] * BITS_PER_BYTE
        quantizer = faiss.IndexBinaryFlat(bits)
        quantizer.add(self.centres)
        index = faiss.IndexBinaryIVF(quantizer, bits, len(self.centres))
        index.is_trained = True
        # Missing in FAISS's type stubs, as is `xb` below.
        add = index.add_core  # type: ignore[attr-defined]
        add(len(codes), faiss.swig_ptr(codes), None, faiss.swig_ptr(self.of))
        return index


def learned(
    codes: UInt8[np.ndarray, "n bytes"], sample: Int[np.ndarray, " m"], count: int
) -> Clusters:
    """Find so many centres in a sample of codes, and the nearest of each code."""
    bits = codes.shape[1] * BITS_PER_BYTE
    quantizer = faiss.IndexBinaryFlat(bits)
    index = faiss.IndexBinaryIVF(quantizer, bits, count)
    index.cp.niter = ITERATIONS
    index.cp.max_points_per_centroid = TRAINING_PER_LIST
    index.train(codes[sample])
    flat = faiss.vector_to_array(quantizer.xb)  # type: ignore[attr-defined]
    centres = flat.reshape(count, codes.shape[1])
    return Clusters(centres, np.ascontiguousarray(quantizer.search(codes, 1)[1][:, 0]))


def to_bytes(
    codes: UInt8[np.ndarray, "n bytes"], measured: Measured, clusters: Clusters | None
) -> bytes:
    """Write what was learned of these codes; without clusters where all are scanned."""
    count = 0 if clusters is None else len(clusters.centres)
    head = {"codes": _digest(codes), "lists": count, **asdict(measured)}
    parts = () if clusters is None else (clusters.centres, clusters.of.astype(NUMBER))
    return json.dumps(head).encode() + b"\n" + b"".join(part.tobytes() for part in parts)


def from_bytes(
    content: bytes | None, codes: UInt8[np.ndarray, "n bytes"]
) -> tuple[Measured, Clusters | None] | None:
    """Return what was learned of exactly these codes; None of any others."""
    line, _, rest = (content or b"{}").partition(b"\n")
    head = json.loads(line)
    if head.pop("codes", None) != _digest(codes):
        return None
    count = head.pop("lists")
    measured = Measured(**head)
    if count == 0:
        return measured, None
    centres = np.frombuffer(rest[: count * codes.shape[1]], dtype=np.uint8)
    of = np.frombuffer(rest[centres.nbytes :], dtype=NUMBER).astype(np.int64)
    return measured, Clusters(centres.reshape(count, codes.shape[1]), of)


def _digest(codes: UInt8[np.ndarray, "n bytes"]) -> str:
    shape = np.array(codes.shape, dtype="<i8").tobytes()
    digest = blake2b(shape, digest_size=16)
    digest.update(np.ascontiguousarray(codes).data)
    return digest.hexdigest()

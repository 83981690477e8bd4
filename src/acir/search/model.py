"""Ask a model about a picture: what it sees in it, and whether it is of a kind it knows."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
import torch
from jaxtyping import Float, Float16, UInt8
from torch import Tensor

from acir import codes
from acir.bundle import Bundle
from acir.content import embed, stored
from acir.errors import UnreadableImageError, UsageError
from acir.models.encoder import Encoder
from acir.picture import Picture, as_record, each
from acir.prep.pixels import to_unit
from acir.prep.preflight import Finding, preflight
from acir.privacy.pseudonym import fresh_key
from acir.tensors import Evidence
from acir.types import ImageRecord, Scored, Verdict


@dataclass(frozen=True)
class Examined:
    """A picture as the model sees it; the pre-flight leaves no evidence of what it refuses.

    Attributes:
        record: The picture.
        verdict: Whether its kind is known.
        evidence: What the network makes of it.
        scored: What the detectors say of that.
    """

    record: ImageRecord
    verdict: Verdict
    evidence: Evidence | None
    scored: Scored | None


class Model:
    """A bundle that answers whether it knows a picture's kind; each process opens its own.

    Args:
        bundle: The trained model.
        key: Secret for the keyed hashes of patients; None for a fresh one.
    """

    def __init__(self, bundle: Bundle, key: bytes | None = None) -> None:
        self.bundle = bundle
        self.key = key or fresh_key()

    def __reduce__(self) -> NoReturn:
        """Refuse to be copied or handed to another process.

        Raises:
            UsageError: Always.
        """
        raise UsageError(
            f"a {type(self).__name__} cannot be copied or sent to another process; send its folder "
            "and open that there"
        )

    def check(self, picture: Picture) -> Verdict:
        """Say whether a picture is of a kind that the model knows.

        A picture that cannot be read is unknown, with the reason code `unreadable` or
        `truncated`.

        Raises:
            SourceError: There is nothing at the path, or more than one picture.
            UsageError: It is no picture, or an array of another shape.
        """
        try:
            record = as_record(picture, self.key)
        except UnreadableImageError as error:
            return self.refuse(error)
        return self.examine(record).verdict

    def check_together(self, pictures: Iterable[Picture]) -> Verdict:
        """Say whether several pictures are of kinds that the model knows, with one verdict.

        They may be views of one case or slices of a series: of ordinary ones, however they depend
        on one another, no more are called unknown than of single pictures. The most unusual one
        decides. One that cannot be read, or that the pre-flight refuses, makes all unknown.

        Raises:
            UsageError: There is no picture, it is one alone, or as in `check`.
        """
        verdicts = [self.check(picture) for picture in each(pictures)]
        if not verdicts:
            raise UsageError("there is no picture to check; give at least one")
        worst = max(verdicts, key=lambda verdict: verdict.severity)
        return self.bundle.gate.judge_together(worst, len(verdicts))

    def examine(self, record: ImageRecord) -> Examined:
        """Encode one picture, alone and on one thread, and judge it.

        Alone and on one thread, because sums in another order differ in their last bits.
        """
        finding = preflight(record, to_unit(record))
        if finding is not None:
            return Examined(record, self.bundle.gate.refuse(finding), None, None)
        with one_thread():  # the gate too may encode
            evidence = self.encode(record)
            scored = self.bundle.gate.scored(evidence)
            (verdict,) = self.bundle.gate.judge_scored(scored)
            return Examined(record, verdict, evidence, scored)

    def encode(self, record: ImageRecord) -> Evidence:
        """Encode one picture, whatever the gate may say of it."""
        with one_thread():
            return self.bundle.evidence(torch.from_numpy(self.bundle.prep(record)[None]))

    def refuse(self, error: UnreadableImageError) -> Verdict:
        """Return the verdict on a picture that cannot be read."""
        return self.bundle.gate.refuse(Finding(error.code, f"the picture is {error.code}"))

    def heat_map(self, evidence: Evidence) -> Float[Tensor, "height width"] | None:
        """Return where one picture differs from known ones, in standard deviations, or None."""
        with one_thread():
            maps = self.bundle.heat_map(evidence.images)
        return None if maps is None else maps[0]


def coded(
    encoder: Encoder, evidence: Evidence
) -> tuple[UInt8[np.ndarray, "n bytes"], Float16[np.ndarray, "n dim"]]:
    """Return the codes and the embeddings of the pictures that an encoder's evidence is of."""
    weighed = evidence.class_logits if encoder.weighed else None
    embeddings = embed(evidence.blended, evidence.logits, evidence.images, weighed)
    return codes.pack(evidence.logits.float().numpy()), stored(embeddings)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread, so that sums run in one order on any number of cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)

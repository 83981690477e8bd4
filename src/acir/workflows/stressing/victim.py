"""A model as an attack meets it: what it lets an attacker differentiate, and what comes of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int
from torch import Tensor

from acir.bundle import Bundle
from acir.codes import hamming, pack
from acir.evaluation.attacked import Seen
from acir.evaluation.protocol import CodedSet
from acir.metrics.retrieval import average_precision
from acir.metrics.ties import by_distance
from acir.models.encoder import Encoder
from acir.robustness.attacks.grey import of_grey, spread
from acir.robustness.attacks.objective import Logits
from acir.robustness.attacks.surrogate import Surrogate, Traces

BATCH = 128

Images = Float[Tensor, "batch channels height width"]
Labels = Bool[np.ndarray, "n classes"]


@dataclass(frozen=True)
class Victim:
    """A bundle and the pictures that it searches.

    Pictures are prepared ones, in [0, 1]; of grey ones there is one channel.

    Attributes:
        bundle: The model.
        gallery: What is searched.
    """

    bundle: Bundle
    gallery: CodedSet

    @property
    def logits(self) -> Logits:
        """The hash logits, with their slope."""
        encoder = self.bundle.encoder

        def found(images: Images) -> Float[Tensor, "batch bits"]:
            logits: Tensor = encoder(images).logits
            return logits

        return found if self.bundle.prep.colour else of_grey(found)

    def seen(self, images: Images, labels: Labels) -> Seen:
        """Return what comes of pictures with these labels, the gate's verdict included.

        There is no pre-flight, which small changes of the pixels are nothing to.
        """
        gate = self.bundle.gate
        precision, refused, scores = [], [], []
        for start in range(0, len(images), BATCH):
            some = slice(start, start + BATCH)
            evidence = self.bundle.evidence(self.whole(images[some]).cpu())
            scored = gate.scored(evidence)
            refused += [one.verdict == "unknown" for one in gate.judge_scored(scored)]
            scores.append(gate.totals(scored))
            precision.append(self._precision(evidence.logits, labels[some]))
        return Seen(np.concatenate(precision), np.array(refused), np.concatenate(scores))

    def precision(self, images: Images, labels: Labels) -> Float64[np.ndarray, " n"]:
        """Return the average precision alone."""
        found = []
        with torch.no_grad():
            for start in range(0, len(images), BATCH):
                some = slice(start, start + BATCH)
                found.append(self._precision(self.logits(images[some]), labels[some]))
        return np.concatenate(found)

    def first_hits(self, images: Images, k: int) -> Int[np.ndarray, "n k"]:
        """Return the gallery's rows that a search by Hamming distance lists first."""
        with torch.no_grad():
            codes = pack(self.logits(images).float().cpu().numpy())
        return np.argsort(hamming(codes, self.gallery.codes), axis=1, kind="stable")[:, :k]

    def whole(self, images: Images) -> Float[Tensor, "batch 3 height width"]:
        """Return pictures as the network sees them."""
        return images if self.bundle.prep.colour else spread(images)

    def penalty(self, learned: Images) -> Callable[[Images], Float[Tensor, " batch"]]:
        """Return the stand-in for the gate, fitted on training pictures.

        Args:
            learned: Some training pictures.
        """
        with torch.no_grad():
            parts = [self._traces(learned[n : n + BATCH]) for n in range(0, len(learned), BATCH)]
        columns = zip(*(vars(part).values() for part in parts), strict=True)
        surrogate = Surrogate(Traces(*(torch.cat(column) for column in columns)))
        return lambda images: surrogate(self._traces(images))

    def _traces(self, images: Images) -> Traces:
        whole, encoder = self.whole(images), self.bundle.encoder
        encoding = encoder(whole)
        rebuilt = _rebuilt(encoder, encoding.deep, whole)
        found = (one.relaxed(whole) for one in self.bundle.gate.detectors.values())
        relaxed = [scores for scores in found if scores is not None]
        return Traces(
            images=whole,
            reconstruction=rebuilt,
            blended=encoding.blended,
            middle=encoding.middle,
            logits=encoding.logits,
            relaxed=torch.stack(relaxed, dim=1) if relaxed else whole.new_zeros(len(whole), 0),
        )

    def _precision(
        self, logits: Float[Tensor, "batch bits"], labels: Labels
    ) -> Float64[np.ndarray, " batch"]:
        packed = pack(logits.float().cpu().numpy())
        groups = by_distance(packed, labels, self.gallery.codes, self.gallery.labels)
        found: Float64[np.ndarray, " batch"] = average_precision(groups)
        return found


def _rebuilt(
    encoder: Encoder,
    deep: Float[Tensor, "batch channels y x"],
    images: Float[Tensor, "batch 3 height width"],
) -> Float[Tensor, "batch 3 height width"]:
    if encoder.decoder is None:
        return images
    found: Tensor = encoder.decoder(deep, (images.shape[2], images.shape[3]))
    return found


def other_classes(
    labels: Bool[np.ndarray, "n classes"], gallery: Bool[np.ndarray, "held classes"]
) -> Int[Tensor, " n"]:
    """Return for each picture the next class that it does not have and the gallery does.

    Example:
        >>> own, held = np.array([[True, False, False]]), np.array([[True, False, True]])
        >>> other_classes(own, held)
        tensor([2])
    """
    held = np.asarray(gallery.any(axis=0))
    targets: Sequence[int] = [_next(row, held) for row in labels]
    return torch.tensor(targets)


def _next(own: Bool[np.ndarray, " classes"], held: Bool[np.ndarray, " classes"]) -> int:
    count = len(own)
    first = int(own.argmax())
    return next(c for c in ((first + k) % count for k in range(1, count)) if held[c] and not own[c])

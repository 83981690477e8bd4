"""A whole source as codes with names and, on request, the gate's verdicts."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from torch import Tensor

from acir.amounts import amount
from acir.bulk import Codes, Embeddings, encode_images, prepared_batches
from acir.bundle import Bundle
from acir.data.loader import multi_hot
from acir.data.manifest import Row
from acir.errors import SourceError, suggestion
from acir.evaluation.protocol import CodedSet
from acir.evaluation.retrieved import NamedSet
from acir.prep.pixels import to_unit
from acir.prep.preflight import preflight
from acir.search import coded
from acir.sources.base import SourceOptions, open_source
from acir.types import ImageRecord, Progress, State, counted
from acir.workflows.notes import converted_lines, source_lines

Labels = Callable[[ImageRecord], Bool[np.ndarray, " classes"]]


@dataclass(frozen=True)
class Coder:
    """What encodes one source after another.

    Attributes:
        bundle: The model.
        options: How sources are read.
        progress: Shows how far the encoding is.
        say: Takes a line for a person.
    """

    bundle: Bundle
    options: SourceOptions
    progress: Progress
    say: Callable[[str], None]

    def known(self, text: str, *, judged: bool = False) -> NamedSet:
        """Encode a source of pictures that have the classes of the model.

        Args:
            text: The SOURCE.
            judged: Whether the gate is asked as well.

        Raises:
            SourceError: A label is not of the model, or no picture can be read.
        """
        names = self.bundle.class_names
        return self._coded(text, lambda record: labels_of(record, names), judged=judged)

    def foreign(self, text: str) -> NamedSet:
        """Encode and judge a source of pictures of any kind; their labels are not read.

        Raises:
            SourceError: No picture can be read.
        """
        none = np.zeros(len(self.bundle.class_names), np.bool_)
        return self._coded(text, lambda _: none, judged=True)

    def _coded(self, text: str, labels: Labels, *, judged: bool) -> NamedSet:
        source, encode = open_source(text, self.options), self._judged if judged else self._plain
        records: list[tuple[str, str, str | None]] = []
        parts, states, converted = [], list[State](), 0
        with self.progress(f"encoding {text}", None) as tick:
            for chunk, images in prepared_batches(counted(source, tick), self.bundle.prep):
                marked = np.stack([labels(record) for record in chunk])
                packed, embeddings, verdicts = encode(chunk, images)
                parts.append((packed, embeddings, marked))
                states += verdicts
                converted += sum(map(self.bundle.prep.converts, chunk))
                records += [(record.id, record.pixel_hash, record.patient) for record in chunk]
        for line in (*source_lines(source), *converted_lines(converted)):
            self.say(line)
        if not parts:
            raise SourceError(
                f"none of {amount(len(source.skipped), 'picture', 'pictures')} of {text} can be "
                "read; give some that can"
            )
        ids, hashes, patients = zip(*records, strict=True)
        packed, embeddings, marked = (np.concatenate(column) for column in zip(*parts, strict=True))
        pictures = CodedSet(packed, embeddings, marked, hashes)
        return NamedSet(pictures, ids, tuple(states), patients)[np.argsort(np.array(ids))]

    def _plain(
        self, _: list[ImageRecord], images: Float[Tensor, "batch 3 height width"]
    ) -> tuple[Codes, Embeddings, list[State]]:
        return *encode_images(self.bundle.encoder, images), []

    def _judged(
        self, records: list[ImageRecord], images: Float[Tensor, "batch 3 height width"]
    ) -> tuple[Codes, Embeddings, list[State]]:
        """Encode once for the codes and for the gate, as a search does."""
        evidence = self.bundle.evidence(images)
        verdicts = self.bundle.gate.judge(evidence)
        states: list[State] = [
            "unknown" if preflight(record, to_unit(record)) else verdict.verdict
            for record, verdict in zip(records, verdicts, strict=True)
        ]
        return *coded(self.bundle.encoder, evidence), states


def labels_of(
    record: ImageRecord | Row, class_names: tuple[str, ...]
) -> Bool[np.ndarray, " classes"]:
    """Return which classes of a model a picture has.

    Raises:
        SourceError: A label is not of the model.
    """
    foreign = sorted(set(record.labels) - set(class_names))
    if foreign:
        raise SourceError(
            f"{record.id} has the label {foreign[0]!r}, which the model was not trained on; it "
            f"knows {', '.join(class_names)}.{suggestion(foreign[0], class_names)}"
        )
    return multi_hot(record.labels, class_names) > 0

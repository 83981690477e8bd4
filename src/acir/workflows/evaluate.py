"""`acir evaluate`: how good retrieval is, queries against a gallery."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool

from acir.bulk import encode_images, prepared_batches
from acir.bundle import Bundle, load_bundle
from acir.data.loader import multi_hot
from acir.errors import SourceError, suggestion
from acir.evaluation.protocol import CodedSet
from acir.evaluation.protocol import evaluate as evaluate_coded
from acir.privacy.pseudonym import fresh_key
from acir.sources.base import SourceOptions, open_source
from acir.types import ImageRecord, Progress, counted, silent
from acir.workflows.notes import converted_lines, skipped_lines


def evaluate(
    bundle_folder: Path,
    gallery: str,
    queries: str,
    *,
    mode: str | None = None,
    drop_overlap: bool = False,
    strict: bool = False,
    device: str = "cpu",
    progress: Progress = silent,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Rank the gallery for every query and return the metrics; the keys are a contract.

    Args:
        bundle_folder: The model.
        gallery: SOURCE that is searched, exactly as named.
        queries: SOURCE that is asked.
        mode: Ranker of the re-ranked block; None for the one that validation favoured.
        drop_overlap: Leave out queries that the gallery holds too instead of refusing them.
        strict: Whether an unreadable picture is an error.
        device: Where the network is to run.
        progress: Shows how far the encoding is.
        say: Takes a line for a person.

    Raises:
        SourceError: A query is in the gallery, a label is not of the model, or nothing is there.
        UsageError: The bundle or the mode cannot be used.
    """
    bundle = load_bundle(bundle_folder, device)
    ranked_by = bundle.mode_named(mode)
    options = SourceOptions(strict=strict, key=fresh_key())
    searched = _coded(bundle, gallery, options, progress, say)
    asked = _coded(bundle, queries, options, progress, say)
    if drop_overlap:
        asked, all_asked = asked.without(searched), len(asked)
        if len(asked) < all_asked:
            say(f"left out {all_asked - len(asked)} queries that the gallery holds")
    found = evaluate_coded(
        searched,
        asked,
        class_names=bundle.class_names,
        ranker=bundle.rankers[ranked_by],
        mode=ranked_by,
    )
    if found.n_excluded:
        say(f"{found.n_excluded} queries have no picture of their class in the gallery")
    return found.to_dict()


def _coded(
    bundle: Bundle,
    text: str,
    options: SourceOptions,
    progress: Progress,
    say: Callable[[str], None],
) -> CodedSet:
    """Encode a source and order it by id."""
    source = open_source(text, options)
    ids: list[str] = []
    hashes: list[str] = []
    parts, converted = [], 0
    with progress(f"encoding {text}", None) as tick:
        for chunk, images in prepared_batches(counted(source, tick), bundle.prep):
            labels = np.stack([_labels(record, bundle.class_names) for record in chunk])
            parts.append((*encode_images(bundle.encoder, images), labels))
            converted += sum(map(bundle.prep.converts, chunk))
            ids += [record.id for record in chunk]
            hashes += [record.pixel_hash for record in chunk]
    for line in (*skipped_lines(source.skipped), *converted_lines(converted)):
        say(line)
    if not parts:
        raise SourceError(
            f"none of the {len(source.skipped)} pictures of {text} can be read; give some that can"
        )
    codes, embeddings, labels = (np.concatenate(column) for column in zip(*parts, strict=True))
    return CodedSet(codes, embeddings, labels, tuple(hashes))[np.argsort(np.array(ids))]


def _labels(record: ImageRecord, class_names: tuple[str, ...]) -> Bool[np.ndarray, " classes"]:
    foreign = sorted(set(record.labels) - set(class_names))
    if foreign:
        raise SourceError(
            f"{record.id} has the label {foreign[0]!r}, which the model was not trained on; it "
            f"knows {', '.join(class_names)}.{suggestion(foreign[0], class_names)}"
        )
    return multi_hot(record.labels, class_names) > 0

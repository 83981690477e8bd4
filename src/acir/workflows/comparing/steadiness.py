"""How steady the answers of a method are under mild changes, and how true to structure."""

from collections.abc import Mapping
from functools import partial

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from acir.bulk import encode_images
from acir.data.loader import ImageSet, ordered_batches
from acir.evaluation.mild_copies import mild_copies
from acir.evaluation.protocol import CodedSet
from acir.evaluation.retrieved import spread
from acir.evaluation.stability import drawn_top, overlap, structure_agreement
from acir.models.encoder import Encoder
from acir.prep.fingerprint import fingerprint
from acir.workflows.comparing.exam import Coded, new_queries
from acir.workflows.learning import Rankers

Arrays = dict[str, Shaped[np.ndarray, "..."]]

AT_ONCE = 1000
ASKED = 200  # test pictures that are enough to tell orders apart


def steadiness(
    encoder: Encoder, coded: Coded, rankers: Rankers, gallery: ImageSet, test: ImageSet, seed: int
) -> Arrays:
    """Return, in the order of the codes and re-ranked, what some test pictures show.

    Pictures that the gallery holds too are not asked about: each would find itself, and itself
    again by its copy.

    `ORDER/shift`, `ORDER/jpeg` and `ORDER/noise`: the share of the first ten hits that a picture
    and its mild copy have in common. `ORDER/structure`: how far the order within the class follows
    structure; see `acir.evaluation.stability`. `steadiness/row`: which test pictures,
    and `steadiness/patient`: whose.

    Args:
        encoder: The network, in evaluation mode.
        coded: The pictures as it codes them.
        rankers: The orders.
        gallery: The pictures of `coded.gallery`.
        test: Those of `coded.queries`.
        seed: Of the noise, and of the ties.
    """
    _, new = new_queries(coded)
    rows = new[spread(len(new), ASKED)]
    asked, pictures = coded.queries[rows], test.batch(torch.from_numpy(rows)).images
    copied = {name: _coded(encoder, asked, c) for name, c in _copies(pictures, seed).items()}
    arrays: Arrays = {"steadiness/row": rows, "steadiness/patient": coded.patients[rows]}
    for order, ranker in (("hamming", rankers.by_name["plain"]), ("reranked", rankers.chosen)):
        first = partial(drawn_top, coded.gallery, ranker=ranker)
        own = first(asked, chance=np.random.default_rng(seed))
        for number, (name, copies) in enumerate(copied.items(), start=1):
            again = first(copies, chance=np.random.default_rng((seed, number)))
            arrays[f"{order}/{name}"] = overlap(own, again).astype(np.float32)
        arrays[f"{order}/structure"] = structure_agreement(
            coded.gallery,
            asked,
            ranker,
            gallery_fingerprints=_fingerprints(gallery),
            query_fingerprints=fingerprint(pictures).numpy(),
        ).astype(np.float32)
    return arrays


def _copies(
    pictures: Float[Tensor, "n 3 height width"], seed: int
) -> Mapping[str, Float[Tensor, "n 3 height width"]]:
    copies = [mild_copies(one.numpy(), seed * ASKED + row) for row, one in enumerate(pictures)]
    return {
        name: torch.from_numpy(np.stack([each[name] for each in copies])).float()
        for name in copies[0]
    }


def _coded(
    encoder: Encoder, asked: CodedSet, copies: Float[Tensor, "n 3 height width"]
) -> CodedSet:
    return CodedSet(*encode_images(encoder, copies), asked.labels, asked.pixel_hashes)


def _fingerprints(images: ImageSet) -> Float[np.ndarray, "n pixels"]:
    parts = [images.batch(rows).images for rows in ordered_batches(len(images), AT_ONCE)]
    return np.concatenate([fingerprint(part).numpy() for part in parts])

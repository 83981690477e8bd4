"""The embedding: three cosines in one."""

import pytest
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import cosine_similarity

from acir.content import (
    BLENDED,
    LOGITS,
    POSTERIOR,
    STRUCTURE,
    embed,
    embedding_length,
    logits_of,
    stored,
    structure_of,
)
from acir.prep.fingerprint import fingerprint


def drawn(*shape: int, seed: int = 0) -> Float[Tensor, "..."]:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def pictures(count: int) -> Float[Tensor, "count 3 32 32"]:
    return torch.rand(count, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def test_the_weights_share_one() -> None:
    assert sum((BLENDED, LOGITS, STRUCTURE)) == pytest.approx(1)


def test_the_cosine_is_the_weighted_mean_of_three() -> None:
    blended, logits, images = drawn(2, 5), drawn(2, 8, seed=3), pictures(2)
    first, second = embed(blended, logits, images)
    pearson = torch.corrcoef(fingerprint(images))[0, 1]
    wanted = (
        BLENDED * cosine_similarity(blended[0], blended[1], dim=0)
        + LOGITS * cosine_similarity(logits[0], logits[1], dim=0)
        + STRUCTURE * pearson
    )
    torch.testing.assert_close(first @ second, wanted, atol=1e-6, rtol=0)


def test_the_likelihood_of_classes_takes_its_share_of_the_cosine() -> None:
    blended, logits, images = drawn(2, 5), drawn(2, 8, seed=3), pictures(2)
    # softmax(log p) = p: half and half against the first alone, at an angle of 45 degrees
    first, second = embed(blended, logits, images, torch.tensor([[0.0, 0.0], [60.0, 0.0]]))
    rest, other = embed(blended, logits, images)
    wanted = POSTERIOR * 0.5**0.5 + (1 - POSTERIOR) * (rest @ other)
    torch.testing.assert_close(first @ second, wanted, atol=1e-6, rtol=0)


def test_the_likelihood_of_classes_leaves_the_other_parts_in_their_place() -> None:
    blended, logits, images = drawn(1, 5), drawn(1, 8, seed=3), pictures(1)
    without = embed(blended, logits, images).numpy()
    found = embed(blended, logits, images, drawn(1, 3)).numpy()
    assert found.shape[1] == embedding_length(5, 8, classes=3)
    share = (1 - POSTERIOR) ** 0.5
    assert logits_of(found, 8) == pytest.approx(share * logits_of(without, 8), abs=1e-6)
    assert structure_of(found) == pytest.approx(share * structure_of(without), abs=1e-6)


def test_an_embedding_has_unit_length() -> None:
    lengths = embed(drawn(4, 5), drawn(4, 8), pictures(4)).norm(dim=1)
    torch.testing.assert_close(lengths, torch.ones(4))


def test_exposure_does_not_change_the_embedding() -> None:
    # Pearson's correlation centres and scales: 0.5 x + 0.2 has the structure of x.
    blended, logits, images = drawn(1, 5), drawn(1, 8), pictures(1)
    torch.testing.assert_close(
        embed(blended, logits, images), embed(blended, logits, 0.5 * images + 0.2)
    )


def test_a_picture_of_one_grey_has_no_structure() -> None:
    found = embed(drawn(1, 5), drawn(1, 8), torch.full((1, 3, 32, 32), 0.5))
    assert found[0, 13:].abs().max() == 0
    assert found.norm().item() == pytest.approx((BLENDED + LOGITS) ** 0.5)


def test_the_length_is_that_of_the_parts() -> None:
    assert embed(drawn(1, 5), drawn(1, 8), pictures(1)).shape[1] == embedding_length(5, 8)


def test_half_precision_is_kept() -> None:
    found = embed(drawn(3, 5), drawn(3, 8), pictures(3))
    assert stored(found).dtype == "float16"
    torch.testing.assert_close(torch.from_numpy(stored(found)).float(), found, atol=1e-3, rtol=0)

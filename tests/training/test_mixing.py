"""Mixed pictures and labels, and what each loss makes of them."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Generator, Tensor
from torch.nn.functional import one_hot

from acir import losses
from acir.losses.base import Loss, share_a_label
from acir.losses.sch import label_overlap
from acir.prep.fingerprint import fingerprint
from acir.registry import build
from acir.tensors import Batch, Encoding
from acir.training.mixing import mixed

COUNT, CLASSES, BITS = 12, 3, 16
WHOLE = ("acir_published", "csq", "dch", "dpsh", "dsh", "hashnet")
SHARED = ("classification", "greedyhash", "orthohash", "sch")


def batch() -> Batch:
    """Give a batch whose pictures are flat, each of a brightness of its own."""
    levels = torch.linspace(0, 1, COUNT)[:, None, None, None]
    images = levels.expand(COUNT, 3, 16, 16).contiguous()
    labels = one_hot(torch.arange(COUNT) % CLASSES, CLASSES).float()
    return Batch(images, fingerprint(images), labels, torch.arange(COUNT))


def drawn(alpha: float = 0.4, seed: int = 0) -> Batch:
    return mixed(batch(), alpha, Generator().manual_seed(seed))


def encoding() -> Encoding:
    random = Generator().manual_seed(5)

    def values(*shape: int) -> Tensor:
        return torch.randn(COUNT, *shape, generator=random)

    logits = values(BITS).requires_grad_()
    return Encoding(logits, values(4), values(CLASSES), values(4), values(2, 2, 2))


def loss_called(name: str) -> Loss:
    torch.manual_seed(0)
    given_ = {"class_counts": (4, 4, 4), "bits": BITS, "pictures": COUNT, "steps": 9}
    return build(losses.get(name), {}, **given_)


def test_without_mixing_nothing_is_changed_or_drawn() -> None:
    random = Generator().manual_seed(3)
    before, given_ = random.get_state(), batch()
    assert mixed(given_, 0.0, random) is given_
    assert torch.equal(random.get_state(), before)


@given(st.floats(0.05, 20), st.integers(0, 2**56 - 1))
def test_picture_and_label_have_the_same_shares_and_the_larger_is_its_own(
    alpha: float, seed: int
) -> None:
    # Picture i is flat at i / 11 and of class i mod 3. What is not its own class's is a partner's,
    # and the brightness tells which: own + (1 - share) (partner - own) / 11.
    given_, found = batch(), drawn(alpha, seed)
    for i in range(COUNT):
        assert found.labels[i].sum().item() == pytest.approx(1)
        assert found.labels[i, i % CLASSES] >= 0.5
        other = 1 - found.labels[i, i % CLASSES].item()
        moved = (found.images[i] - given_.images[i])[0, 0, 0].item() * (COUNT - 1)
        if other > 1e-3:
            partner = i + moved / other
            assert partner == pytest.approx(round(partner), abs=0.02)
            assert found.labels[i, round(partner) % CLASSES].item() == pytest.approx(other)
    assert torch.equal(found.rows, given_.rows)


def test_fingerprints_are_those_of_the_mixed_pictures() -> None:
    found = drawn()
    assert torch.equal(found.fingerprints, fingerprint(found.images))
    assert not torch.allclose(found.fingerprints, batch().fingerprints)


@pytest.mark.parametrize(
    ("alpha", "expected"),
    [
        # The larger of two shares by Beta(1, 1), which is uniform, is uniform in [1/2, 1].
        (1.0, 0.75),
        (1e-3, 1.0),  # all or nothing
        (1e4, 0.5),  # half and half, give or take sqrt(1 / 80,000)
    ],
)
def test_alpha_says_how_alike_the_shares_are(alpha: float, expected: float) -> None:
    labels = torch.eye(400)  # every picture a class of its own
    images = torch.zeros(400, 3, 1, 1)
    many = Batch(images, fingerprint(images), labels, torch.arange(400))
    own = mixed(many, alpha, Generator().manual_seed(0)).labels.diagonal()
    assert own.mean().item() == pytest.approx(expected, abs=0.03)


def test_the_generator_alone_decides_what_is_mixed() -> None:
    first, again, other = (drawn(seed=seed).images for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


# What the losses make of it


@pytest.mark.parametrize("name", [*WHOLE, *SHARED])
def test_every_loss_judges_a_mixed_batch(name: str) -> None:
    given_ = encoding()
    total = loss_called(name)(given_, drawn()).total
    total.backward()
    assert 0 <= total.item() < float("inf")
    assert given_.logits.grad is not None
    assert given_.logits.grad.isfinite().all()
    assert given_.logits.grad.abs().sum() > 0


@pytest.mark.parametrize("name", [*WHOLE, *SHARED])
def test_a_loss_of_whole_labels_sees_those_of_the_larger_share(name: str) -> None:
    found = drawn()
    whole = Batch(found.images, found.fingerprints, batch().labels, found.rows)
    by_share, by_whole = (loss_called(name)(encoding(), one).total for one in (found, whole))
    assert torch.equal(by_share, by_whole) == (name in WHOLE)


def test_shares_of_several_labels_are_rounded_for_pairs() -> None:
    # 0.7 of {a, b} with 0.3 of {b, c}: has a and b, not c.
    labels = torch.tensor([[0.7, 1.0, 0.3], [0, 0, 1], [1, 0, 0]])
    assert share_a_label(labels[:1], labels).tolist() == [[True, False, True]]


def test_the_overlap_of_mixed_labels_lies_between_none_and_whole() -> None:
    # Half a and half b with a: 0.5 shared of 1 + 1 - 0.5.
    labels = torch.tensor([[0.5, 0.5, 0], [1, 0, 0], [0, 0, 1]])
    assert label_overlap(labels)[0, 1:].tolist() == pytest.approx([1 / 3, 0])

"""What losses with a memory share: the memory itself and which pairs are similar."""

import pytest
import torch
from torch.nn.functional import one_hot

from acir import losses, registry
from acir.losses.base import Memory, share_a_label
from made_pairs import Largest, drawn_labels, drawn_logits, paired, sets


def test_a_fresh_memory_recalls_nothing() -> None:
    logits, labels = Memory(pictures=5, classes=3, bits=8).recall()
    assert logits.shape == (0, 8)
    assert labels.shape == (0, 3)


def test_what_was_remembered_is_recalled_in_the_order_of_rows() -> None:
    memory = Memory(pictures=5, classes=2, bits=3)
    logits, labels = drawn_logits(0, 2, bits=3), one_hot(torch.tensor([0, 1])).float()
    memory.remember(logits, paired(logits, labels, torch.tensor([4, 1]))[1])
    recalled, recalled_labels = memory.recall()
    assert recalled.tolist() == logits.flip(0).tolist()
    assert recalled_labels.tolist() == labels.flip(0).tolist()


def test_a_picture_seen_again_replaces_itself() -> None:
    memory = Memory(pictures=5, classes=2, bits=3)
    labels = one_hot(torch.tensor([0, 1])).float()
    first, second = drawn_logits(0, 2, bits=3), drawn_logits(1, 2, bits=3)
    memory.remember(first, paired(first, labels, torch.tensor([0, 1]))[1])
    memory.remember(second, paired(second, labels, torch.tensor([1, 2]))[1])
    assert memory.recall()[0].tolist() == [first[0].tolist(), *second.tolist()]


def test_what_is_recalled_has_no_gradient_and_stays_when_the_memory_changes() -> None:
    memory = Memory(pictures=2, classes=2, bits=3)
    labels = one_hot(torch.tensor([0, 1])).float()
    first, second = drawn_logits(0, 2, bits=3), drawn_logits(1, 2, bits=3)
    memory.remember(first, paired(first, labels)[1])
    recalled = memory.recall()[0]
    memory.remember(second, paired(second, labels)[1])
    assert not recalled.requires_grad
    assert recalled.tolist() == first.tolist()


def test_a_memory_is_saved_with_the_loss() -> None:
    memory, other = (Memory(pictures=4, classes=3, bits=8) for _ in range(2))
    logits, labels = drawn_logits(0, 2, bits=8), drawn_labels(0, 2)
    memory.remember(logits, paired(logits, labels, torch.tensor([3, 0]))[1])
    other.load_state_dict(memory.state_dict())
    for ours, theirs in zip(memory.recall(), other.recall(), strict=True):
        assert ours.tolist() == theirs.tolist()


def test_pictures_are_similar_where_their_label_sets_meet() -> None:
    labels, others = drawn_labels(0, 20), drawn_labels(1, 30)
    expected = [[bool(a & b) for b in sets(others)] for a in sets(labels)]
    assert share_a_label(labels, others).tolist() == expected


def test_a_picture_without_labels_is_similar_to_none() -> None:
    labels = torch.tensor([[0.0, 0], [1, 0]])
    assert share_a_label(labels, labels).tolist() == [[False, False], [False, True]]


@pytest.mark.parametrize("name", ["dsh", "dpsh", "hashnet", "dch"])
def test_no_loss_over_pairs_holds_pairs_times_bits(name: str) -> None:
    b, n, bits = 40, 300, 64
    loss = registry.build(
        losses.get(name), {}, class_counts=(100, 100, 100), bits=bits, pictures=n, steps=9
    )
    for seed, rows in enumerate(torch.arange(n).chunk(3)):
        loss(*paired(drawn_logits(seed, len(rows), bits), drawn_labels(seed, len(rows)), rows))
    watch = Largest()  # type: ignore[no-untyped-call]
    with watch:
        loss(*paired(drawn_logits(3, b, bits), drawn_labels(3, b))).total.backward()
    assert watch.numbers <= max(b * n, n * bits)

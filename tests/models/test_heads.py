"""What the hash heads share, and what each is."""

import pytest
import torch
from torch import Tensor

from acir.models.heads import HEADS, Beginning, Head, KanHead, LinearHead, SignHead
from acir.models.kan import LIMIT
from acir.recipe import HeadRecipe
from made_gradients import silent_weights


@pytest.mark.parametrize("kind", HEADS.values())
def test_heads_share_one_interface(kind: type[Head]) -> None:
    head = kind(10, 16, 3, HeadRecipe(hidden=6))
    logits, class_logits = head(torch.randn(5, 10))
    assert (logits.shape, class_logits.shape) == ((5, 16), (5, 3))
    assert silent_weights(head, logits, class_logits) == []


@pytest.mark.parametrize("kind", HEADS.values())
def test_a_head_trains_on_a_batch_of_one(kind: type[Head]) -> None:
    logits, _ = kind(10, 16, 3, HeadRecipe(hidden=6)).train()(torch.randn(1, 10))
    assert logits.isfinite().all()


def test_blended_features_of_any_size_fall_inside_the_grid() -> None:
    head, seen = KanHead(300, 8, 2, HeadRecipe(hidden=6)), list[Tensor]()
    head.first.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    head(1000 + 500 * torch.randn(20, 300))
    assert (seen[0].abs() <= LIMIT).float().mean() > 0.99


def test_the_kan_heads_classes_are_linear_in_its_first_layer() -> None:
    head = KanHead(10, 8, 3, HeadRecipe(hidden=6))
    x = torch.randn(5, 10)
    unit = (x - x.mean(1, keepdim=True)) / x.std(1, keepdim=True, correction=0)
    middle = head.first(unit)
    wanted = middle @ head.classes.weight.T + head.classes.bias
    torch.testing.assert_close(head(x)[1], wanted, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kind", HEADS.values())
def test_every_bit_splits_a_batch_whatever_its_offset(
    kind: type[Head],
) -> None:
    torch.manual_seed(0)
    head = kind(dim=12, bits=16, classes=3, recipe=HeadRecipe(hidden=8))
    logits, _ = head(torch.randn(64, 12) + 5)
    torch.testing.assert_close(logits.mean(dim=0), torch.zeros(16), atol=1e-5, rtol=0)
    torch.testing.assert_close(logits.var(dim=0, correction=0), torch.ones(16), atol=0.1, rtol=0)


def test_a_linear_head_without_balance_is_two_products_in_a_row() -> None:
    head = LinearHead(5, 8, 3, HeadRecipe(balance=False))
    x = torch.randn(4, 5)
    logits, class_logits = head(x)
    torch.testing.assert_close(logits, x @ head.bits.weight.T + head.bits.bias)
    torch.testing.assert_close(class_logits, logits @ head.classes.weight.T + head.classes.bias)


def test_a_sign_head_reads_the_classes_from_the_signs_of_the_logits() -> None:
    head = SignHead(5, 8, 3, HeadRecipe(balance=False))
    x = torch.randn(4, 5)
    logits, class_logits = head(x)
    torch.testing.assert_close(logits, x @ head.bits.weight.T + head.bits.bias)
    code = torch.tensor([[1.0 if value >= 0 else -1.0 for value in row] for row in logits])
    torch.testing.assert_close(class_logits, code @ head.classes.weight.T + head.classes.bias)


def test_in_training_a_beginning_of_a_code_is_shown_and_else_the_whole() -> None:
    torch.manual_seed(0)
    beginning, code = Beginning(40), torch.ones(400, 40)
    assert beginning.eval()(code).equal(code)
    shown = beginning.train()(code)
    ends = shown.sum(dim=1).int()
    assert sorted(set(ends.tolist())) == [8, 16, 32, 40]  # bytes doubled, and the whole
    wanted = torch.stack([torch.tensor([1.0] * n + [0.0] * (40 - n)) for n in ends.tolist()])
    assert shown.equal(wanted)
    assert torch.bincount(ends)[[8, 16, 32, 40]].min() > 60  # of 100 each


@pytest.mark.parametrize("kind", [LinearHead, SignHead])
def test_a_nested_head_teaches_its_classes_most_by_the_first_bits(
    kind: type[LinearHead],
) -> None:
    torch.manual_seed(0)
    head = kind(5, 64, 3, HeadRecipe(balance=False, nested=True)).train()
    _, class_logits = head(torch.randn(200, 5))
    (class_logits**2).sum().backward()
    assert head.classes.weight.grad is not None
    slope = head.classes.weight.grad.abs().mean(dim=0)
    # the first eight bits are shown always, the last 32 to one picture in four
    assert slope[:8].mean() > 2 * slope[32:].mean()

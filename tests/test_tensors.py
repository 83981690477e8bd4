"""Values between torch stages: they move, split and join column by column."""

from typing import Any

import jaxtyping
import pytest
import torch

from acir.errors import UsageError
from acir.tensors import Batch, Evidence, binarised, chosen_device


def evidence(n: int, first: int = 0) -> Evidence:
    """Number the pictures and write each number into every column."""
    number = torch.arange(first, first + n).float()
    return Evidence(
        images=number[:, None, None, None].expand(n, 3, 4, 5),
        reconstruction=number[:, None, None, None].expand(n, 3, 4, 5) + 0.5,
        blended=number[:, None].expand(n, 6),
        middle=number[:, None].expand(n, 8),
        logits=number[:, None].expand(n, 16),
        class_logits=number[:, None].expand(n, 2),
    )


def numbers(found: Evidence) -> list[list[float]]:
    return [column.flatten(1)[:, 0].tolist() for column in vars(found).values()]


def test_evidence_counts_pictures() -> None:
    assert len(evidence(3)) == 3


@pytest.mark.parametrize("rows", [slice(1, 4, 2), torch.tensor([1, 3])])
def test_some_of_the_evidence_is_taken_from_every_column(rows: slice | torch.Tensor) -> None:
    assert numbers(evidence(5)[rows]) == [[1, 3], [1.5, 3.5], [1, 3], [1, 3], [1, 3], [1, 3]]


def test_no_rows_leave_empty_evidence() -> None:
    assert len(evidence(5)[slice(0, 0)]) == 0


def test_joined_parts_equal_the_whole() -> None:
    joined = Evidence.concatenate([evidence(2), evidence(1, first=2), evidence(0)])
    assert numbers(joined) == numbers(evidence(3))


def test_a_batch_moves_with_all_its_columns() -> None:
    batch = Batch(
        torch.zeros(2, 3, 4, 4), torch.zeros(2, 256), torch.zeros(2, 3), torch.arange(2)
    ).to(torch.device("meta"))
    assert all(column.device.type == "meta" for column in vars(batch).values())


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)


@pytest.mark.usefixtures("two_gpus")
@pytest.mark.parametrize(
    ("name", "device"),
    [
        ("auto", "cuda"),
        ("cpu", "cpu"),
        ("cuda", "cuda"),
        ("cuda:0", "cuda:0"),
        ("cuda:1", "cuda:1"),
    ],
)
def test_a_device_that_is_there_is_chosen(name: str, device: str) -> None:
    assert chosen_device(name) == torch.device(device)


@pytest.mark.usefixtures("no_gpu")
def test_auto_without_a_gpu_is_the_processor() -> None:
    assert chosen_device("auto") == torch.device("cpu")


@pytest.mark.parametrize(
    "name", ["gpu", "cuda:", "cuda:x", "cpu:0", "cpu:", "auto:1", "", "cuda:-1", "cuda:²"]
)
def test_an_unknown_device_is_refused(name: str) -> None:
    with pytest.raises(
        UsageError, match=f"the device is '{name}', expected auto, cpu, cuda or cuda:n"
    ):
        chosen_device(name)


@pytest.mark.parametrize("given", [0, None])
def test_a_device_that_is_no_text_is_refused(
    given: Any,  # noqa: ANN401 - of a kind that is refused
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with pytest.raises(UsageError, match=f"the device is {given}, expected auto, cpu, cuda or c"):
        chosen_device(given)


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize("name", ["cuda", "cuda:1"])
def test_a_gpu_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(
        UsageError, match=f"the device is '{name}', but torch finds 0 GPUs here; use --device cpu"
    ):
        chosen_device(name)


@pytest.mark.usefixtures("two_gpus")
def test_gpus_are_counted_from_zero() -> None:
    with pytest.raises(UsageError, match="the device is 'cuda:2', but torch finds 2 GPUs here"):
        chosen_device("cuda:2")


def test_codes_are_exactly_minus_and_plus_one() -> None:
    logits = torch.tensor([[-100.0, -0.3, -1e-30, 1e-30, 0.7, 100]])
    assert binarised(logits).tolist() == [[-1, -1, -1, 1, 1, 1]]


@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_a_logit_of_zero_gives_plus_one(zero: float) -> None:
    assert binarised(torch.tensor([[zero]])).item() == 1


def test_the_gradient_goes_straight_through_the_sign() -> None:
    logits = torch.tensor([[-100.0, -0.3, 0.0, 0.7]], requires_grad=True)
    weights = torch.tensor([[1.0, 2, 3, 4]])
    (found,) = torch.autograd.grad((weights * binarised(logits)).sum(), [logits])
    assert torch.equal(found, weights)

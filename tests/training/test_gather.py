"""Two processes that share a batch see the loss and the gradients of one process."""

import os
import sys
from multiprocessing import get_context
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.functional import one_hot
from torch.nn.parallel import DistributedDataParallel

from acir.losses.sch import SCH
from acir.tensors import Batch, Encoding
from acir.training.gather import gather

WORLD = 2
PICTURES = 12
CLASSES = 3
INPUTS = 5
LOOPBACK = "lo0" if sys.platform == "darwin" else "lo"


def whole_batch() -> tuple[Tensor, Batch]:
    """Draw inputs of a small model and the batch that belongs to them."""
    random = torch.Generator().manual_seed(0)
    inputs = torch.randn(PICTURES, INPUTS, generator=random)
    return inputs, Batch(
        images=torch.rand(PICTURES, 3, 4, 4, generator=random),
        fingerprints=torch.rand(PICTURES, 256, generator=random),
        labels=one_hot(torch.arange(PICTURES) % CLASSES, CLASSES).float(),
        rows=torch.arange(PICTURES),
    )


def small_model() -> nn.Linear:
    torch.manual_seed(1)
    return nn.Linear(INPUTS, 16 + CLASSES)


def encoded(outputs: Tensor) -> Encoding:
    pooled = outputs.detach()
    return Encoding(outputs[:, :16], pooled, outputs[:, 16:], pooled, pooled[..., None, None])


def outcome(model: nn.Module, inputs: Tensor, batch: Batch) -> dict[str, Tensor]:
    """Return the loss, its gradient at the logits, and the gradients of the parameters."""
    outputs = model(inputs)
    outputs.retain_grad()
    encoding, joined = gather(encoded(outputs), batch)
    total = SCH(class_counts=(10, 3, 27))(encoding, joined).total
    total.backward()
    weight, bias = (parameter.grad for parameter in model.parameters())
    assert weight is not None and bias is not None and outputs.grad is not None
    return {
        "total": total.detach(),
        "outputs": outputs.grad,
        "weight": weight,
        "bias": bias,
        "rows": joined.rows,
    }


def one_of_two(rank: int, folder: str) -> None:
    """Run one of two processes on every second picture and keep what it found."""
    torch.set_num_threads(1)
    os.environ["GLOO_SOCKET_IFNAME"] = LOOPBACK
    meet = (Path(folder) / "meet").as_uri()
    dist.init_process_group("gloo", init_method=meet, rank=rank, world_size=WORLD)
    inputs, batch = whole_batch()
    own = slice(rank, None, WORLD)
    share = Batch(*(column[own] for column in vars(batch).values()))
    found = outcome(DistributedDataParallel(small_model()), inputs[own], share)
    save_file(found, Path(folder) / f"{rank}.safetensors")
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def single() -> dict[str, Tensor]:
    return outcome(small_model(), *whole_batch())


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Tensor]]:
    folder = tmp_path_factory.mktemp("gloo")
    context = get_context("spawn")
    children = [
        context.Process(target=one_of_two, args=(rank, str(folder))) for rank in range(WORLD)
    ]
    for child in children:
        child.start()
    for child in children:
        child.join()
    return [load_file(folder / f"{rank}.safetensors") for rank in range(WORLD)]


def close(a: Tensor, b: Tensor) -> bool:
    return torch.allclose(a, b, atol=1e-5, rtol=1e-5)


def test_every_process_forms_pairs_over_all_pictures(
    single: dict[str, Tensor], both: list[dict[str, Tensor]]
) -> None:
    for found in both:
        assert sorted(found["rows"].tolist()) == list(range(PICTURES))
        assert close(found["total"], single["total"])


def test_the_mean_over_processes_is_the_single_gradient_of_the_parameters(
    single: dict[str, Tensor], both: list[dict[str, Tensor]]
) -> None:
    for found in both:
        assert close(found["weight"], single["weight"])
        assert close(found["bias"], single["bias"])


def test_each_process_receives_the_gradient_of_its_own_rows_once_a_process(
    single: dict[str, Tensor], both: list[dict[str, Tensor]]
) -> None:
    # Every process adds the same gradient; the mean over processes takes the factor away again.
    for rank, found in enumerate(both):
        assert close(found["outputs"] / WORLD, single["outputs"][rank::WORLD])


def test_a_single_process_gets_back_what_it_gave() -> None:
    inputs, batch = whole_batch()
    encoding = encoded(small_model()(inputs))
    assert gather(encoding, batch) == (encoding, batch)

"""A checkpoint gives back exactly what it took, or says that it cannot."""

import errno
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import AdamW

from acir.durable import part_of
from acir.errors import BundleError, StorageError
from acir.training import checkpoint

ARRAYS = {
    "encoder.weight": torch.randn(3, 4, generator=torch.Generator().manual_seed(0)),
    "encoder.count": torch.tensor(7),
    "loss.mask": torch.tensor([True, False]),
    "half": torch.tensor([0.1, 0.2], dtype=torch.bfloat16),
    "empty": torch.zeros(0, 3),
}
STATE: dict[str, Any] = {"stage": 1, "best": 0.1 + 0.2, "history": [{"epoch": 1, "loss": 1e-9}]}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    checkpoint.write(tmp_path / "checkpoint.safetensors", ARRAYS, STATE)
    return tmp_path / "checkpoint.safetensors"


def test_what_is_read_equals_what_was_written(path: Path) -> None:
    arrays, state = checkpoint.read(path)
    assert state == STATE
    assert arrays.keys() == ARRAYS.keys()
    for name, array in arrays.items():
        assert array.dtype == ARRAYS[name].dtype
        assert torch.equal(array, ARRAYS[name])


def test_a_view_and_a_parameter_can_be_written(tmp_path: Path) -> None:
    weight = nn.Parameter(torch.arange(6.0).reshape(2, 3))
    checkpoint.write(tmp_path / "c", {"turned": weight.T}, {})
    assert torch.equal(checkpoint.read(tmp_path / "c")[0]["turned"], weight.detach().T)


def test_nothing_but_the_checkpoint_is_left(path: Path) -> None:
    checkpoint.write(path, ARRAYS, STATE)
    assert list(path.parent.iterdir()) == [path]


def test_a_half_written_file_beside_it_does_no_harm(path: Path) -> None:
    part_of(path).write_bytes(b"torn")
    assert checkpoint.read(path)[1] == STATE
    checkpoint.write(path, ARRAYS, {"stage": 2})
    assert checkpoint.read(path)[1] == {"stage": 2}


BROKEN = "checkpoint.safetensors is not a whole checkpoint; delete it to start the run afresh"


@pytest.mark.parametrize("kept", [0, 4, 100, -1])
def test_a_torn_file_is_refused(path: Path, kept: int) -> None:
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(BundleError, match=BROKEN):
        checkpoint.read(path)


def test_a_file_with_one_altered_bit_is_refused_wherever_it_is(path: Path) -> None:
    whole = path.read_bytes()
    for place in range(8, len(whole)):  # the first 8 bytes are the length of the header
        altered = bytearray(whole)
        altered[place] ^= 1
        path.write_bytes(altered)
        try:
            arrays, state = checkpoint.read(path)
        except BundleError:
            continue
        # What is still accepted must read as what was written: the header's spaces, for example.
        assert state == STATE
        assert all(torch.equal(arrays[name], array) for name, array in ARRAYS.items())


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=BROKEN):
        checkpoint.read(tmp_path / "checkpoint.safetensors")


def test_what_cannot_be_written_is_told_and_the_old_file_stays(path: Path) -> None:
    part_of(path).mkdir()
    with pytest.raises(
        StorageError, match=r"cannot write checkpoint.safetensors: .*; make room for it, then"
    ):
        checkpoint.write(path, ARRAYS, {"stage": 2})
    assert checkpoint.read(path)[1] == STATE


def test_a_full_disk_keeps_no_part_of_a_checkpoint(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save_file(_: object, place: Path, **__: object) -> None:
        place.write_bytes(b"a part")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", save_file)
    with pytest.raises(StorageError, match="No space left on device; make room for it, then"):
        checkpoint.write(path, ARRAYS, {"stage": 2})
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def model_and_optimiser() -> tuple[nn.Linear, AdamW]:
    torch.manual_seed(0)
    model = nn.Linear(3, 2)
    groups: list[dict[str, Any]] = [{"params": [model.weight], "weight_decay": 0.1}]
    groups.append({"params": [model.bias]})
    return model, AdamW(groups, lr=0.1)


def step(model: nn.Linear, optimiser: AdamW) -> None:
    optimiser.zero_grad()
    model(torch.arange(12.0).reshape(4, 3)).square().sum().backward()
    optimiser.step()


def test_an_optimiser_goes_on_as_if_it_had_never_stopped(tmp_path: Path) -> None:
    model, optimiser = model_and_optimiser()
    for _ in range(3):
        step(model, optimiser)
    arrays = {
        **checkpoint.prefixed("model", model.state_dict()),
        **checkpoint.optimiser_arrays(optimiser),
    }
    checkpoint.write(tmp_path / "c", arrays, {})
    step(model, optimiser)

    other, resumed = model_and_optimiser()
    read, _ = checkpoint.read(tmp_path / "c")
    other.load_state_dict(checkpoint.below("model", read))
    checkpoint.restore_optimiser(resumed, read)
    step(other, resumed)

    assert torch.equal(model.weight, other.weight)
    assert torch.equal(model.bias, other.bias)
    before, after = optimiser.state_dict()["state"], resumed.state_dict()["state"]
    assert before.keys() == after.keys() == {0, 1}
    for index, values in before.items():
        assert values.keys() == {"step", "exp_avg", "exp_avg_sq"}
        assert all(torch.equal(value, after[index][name]) for name, value in values.items())


def test_below_undoes_prefixed_and_leaves_others_out() -> None:
    arrays = checkpoint.prefixed("a", {"b.c": torch.zeros(1)}) | {"ab.c": torch.ones(1)}
    assert list(arrays) == ["a.b.c", "ab.c"]
    assert list(checkpoint.below("a", arrays)) == ["b.c"]

"""Encoding on a Ray cluster: a worker dies and nothing is lost; what is missing is said."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from acir.errors import UsageError
from acir.index.store import Store
from acir.workflows.cluster import Cluster
from made_model import CLASSES, acir, draw

COUNT = 1600
PATIENCE_SECONDS = 420


@pytest.fixture
def ray() -> None:
    """Skip without Ray, unless everything is asked for."""
    if find_spec("ray") is None:
        assert not os.environ.get("ACIR_REQUIRE_SERVICES"), "ray is not installed"
        pytest.skip("ray is not installed; pip install 'acir[scale]'")


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("many") / "many.npz"
    few = np.stack([draw(CLASSES[n % 4], 7000 + n) for n in range(40)])
    images = few[np.arange(COUNT) % 40]
    images[:, 0, 0], images[:, 0, 1] = np.arange(COUNT) % 256, np.arange(COUNT) // 256
    np.savez(path, train_images=images, train_labels=np.zeros((COUNT, 1), np.uint8))
    return path


@pytest.mark.usefixtures("ray")
def test_a_worker_that_dies_loses_nothing_and_stores_nothing_twice(
    tmp_path: Path, bundle: Path, many: Path
) -> None:
    script = Path(__file__).with_name("made_cluster.py")
    words = [sys.executable, str(script), str(bundle), str(many), str(tmp_path / "far")]
    done = subprocess.run(
        words, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    (killed_at,) = found["killed_at"]
    assert 0 < killed_at < COUNT
    assert found["built"] == {"new": COUNT, "replaced": 0, "unchanged": 0}
    assert found["again"] == {"new": 0, "replaced": 0, "unchanged": COUNT}
    near_by = ("--model", bundle, "--data", many, "--index", tmp_path / "near", "--no-thumbnails")
    assert acir("index", "build", *near_by, "--device", "cpu").code == 0
    with Store.open(tmp_path / "far") as far, Store.open(tmp_path / "near") as near:
        assert far.verify() == []
        rows = np.arange(COUNT)
        with far.view() as there, near.view() as here:
            pairs = zip(there.entries(rows), here.entries(rows), strict=True)
            assert all(a.id == b.id and a.pixel_hash == b.pixel_hash for a, b in pairs)
            apart = there.embeddings(rows).astype(float) - here.embeddings(rows).astype(float)
        assert np.abs(apart).max() < 2e-3  # the last bits are those of the machine


def test_without_ray_the_option_says_what_to_install(
    own_index: Path, many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    words = ("--index", own_index, "--data", many, "--ray", "auto")
    assert acir("index", "add", *words).refusal() == (
        "--ray needs 'ray', which is not installed. Install it with: pip install 'acir[scale]'"
    )


class Failing:
    """What `Cluster` uses of Ray, where no cluster answers and no worker works."""

    class exceptions:
        class RayError(Exception): ...

    def init(self, **_: object) -> None:
        raise ConnectionError("nobody answers")

    def get(self, _: object) -> None:
        raise self.exceptions.RayError("in a worker:\nModuleNotFoundError: acir")


def test_an_address_without_a_cluster_is_refused(
    own_index: Path, many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", Failing())
    words = ("--index", own_index, "--data", many, "--ray", "10.0.0.1:1")
    assert acir("index", "add", *words).refusal() == (
        "there is no Ray cluster at 10.0.0.1:1 (nobody answers); start one with ray start --head "
        "and give the address that it prints"
    )


def test_a_worker_that_cannot_encode_is_reported() -> None:
    cluster = Cluster.__new__(Cluster)
    cluster._ray, cluster._address = Failing(), "10.0.0.1:1"
    with pytest.raises(UsageError) as refused:
        cluster._result("reference")
    assert str(refused.value) == (
        "the Ray cluster at 10.0.0.1:1 cannot encode (ModuleNotFoundError: acir); give its "
        "machines this version of acir, then run the command again, or acir index add where the "
        "index has been begun: it goes on where this stopped"
    )

"""The map of an index: near pictures are near, and nobody sees another's."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import BinaryIO

import numpy as np
import pytest
from sklearn.manifold import trustworthiness

from acir.errors import ComponentError, UsageError
from acir.workflows.serving import layout, maps
from acir.workflows.serving.layout import within_square
from acir.workflows.serving.maps import FILE, Maps, Plan, UnmadeError
from acir.workflows.serving.queries import Query, examine
from acir.workflows.serving.served import Served
from made_model import acir, draw, save

SAMPLE = 120


def made(found: Maps, within: frozenset[str] | None = None, asked: object = None) -> Plan:
    """Wait for a map."""
    end = monotonic() + 300
    while (plan := found.plan(within, asked)) is None:  # type: ignore[arg-type]
        assert monotonic() < end, "the map was not made in five minutes"
        sleep(0.1)
    return plan


@pytest.fixture(scope="module")
def folder(index: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an index that has a map of a sample."""
    folder = Path(shutil.copytree(index, tmp_path_factory.mktemp("map") / "cells"))
    with Served.open(folder) as served:
        found = Maps(served, SAMPLE)
        assert found.plan(None) is None
        made(found)
    return folder


@pytest.fixture
def served(folder: Path) -> Iterator[Served]:
    with Served.open(folder) as found:
        yield found


def test_near_pictures_are_near_on_the_map(served: Served) -> None:
    plan = made(Maps(served, SAMPLE))
    assert len(plan.points) == SAMPLE
    embeddings = [
        served.searcher.store.known([point.id])[point.id].embedding for point in plan.points
    ]
    places = np.array([(point.x, point.y) for point in plan.points])
    assert places.min() >= 0
    assert places.max() <= 1
    kept = trustworthiness(np.array(embeddings, dtype=float), places, metric="cosine")
    assert kept > 0.85  # 0.5 by chance


def test_a_map_is_made_once_for_a_state(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("subprocess.Popen", None)  # nothing can be made any more
    first, second = Maps(served, SAMPLE).plan(None), Maps(served, SAMPLE).plan(None)
    assert first is not None
    assert first == second


def test_the_file_names_no_picture(folder: Path, served: Served) -> None:
    with np.load(folder / FILE, allow_pickle=False) as file:
        assert set(file.files) == {"state", "keys", "places"}
        assert file["keys"].dtype == np.int64
        assert file["places"].dtype == np.float32


def test_the_commonest_labels_have_colours(served: Served) -> None:
    plan = made(Maps(served, SAMPLE))
    counts = [count for _, count in plan.labels]
    assert counts == sorted(counts, reverse=True)
    assert sum(counts) == SAMPLE
    for point in plan.points:
        assert plan.labels[point.colour][0] == point.label


def test_a_stored_picture_is_marked_at_its_neighbours(served: Served) -> None:
    found = Maps(served, SAMPLE)
    point = made(found).points[0]
    mark = made(found, asked=served.entry(point.id, None)).mark
    assert mark is not None
    assert point in mark.nearest  # it is its own neighbour
    assert mark.x == pytest.approx(np.mean([near.x for near in mark.nearest]))
    assert mark.y == pytest.approx(np.mean([near.y for near in mark.nearest]))


def test_a_given_picture_is_marked_and_an_unreadable_one_is_not(
    served: Served, tmp_path: Path
) -> None:
    path = tmp_path / "disc.png"
    save(draw("disc", 120), path)
    found = Maps(served, SAMPLE)
    mark = made(found, asked=Query("k", "ada", examine(served, [(path.read_bytes(), None)]))).mark
    assert mark is not None
    labels = [near.label for near in mark.nearest]
    assert labels.count("disc") >= 3
    assert made(found, asked=Query("k", "ada", examine(served, [(b"nothing", None)]))).mark is None


def test_nobody_sees_rows_of_a_collection_that_they_may_not_see(
    folder: Path, tmp_path: Path, pictures: Path, bundle: Path
) -> None:
    index = tmp_path / "two"
    outcome = acir(
        "index", "build", "--model", bundle, "--data", f"{pictures}#val", "--index", index,
        "--collection", "chest",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    outcome = acir(
        "index", "add", "--index", index, "--data", f"{pictures}#test", "--collection", "bones"
    )
    assert outcome.code == 0, outcome.err
    with Served.open(index) as served:
        found = Maps(served)
        with served.searcher.store.view() as view:
            state = maps.state_of(view)
            keys = view.gallery.keys
            chest = set(np.flatnonzero(view.select({}, {"chest"})).tolist())
            names = [entry.id for entry in view.entries(np.arange(len(keys)))]
        places = np.random.default_rng(0).random((len(keys), 2), dtype=np.float32)
        np.savez(index / FILE, state=np.array(state), keys=keys, places=places)
        stranger = next(i for i in range(len(keys)) if i not in chest)
        asked = served.entry(names[stranger], None)
        plan = made(found, frozenset({"chest"}), asked)
        assert {point.id for point in plan.points} == {names[i] for i in chest}
        assert plan.mark is not None
        assert {near.id for near in plan.mark.nearest} <= {names[i] for i in chest}
        nothing = made(found, frozenset(), asked)
        assert (nothing.points, nothing.labels, nothing.mark) == ((), (), None)
        for point in plan.points:
            assert [point.x, point.y] == places[names.index(point.id)].tolist()


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04nothing", b"\x93NUMPY"])
def test_a_damaged_file_is_made_anew(
    folder: Path, tmp_path: Path, damage: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    (copy / FILE).write_bytes(damage)
    begun: list[object] = []
    monkeypatch.setattr(maps, "Thread", lambda **_: type("T", (), {"start": lambda _: None})())
    monkeypatch.setattr("subprocess.Popen", lambda command, **_: begun.append(command))
    with Served.open(copy) as served:
        assert Maps(served, SAMPLE).plan(None) is None
    assert len(begun) == 1


def test_a_changed_index_has_a_new_map(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    with Served.open(copy) as served:
        found = Maps(served, SAMPLE)
        gone = made(found).points[0].id
        served.searcher.store.delete([gone])
        assert found.plan(None) is None
        found.close()


def test_what_cannot_be_made_is_told(folder: Path, tmp_path: Path, bundle: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    (copy / FILE).unlink()
    with Served.open(copy) as served:
        found = Maps(served, SAMPLE)
        assert found.plan(None) is None
        found.close()  # the maker dies, as without memory
        with pytest.raises(UnmadeError, match="the map of this index could not be made; see that"):
            made(found)
        ids = [entry.id for entry in served.samples(400, None)]
        served.searcher.store.delete(ids[: 400 - layout.FEWEST + 1])
        with pytest.raises(UsageError, match="a map needs at least 16 pictures, and the index has"):
            made(found)


def test_the_missing_library_is_named(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    (copy / FILE).unlink()
    monkeypatch.setattr(maps, "find_spec", lambda _: None)
    with (
        Served.open(copy) as served,
        pytest.raises(ComponentError, match=r"pip install 'acir\[map"),
    ):
        Maps(served).plan(None)


def test_a_full_disk_keeps_no_part_of_a_map(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def savez(file: BinaryIO, **_: np.ndarray) -> None:
        file.write(b"a part")
        raise OSError

    monkeypatch.setattr(np, "savez", savez)
    maps._write(tmp_path / FILE, maps._Kept("", np.zeros(1, np.int64), np.zeros((1, 2), "f4")))
    assert list(tmp_path.iterdir()) == []


def test_places_fit_the_square_with_both_axes_alike() -> None:
    # 4 wide and 2 high: scaled by 1/4, centred at (0.5, 0.5).
    places = within_square(np.array([[1.0, 1.0], [5.0, 3.0], [3.0, 2.0]]))
    assert places.tolist() == [[0.0, 0.25], [1.0, 0.75], [0.5, 0.5]]
    assert within_square(np.ones((3, 2))).tolist() == [[0.5, 0.5]] * 3

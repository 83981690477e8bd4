"""What is found against a plain scan of everything that is stored."""

from pathlib import Path

import numpy as np
import pytest

from acir.codes import hamming
from acir.index.embeddings import Embeddings
from acir.index.entry import Entry
from acir.index.store import Store
from acir.ranking.content import Content
from acir.search.finder import Finder
from acir.search.probe import Probe
from acir.search.request import Request


def entry(number: int) -> Entry:
    rng = np.random.default_rng(number)
    return Entry(
        id=f"{number:03d}",
        code=rng.integers(0, 256, 2, dtype=np.uint8),
        embedding=rng.normal(size=12).astype(np.float16),
        label="any",
        pixel_hash=f"{number}",
        metadata={"case": f"{number % 7}"},
    )


@pytest.mark.parametrize("views", [1, 2])
def test_no_hit_of_a_case_is_beyond_the_radius(tmp_path: Path, views: int) -> None:
    entries = [entry(n) for n in range(200)]
    nobody = np.empty(0, dtype=np.int64)
    probes = [Probe(one.code, one.embedding, nobody) for one in entries[:views]]
    with Store.create(tmp_path / "index", bits=16, dim=12, engine="flat", model="m") as store:
        store.add(entries)
        request = Request(k=7, radius=5, per="case", keep_duplicates=True)
        with store.view() as view:
            (found,) = Finder(view, Embeddings(12)).find(
                [probes], request, Content(intercept=0.0, weight=5.0)
            )
            cases = view.values(found.ranking.rows, "case")
    nearest = hamming(
        np.stack([probe.code for probe in probes]), np.stack([one.code for one in entries])
    ).min(axis=0)
    expected = {f"{n % 7}" for n in range(200) if nearest[n] <= 5}
    assert set(cases) == expected
    assert found.ranking.distances.max() <= 5

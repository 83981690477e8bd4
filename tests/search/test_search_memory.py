"""What an index keeps of the pictures that it was asked about."""

import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import torch

from acir.index.store import Store
from acir.search.memory import Memory
from acir.search.model import Examined
from acir.tensors import Evidence
from acir.types import Calibration, ImageRecord, Verdict

NOTICE = "the index cannot be written, so nothing is kept of queries for acir drift"


def _examined(p: float, *, refused: bool = False) -> Examined:
    record = ImageRecord("1.png", np.zeros((2, 2)), (0.0, 1.0), "test", 0.5)
    verdict = Verdict("known", p, "", "ordinary", {}, Calibration(9, 1, 0.03, None))
    seen = torch.zeros(1, 3, 2, 2)
    evidence = Evidence(seen, seen, *(torch.zeros(1, 1) for _ in range(4)))
    return Examined(record, verdict, None if refused else evidence, None)


def test_p_values_are_kept_with_the_day_but_none_of_what_the_pre_flight_refused(
    tmp_path: Path,
) -> None:
    with Store.create(tmp_path / "index", bits=16, dim=4, engine="flat", model="m") as store:
        days = {datetime.now(UTC).date().isoformat()}
        asked = [_examined(0.5), _examined(0.125, refused=True), _examined(0.25)]
        assert Memory(store).keep(asked) == ()
        days.add(datetime.now(UTC).date().isoformat())  # midnight may have passed
        found = store.traffic()
    assert found.p_values.tolist() == [0.5, 0.25]
    assert set(found.days) <= days


def test_an_index_that_cannot_be_written_is_told_of_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Store.create(tmp_path / "index", bits=16, dim=4, engine="flat", model="m").close()
    monkeypatch.setattr(os, "access", lambda _, mode: mode != os.W_OK)
    with Store.open(tmp_path / "index") as store:
        memory = Memory(store)
        assert memory.keep([_examined(0.5), _examined(0.25)]) == (NOTICE,)
        assert memory.keep([_examined(0.5)]) == ()
        assert len(store.traffic().p_values) == 0

"""An index that is closed, forked or sent elsewhere says so; the page says what to do instead."""

import copy
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from acir.errors import StoreError, UsageError
from acir.workflows.search import load, open_index
from made_model import draw, save

ROOT = Path(__file__).parents[2]


def test_a_closed_index_answers_no_more(index: Path) -> None:
    opened = open_index(index)
    opened.close()
    opened.close()  # twice is harmless
    for ask in (lambda: opened.search(draw("disc", 300)), lambda: len(opened)):
        with pytest.raises(StoreError, match=f"the index at {index} was closed; open it again"):
            ask()


def test_an_index_that_was_opened_before_a_fork_is_refused_after_it(
    index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_index(index) as opened:
        with monkeypatch.context() as patched:
            patched.setattr(os, "getpid", lambda: 1)  # as in the child, which has another number
            with pytest.raises(StoreError, match="opened by another process, before a fork; open"):
                opened.search(draw("disc", 300))
        assert opened.search(draw("disc", 300), k=1, force=True).hits


def test_neither_a_model_nor_an_index_is_copied_or_sent(index: Path, bundle: Path) -> None:
    with open_index(index) as opened:
        for one, name in ((opened, "Searcher"), (load(bundle), "Model")):
            for copied in (pickle.dumps, copy.copy, copy.deepcopy):
                with pytest.raises(UsageError, match=f"a {name} cannot be copied or sent to an.*"):
                    copied(one)


def test_processes_search_as_the_page_shows(index: Path, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "how-to" / "search.md").read_text(encoding="utf-8")
    shown = page.partition("open it by its folder:\n\n```python\n")[2].partition("```")[0]
    script = tmp_path / "script.py"
    script.write_text(f"{shown}    print([hit.id for hits in found for hit in hits])\n", "utf-8")
    save(draw("disc", 120), tmp_path / "scan.png")
    (tmp_path / "indexes").mkdir()
    (tmp_path / "indexes" / "cells").symlink_to(index)
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    with open_index(index) as opened:
        hits = [hit.id for hit in opened.search(tmp_path / "scan.png", k=3).hits]
    assert len(hits) == 3
    assert done.stdout == f"{hits * 2}\n"

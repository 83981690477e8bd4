"""The script that times the opening of a large index writes rows that open and answer."""

import json
import os
import subprocess
import sys
from pathlib import Path

from acir.index.store import Store

ROOT = Path(__file__).parents[2]


def test_a_small_index_of_the_script_is_opened_timed_and_searched(tmp_path: Path) -> None:
    folder, out = tmp_path / "index", tmp_path / "opening.json"
    script = [sys.executable, str(ROOT / "benchmarks" / "opening.py"), "--count", "2000"]
    subprocess.run(
        [*script, "--folder", str(folder), "--out", str(out)],
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    result = json.loads(out.read_text(encoding="utf-8"))
    assert result["pictures"] == 2000
    assert result["first_s"]["best"] > 0
    with Store.open(folder) as store, store.view() as view:
        assert view.same_pixels(f"{7:064d}").tolist() == [7]

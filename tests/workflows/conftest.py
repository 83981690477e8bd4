"""What tests of indexes share.

The package is imported inside the fixture: see `tests/conftest.py`.
"""

from pathlib import Path

import pytest


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """Return a folder of twelve pictures that no other test sees."""
    from made_model import CLASSES, draw, save  # noqa: PLC0415 - see the module's docstring

    for kind in CLASSES:
        for number in range(200, 203):
            save(draw(kind, number), tmp_path / "few" / kind / f"{number}.png")
    return tmp_path / "few"

"""What the tests of several blocks share."""

import pytest
import torch


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Give every test the same random weights and maps."""
    torch.manual_seed(0)

"""What the tests of captures share."""

from pathlib import Path

import pytest


@pytest.fixture
def at(tmp_path: Path) -> Path:
    """Where a test writes its capture."""
    return tmp_path / "capture"

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.connectors.loading import Installation


@pytest.fixture
def shop(tmp_path: Path) -> Installation:
    """An empty installation; its one system is called ``shop`` in these tests."""
    return Installation(tmp_path)

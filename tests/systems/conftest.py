"""Real systems on loopback, installed from the package registries into a folder that is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.conftest import server

__all__ = ["server"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--systems",
        type=Path,
        metavar="FOLDER",
        help="run the tests against real systems; they are installed into this folder once",
    )


@pytest.fixture(scope="session")
def systems(request: pytest.FixtureRequest) -> Path:
    """Folder of the installed systems; tests that need one skip where none was named."""
    folder: Path | None = request.config.getoption("--systems", default=None)
    if folder is None:
        pytest.skip("real systems are only started by `make test-systems`")
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()

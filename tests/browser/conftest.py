from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from streamlit_app.screenshots import CHROMIUM, chromium, serve
from tests.unit.streamlit_app.dashboard_company import publish_company

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} does not exist: apt-get install chromium")
    pytest.importorskip("playwright", reason="playwright is a development package")
    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def dashboard(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a dashboard over the test company, orders included."""
    with serve(publish_company(tmp_path_factory.mktemp("home"), with_orders=True)) as address:
        yield address


@pytest.fixture(scope="session")
def empty_dashboard(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a dashboard before the first publish."""
    from dagster_project.settings import Settings

    home: Path = tmp_path_factory.mktemp("empty")
    with serve(Settings(home=home)) as address:
        yield address

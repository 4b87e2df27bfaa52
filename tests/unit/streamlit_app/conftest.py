from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.unit.streamlit_app.dashboard_company import build_tables, publish_company


@pytest.fixture(scope="session")
def company() -> Iterator[duckdb.DuckDBPyConnection]:
    """All marts and rule tables of the test company, orders included; read only."""
    connection = duckdb.connect()
    build_tables(connection, with_orders=True)
    yield connection
    connection.close()


@pytest.fixture
def own_company() -> Iterator[duckdb.DuckDBPyConnection]:
    """A company of its own for a test that changes tables; without orders."""
    connection = duckdb.connect()
    build_tables(connection)
    yield connection
    connection.close()


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published version without orders; read only."""
    return publish_company(tmp_path_factory.mktemp("plain")).home


@pytest.fixture(scope="session")
def home_with_orders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish_company(tmp_path_factory.mktemp("orders"), with_orders=True).home


@pytest.fixture(scope="session")
def home_held_back(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, with a later run held back."""
    return publish_company(tmp_path_factory.mktemp("held"), held_back=True).home

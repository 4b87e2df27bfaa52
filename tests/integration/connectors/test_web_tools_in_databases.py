"""Matomo and Umami where they really lie: in MySQL (here MariaDB) and PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import sqlalchemy as sa

from tests.integration.connectors.test_mysql import server as mariadb
from tests.unit.connectors.loading import Installation
from tests.unit.mapping import web_tools
from tests.unit.mapping.conftest import built_warehouse

__all__ = ["mariadb"]

pytestmark = pytest.mark.integration

POSTGRESQL = {
    "bytes8": "bytea",
    "bytes16": "bytea",
    "timestamp": "timestamp",
    "instant": "timestamptz",
    "uuid": "uuid",
}
MARIADB = {"bytes8": "binary(8)", "bytes16": "varbinary(16)", "timestamp": "datetime"}
LOGIN = "owner:s3cret%2F%40word"


def fill(url: str, tool: str, types: Mapping[str, str], hexadecimal: str) -> None:
    """Make and fill the tables of a tool."""
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    with engine.begin() as connection:
        for statement in web_tools.statements(f"{tool}.sql", types, hexadecimal):
            # As it is: a colon in a time is no parameter.
            connection.exec_driver_sql(statement)


def loaded(shop: Installation, *tools: str) -> None:
    shop.sources(
        "".join(web_tools.snippets()[("matomo", "umami").index(tool) + 2] for tool in tools)
    )
    for tool in tools:
        for receipt in shop.load(f"web_{tool}").values():
            assert receipt.status == "loaded", receipt.message_en


def test_matomo_and_umami_in_postgresql(
    server: str, shop: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    for tool in ("matomo", "umami"):
        fill(f"postgresql+psycopg2://{LOGIN}@{server}", tool, POSTGRESQL, "'\\x%s'::bytea")
        monkeypatch.setenv(f"{tool.upper()}_URL", f"postgresql://{LOGIN}@{server}")
    loaded(shop, "matomo", "umami")
    warehouse = built_warehouse(shop.settings, ["int_canonical__web_events"])
    assert warehouse.web_events("web_matomo") == web_tools.MATOMO
    assert warehouse.web_events("web_umami") == web_tools.UMAMI


def test_matomo_in_mariadb(
    mariadb: str, shop: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(f"mysql+pymysql://{LOGIN}@{mariadb}?charset=utf8mb4", "matomo", MARIADB, "x'%s'")
    monkeypatch.setenv("MATOMO_URL", f"mysql://{LOGIN}@{mariadb}")
    loaded(shop, "matomo")
    warehouse = built_warehouse(shop.settings, ["int_canonical__web_events"])
    assert warehouse.web_events("web_matomo") == web_tools.MATOMO

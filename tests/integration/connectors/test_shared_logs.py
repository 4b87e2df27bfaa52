"""Real access logs of third parties: every line is landed or quarantined, as published."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagster_project.settings import REPO_ROOT
from tests.unit.connectors.loading import Installation

pytestmark = pytest.mark.integration

DATA = REPO_ROOT.parent / "shared" / "data"


@pytest.fixture
def data() -> Path:
    if not DATA.is_dir():
        pytest.skip(f"the real data of third parties are not at {DATA}")
    return DATA


def configure(shop: Installation, folder: Path, glob: str) -> None:
    shop.sources(
        '[[source]]\nsystem = "shop"\nkind = "access_log"\n'
        f'location = "{folder}"\nglob = "{glob}"\n'
    )


def test_every_line_of_a_real_log_loads(shop: Installation, data: Path) -> None:
    configure(shop, data / "web_apache", "access.log.gz")
    receipt = shop.load()["requests"]
    assert (receipt.rows_loaded, receipt.rows_rejected) == (10_000, 0)
    assert shop.query(
        "select sum(count_bytes), count(distinct client_address), "
        "count(*) filter (where status = 200), count(*) filter (where status = 404) "
        "from {shop.requests}"
    ) == [(2_747_282_740, 1_753, 9_126, 213)]
    visitors = (
        "select count(*) from (select distinct client_address, user_agent, requested_at::date "
        "from {shop.requests} where status not between 400 and 499)"
    )
    assert shop.query(visitors) == [(2_095,)]
    assert shop.query("select user_agent like '%bot.html' from {shop.requests} "
                      "where _source_row = 8899") == [(True,)]  # fmt: skip


def test_exactly_the_broken_lines_are_quarantined(shop: Installation, data: Path) -> None:
    folder = data / "web_malformed"
    configure(shop, folder, "combined_with_errors.log")
    content = (folder / "combined_with_errors.log").read_text().splitlines()
    receipt = shop.load()["requests"]
    assert receipt.rows_received == receipt.rows_loaded + receipt.rows_rejected == len(content)
    broken = [(n, line) for n, line in enumerate(content, 1) if line.startswith("Error line")]
    assert len(broken) == 4
    assert shop.quarantined("source_row, raw_text") == broken


def test_binary_tail_is_quarantined(shop: Installation, data: Path) -> None:
    configure(shop, data / "web_malformed", "combined_latin1_enc.log")
    receipt = shop.load()["requests"]
    assert (receipt.rows_received, receipt.rows_loaded) == (200, 169)
    assert shop.query("select max(_source_row) from {shop.requests}") == [(169,)]
    assert shop.query("select min(source_row), count(*) from {ops.quarantined_rows}") == [(170, 31)]

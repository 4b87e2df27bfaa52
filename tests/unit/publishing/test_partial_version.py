"""A version of a run that built a part: the rest is that of the version shown before."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from dagster_project.publishing import (
    Part,
    PublishingError,
    current_version,
    open_version,
    publish,
    rollback,
)
from dagster_project.quality import CheckResult, write_check_results
from dagster_project.settings import Settings
from tests.unit.publishing import sample_home
from tests.unit.publishing.sample_home import NOW, build

LATER = NOW + timedelta(minutes=5)
ORDERS = Part(models=frozenset({"mart_order"}), systems=frozenset({"erp"}))


def check(table: str, check_id: str, status: str = "passed", **more: object) -> CheckResult:
    values: dict[str, object] = {
        "run_id": "",
        "checked_at": NOW,
        "checker": "great_expectations",
        "layer": "mart",
        "check_id": check_id,
        "table_name": table,
        "column_name": None,
        "severity": "error",
        "status": status,
        "count_failed": 0,
        "detail": "",
        "description_en": check_id,
        "description_zh": check_id,
    }
    return CheckResult(**{**values, **more})  # type: ignore[arg-type]


def query(settings: Settings, sql: str) -> list[tuple[object, ...]]:
    version = current_version(settings)
    assert version is not None
    with open_version(settings, version.version_id) as connection:
        return connection.sql(sql).fetchall()


def test_tables_that_were_not_built_stay_as_they_were_shown(tmp_path: Path) -> None:
    settings = build(tmp_path)
    publish(settings, "run-1", NOW)
    # A run that was held back has left both changed in the warehouse.
    sample_home.write_warehouse(
        settings,
        {
            "mart_lead": "select 'bad' as lead_id, date '2026-01-01' as period_date, 1 as amount",
            "mart_order": "select 7 as order_id, 1.5 as net_amount",
        },
    )
    result = publish(settings, "run-2", LATER, part=ORDERS)
    assert query(settings, "select order_id from mart_order") == [(7,)]
    assert query(settings, "select count(*), max(lead_id) from mart_lead") == [(5, "l4")]
    columns = "select column_name from ops_columns where table_name = 'mart_lead' order by position"
    assert query(settings, columns) == [("lead_id",), ("period_date",), ("amount",)]
    assert query(settings, "select state, count(*) from ops_versions group by 1 order by 1") == [
        ("current", 1),
        ("earlier", 1),
    ]
    assert result.rows == 5 + 1 + 1 + 2 + sum(
        table.rows
        for name, table in current_version(settings).tables.items()  # type: ignore[union-attr]
        if name.startswith("ops_")
    )


def test_sources_that_were_not_loaded_stay_as_old_as_the_tables_made_from_them(
    tmp_path: Path,
) -> None:
    settings = build(tmp_path)
    publish(settings, "run-1", NOW)
    newer = "timestamp '2026-07-01 05:00'"
    sample_home.write_operations(
        settings,
        "receipts",
        f"select * from (values ('crm', 'leads', '3', 'loaded', {newer}, {newer}), "
        f"('erp', 'orders', '2', 'loaded', {newer}, {newer})) "
        "as t(system, table_name, load_id, status, finished_at, newest_at)",
        file="2",
    )
    publish(settings, "run-2", LATER, part=ORDERS)
    version = current_version(settings)
    assert version is not None
    crm, erp = version.sources
    assert crm.newest_at is not None and crm.newest_at.isoformat() == "2026-06-28T00:00:00+00:00"
    assert erp.newest_at is not None and erp.newest_at.isoformat() == "2026-07-01T05:00:00+00:00"


def test_checks_that_were_not_repeated_keep_result_and_time(tmp_path: Path) -> None:
    settings = build(tmp_path)
    first = [check("mart_lead", "a", "failed", severity="warn"), check("mart_order", "b")]
    dropped = check("mart_lead", "removed_test", checker="dbt")
    kept = check("mart_lead", "unique_mart_lead_lead_id", checker="dbt")
    write_check_results(settings, [*first, dropped, kept], "run-1", NOW)
    publish(settings, "run-1", NOW)
    second = [check("mart_order", "b", "failed", severity="warn")]
    write_check_results(settings, second, "run-2", LATER)
    publish(settings, "run-2", LATER, part=ORDERS)
    expected = [
        ("run-2", "mart_lead", "a", "failed", NOW.replace(tzinfo=None)),
        ("run-2", "mart_lead", "unique_mart_lead_lead_id", "passed", NOW.replace(tzinfo=None)),
        ("run-2", "mart_order", "b", "failed", LATER.replace(tzinfo=None)),
    ]
    sql = (
        "select run_id, table_name, check_id, status, checked_at from ops_check_results "
        "where run_id = '{}' order by 2, 3"
    )
    assert query(settings, sql.format("run-2")) == expected
    assert len(query(settings, sql.format("run-1"))) == 4, "the history stays"
    version = current_version(settings)
    assert version is not None
    assert version.checks == {"passed": 1, "failed_error": 0, "failed_warn": 2, "not_run": 0}
    # A third part, without a result of its own, takes over what the second one said.
    publish(settings, "run-3", LATER + timedelta(minutes=5), part=ORDERS)
    assert query(settings, sql.format("run-3")) == [("run-3", *row[1:]) for row in expected]


def test_a_part_follows_what_is_shown_after_a_rollback(tmp_path: Path) -> None:
    settings = build(tmp_path)
    publish(settings, "run-1", NOW)
    sample_home.write_warehouse(
        settings,
        {
            "mart_lead": "select 'bad' as lead_id, date '2026-01-01' as period_date, 1 as amount",
        },
    )
    publish(settings, "run-2", LATER)
    rollback(settings, LATER)
    publish(settings, "run-3", LATER + timedelta(minutes=5), part=ORDERS)
    assert query(settings, "select count(*) from mart_lead") == [(5,)]


def test_a_part_needs_a_whole_version_before_it(tmp_path: Path) -> None:
    settings = build(tmp_path)
    with pytest.raises(PublishingError, match="make run"):
        publish(settings, "run-1", NOW, part=ORDERS)
    assert current_version(settings) is None


def test_a_table_new_in_the_project_is_published_with_the_next_part(tmp_path: Path) -> None:
    settings = build(tmp_path)
    publish(settings, "run-1", NOW)
    sample_home.write_manifest(
        settings, [*sample_home.standard_nodes(), sample_home.model("mart_new")]
    )
    sample_home.write_warehouse(settings, {"mart_new": "select 1 as new_id"})
    publish(settings, "run-2", LATER, part=ORDERS)
    assert query(settings, "from mart_new") == [(1,)]

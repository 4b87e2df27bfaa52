from __future__ import annotations

import os
import time
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from dagster_project.publishing import (
    HoldBackReason,
    PublishingError,
    VersionNotFoundError,
    current_version,
    hold_back,
    list_versions,
    open_version,
    publish,
    publisher,
    publishing_status,
    rollback,
    storage,
    version_info,
)
from dagster_project.publishing.__main__ import main
from dagster_project.publishing.dbt_artifacts import read_project
from dagster_project.settings import Settings
from tests.unit.publishing import sample_home
from tests.unit.publishing.sample_home import NOW, build

REASON = HoldBackReason("Keys are unique", "主键唯一", "mart_lead", "2 / 5")


def _objects(settings: Settings) -> dict[str, int]:
    return {
        str(path.name): path.stat().st_mtime_ns
        for path in (settings.published / "objects").glob("*/*.parquet")
    }


def test_a_version_holds_marts_rules_and_the_pipelines_own_tables(tmp_path: Path) -> None:
    settings = build(tmp_path)
    result = publish(settings, "run-1", NOW)
    version = current_version(settings)
    assert version is not None
    assert version.version_id == result.version_id == "v000001-20260701T063000Z"
    assert (version.run_id, version.published_at, version.as_of) == ("run-1", NOW, NOW.date())
    assert version.status.state == "published"
    assert {name: table.layer for name, table in version.tables.items()} == {
        "mart_lead": "mart",
        "mart_order": "mart",
        "thresholds": "rule",
        "metric_catalogue": "rule",
        "ops_check_results": "ops",
        "ops_model_sql": "ops",
        "ops_metric_lineage": "ops",
        "ops_lineage_edges": "ops",
        "ops_columns": "ops",
        "ops_versions": "ops",
        "ops_sources": "ops",
    }
    with open_version(settings, version.version_id) as connection:
        assert connection.sql("from mart_lead order by all").fetchall() == [
            (f"l{i}", date(2026, 1, 1 + i), i) for i in range(5)
        ]
        for name, table in version.tables.items():
            described = connection.sql(f"describe {name}").fetchall()
            assert [{"name": row[0], "type": row[1]} for row in described] == list(table.columns)
            (rows,) = connection.sql(f"select count(*) from {name}").fetchall()[0]
            assert rows == table.rows


def test_a_version_tells_every_table_of_the_sources_file(tmp_path: Path) -> None:
    settings = build(tmp_path)
    settings.sources_file.write_text(
        '[[source]]\nsystem = "erp"\nkind = "files"\nlocation = "x"\nschedule = "weekly"\n'
        'label = { en = "Goods", zh = "货物" }\n[[source.table]]\nname = "never"\nglob = "*.csv"\n',
        encoding="utf-8",
    )
    version = publish(settings, "run-1", NOW)
    with open_version(settings, version.version_id) as connection:
        assert connection.sql("from ops_sources").fetchall() == [
            ("erp", "never", "files", "Goods", "货物", "weekly")
        ]


def test_sources_as_of_is_that_of_the_last_good_load(tmp_path: Path) -> None:
    settings = build(tmp_path)
    publish(settings, "run-1", NOW)
    version = current_version(settings)
    assert version is not None
    crm, erp = version.sources
    assert (crm.system, crm.table, crm.last_status) == ("crm", "leads", "failed")
    assert crm.newest_at is not None and crm.newest_at.isoformat() == "2026-06-28T00:00:00+00:00"
    assert crm.loaded_at is not None and crm.loaded_at.isoformat() == "2026-06-29T01:00:00+00:00"
    assert (erp.newest_at, erp.last_status) == (None, "unchanged")


@pytest.mark.parametrize(
    ("setting", "file", "expected"),
    [
        (date(2026, 3, 1), "as_of = 2026-04-01", date(2026, 3, 1)),
        (None, "as_of = 2026-04-01", date(2026, 4, 1)),
        (None, "", date(2026, 7, 1)),
    ],
)
def test_as_of(tmp_path: Path, setting: date | None, file: str, expected: date) -> None:
    settings = build(tmp_path, as_of=setting)
    settings.sources_file.write_text(file, encoding="utf-8")
    publish(settings, "run-1", NOW)
    assert version_info(settings, "v000001-20260701T063000Z").as_of == expected


def test_lineage_reaches_from_metric_to_landed_table(tmp_path: Path) -> None:
    settings = build(tmp_path)
    publish(settings, "run-1", NOW)
    with open_version(settings, "v000001-20260701T063000Z") as connection:
        rows = connection.sql(
            "select metric_id, node_name, node_kind, layer, source_system, source_table, distance "
            "from ops_metric_lineage order by distance, node_name"
        ).fetchall()
        assert rows == [
            ("lead_count", "mart_lead", "model", "mart", None, None, 0),
            ("lead_count", "fct_lead", "model", "core", None, None, 1),
            ("lead_count", "thresholds", "seed", "rule", None, None, 1),
            ("lead_count", "stg_crm__leads", "model", "staging", None, None, 2),
            ("lead_count", "crm.leads", "source", "landed", "crm", "leads", 3),
        ]
        assert connection.sql(
            "select parent_name from ops_lineage_edges where child_name = 'mart_lead' order by 1"
        ).fetchall() == [("fct_lead",), ("thresholds",)]
        assert connection.sql(
            "select compiled_sql from ops_model_sql where model_name = 'mart_lead'"
        ).fetchall() == [("select 1 as mart_lead",)]
        assert connection.sql(
            "select position, data_type, is_key, description_en, description_zh from ops_columns "
            "where table_name = 'mart_lead' and column_name = 'lead_id'"
        ).fetchall() == [(1, "VARCHAR", True, "The lead.", "线索编号")]


def test_check_results_of_the_newest_runs_are_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = build(tmp_path)
    monkeypatch.setattr(publisher.operations_tables, "KEEP_RUNS", 2)
    for number in (1, 2, 3):
        sample_home.write_operations(
            settings,
            "check_results",
            f"select 'run-{number}' as run_id, timestamptz '2026-07-0{number} 00:00:00Z' as "
            "checked_at, unnest(['passed', 'failed', 'failed', 'not_run']) as status, "
            "unnest(['error', 'warn', 'error', 'error']) as severity",
            file=str(number),
        )
    publish(settings, "run-3", NOW)
    version = current_version(settings)
    assert version is not None
    assert version.checks == {"passed": 1, "failed_error": 1, "failed_warn": 1, "not_run": 1}
    with open_version(settings, version.version_id) as connection:
        assert connection.sql(
            "select run_id, count(*) from ops_check_results group by 1 order by 1"
        ).fetchall() == [("run-2", 4), ("run-3", 4)]


@pytest.mark.parametrize("folder", ["models/core", "../elsewhere/dbt/models/canonical"])
def test_sql_of_a_model_is_that_which_dbt_compiled_last(tmp_path: Path, folder: str) -> None:
    settings = build(tmp_path)
    node = sample_home.model("kept") | {"original_file_path": f"{folder}/kept.sql"}
    # A manifest of `dbt parse` has none, one of an earlier `dbt build` by hand an older one.
    sample_home.write_manifest(settings, [node | {"compiled_code": None}])
    assert read_project(settings).nodes["model.smh.kept"].compiled_sql == ""
    sample_home.write_manifest(settings, [node])
    assert read_project(settings).nodes["model.smh.kept"].compiled_sql == "select 1 as kept"
    (settings.dbt_artifacts / "compiled" / "smh").mkdir(parents=True)
    path = settings.dbt_artifacts / "compiled" / "smh" / folder / "kept.sql"
    path.parent.mkdir(parents=True)
    path.write_text("select 1 as compiled", encoding="utf-8")
    assert read_project(settings).nodes["model.smh.kept"].compiled_sql == "select 1 as compiled"


def test_unchanged_tables_are_reused_whatever_their_row_order(tmp_path: Path) -> None:
    settings = build(tmp_path)
    first = publish(settings, "run-1", NOW)
    before = _objects(settings)
    sample_home.write_warehouse(
        settings, {"mart_lead": f"select * from ({sample_home.MARTS['mart_lead']}) order by 1 desc"}
    )
    second = publish(settings, "run-1", NOW + timedelta(hours=1))
    assert first.files_reused == 0
    assert second.files_written == 1  # ops_versions
    assert before.items() <= _objects(settings).items()


@pytest.mark.parametrize(
    "change",
    [
        "select * replace (case lead_id when 'l1' then 7 else amount end::hugeint as amount)",
        # Two changes that leave the multiset of values of every column as it was.
        "select * replace (case lead_id when 'l1' then 2 when 'l2' then 1 else amount end::hugeint "
        "as amount)",
        "select * replace (case lead_id when 'l1' then null else amount end as amount)",
        "select * replace (amount::bigint as amount)",
        "select lead_id, amount, period_date",
        "select * rename (amount as net_amount)",
    ],
)
def test_any_change_is_published(tmp_path: Path, change: str) -> None:
    settings = build(tmp_path)
    publish(settings, "run-1", NOW)
    query = f"{change} from ({sample_home.MARTS['mart_lead']})"
    sample_home.write_warehouse(settings, {"mart_lead": query})
    result = publish(settings, "run-2", NOW + timedelta(hours=1))
    with open_version(settings, result.version_id) as connection:
        assert (
            connection.sql("from mart_lead order by lead_id").fetchall()
            == duckdb.sql(f"{query} order by lead_id").fetchall()
        )


def test_duplicate_rows_do_not_cancel_out(tmp_path: Path) -> None:
    settings = build(tmp_path)
    sample_home.write_warehouse(settings, {"mart_order": "select unnest([1, 1, 2, 2]) as a"})
    publish(settings, "run-1", NOW)
    sample_home.write_warehouse(settings, {"mart_order": "select unnest([3, 3, 4, 4]) as a"})
    result = publish(settings, "run-2", NOW)
    with open_version(settings, result.version_id) as connection:
        assert connection.sql("select sum(a) from mart_order").fetchall() == [(14,)]


def test_the_same_content_makes_the_same_file(tmp_path: Path) -> None:
    contents = []
    for folder, order in (("a", "asc"), ("b", "desc")):
        settings = build(tmp_path / folder)
        for table, query in sample_home.MARTS.items():
            sample_home.write_warehouse(
                settings, {table: f"select * from ({query}) order by 1 {order}"}
            )
        publish(settings, "run-1", NOW)
        version = current_version(settings)
        assert version is not None
        contents.append(
            [
                (settings.published / file.path).read_bytes()
                for name in sample_home.MARTS
                for file in version.tables[name].files
            ]
        )
    assert contents[0] == contents[1]


def test_a_large_table_is_split_by_month_and_only_changed_months_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "PARTITION_ROWS", 90)
    days = (
        "select i as id, timestamp '2026-01-01' + interval (i) day as seen_at, "
        "case when i < 90 then date '2026-01-01' + i::int end as period_date "
        "from range(100) as t(i)"
    )
    settings = build(tmp_path, marts={**sample_home.MARTS, "mart_order": days})
    publish(settings, "run-1", NOW)
    version = current_version(settings)
    assert version is not None
    table = version.tables["mart_order"]
    assert table.partitioned_by == "period_date"
    assert [(file.partition, file.rows) for file in table.files] == [
        (None, 10),
        ("2026-01-01", 31),
        ("2026-02-01", 28),
        ("2026-03-01", 31),
    ]
    sample_home.write_warehouse(
        settings,
        {
            "mart_order": f"select * replace (case id when 40 then null else seen_at end as "
            f"seen_at) from ({days})"
        },
    )
    result = publish(settings, "run-2", NOW + timedelta(hours=1))
    assert result.files_written == 2  # February and ops_versions
    with open_version(settings, result.version_id) as connection:
        assert connection.sql("select count(*), count(seen_at) from mart_order").fetchall() == [
            (100, 99)
        ]


@pytest.mark.parametrize("kind", ["date", "timestamp", "timestamptz"])
def test_months_of_every_kind_of_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(publisher, "PARTITION_ROWS", 1)
    settings = build(tmp_path)
    query = (
        f"select unnest(['0001-01-01', '2025-12-31', '2026-01-01', '2026-01-31', null])::{kind} "
        "as at"
    )
    sample_home.write_warehouse(settings, {"mart_order": query})
    result = publish(settings, "run-1", NOW)
    table = version_info(settings, result.version_id).tables["mart_order"]
    assert [file.rows for file in table.files] == [1, 1, 1, 2]


def test_an_impossible_date_is_named_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "PARTITION_ROWS", 1)
    settings = build(tmp_path)
    sample_home.write_warehouse(
        settings, {"mart_order": "select unnest([date '2026-01-01', 'infinity'::date]) as at"}
    )
    with pytest.raises(PublishingError, match=r"mart_order.*impossible dates"):
        publish(settings, "run-1", NOW)


def test_empty_mart_keeps_its_columns(tmp_path: Path) -> None:
    settings = build(tmp_path)
    sample_home.write_warehouse(settings, {"mart_order": "select 1 as order_id limit 0"})
    result = publish(settings, "run-1", NOW)
    with open_version(settings, result.version_id) as connection:
        relation = connection.sql("from mart_order")
        assert (relation.columns, relation.fetchall()) == (["order_id"], [])


def test_missing_pieces_are_named_with_the_remedy(tmp_path: Path) -> None:
    settings = sample_home.settings_for(tmp_path)
    with pytest.raises(PublishingError, match=r"manifest\.json does not exist.*make run"):
        publish(settings, "run-1", NOW)
    sample_home.write_manifest(settings, sample_home.standard_nodes())
    with pytest.raises(PublishingError, match=r"warehouse\.duckdb does not exist.*make run"):
        publish(settings, "run-1", NOW)
    build(tmp_path)
    publish(settings, "run-1", NOW)
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute("drop table mart_order")
    with pytest.raises(PublishingError, match=r"model mart_order .*not in the warehouse.*make run"):
        publish(settings, "run-2", NOW)
    version = current_version(settings)
    assert version is not None and version.run_id == "run-1"


def test_other_engines_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PublishingError, match="SMH_DBT_TARGET is spark"):
        publish(build(tmp_path, dbt_target="spark"), "run-1", NOW)


def test_hold_back_keeps_the_version_and_the_first_time(tmp_path: Path) -> None:
    settings = build(tmp_path)
    first = publish(settings, "run-1", NOW)
    hold_back(settings, "run-2", [REASON], NOW + timedelta(hours=1))
    hold_back(settings, "run-3", [REASON], NOW + timedelta(hours=2))
    version = current_version(settings)
    assert version is not None
    assert version.version_id == first.version_id
    assert version.status.state == "held_back"
    assert version.status.since == NOW + timedelta(hours=1)
    assert (version.status.run_id, version.status.reasons) == ("run-3", (REASON,))
    record = storage.read_json(settings.published / "status.json")
    assert record is not None and record["held_back_since"] == "2026-07-01T07:30:00+00:00"
    publish(settings, "run-4", NOW + timedelta(hours=3))
    version = current_version(settings)
    assert version is not None and version.status.state == "published"


def test_hold_back_before_the_first_publish(tmp_path: Path) -> None:
    settings = build(tmp_path)
    assert publishing_status(settings) is None
    hold_back(settings, "run-1", [REASON], NOW)
    status = publishing_status(settings)
    assert status is not None and status.state == "held_back"
    assert current_version(settings) is None


def test_hold_back_needs_a_reason(tmp_path: Path) -> None:
    with pytest.raises(PublishingError, match="reason"):
        hold_back(build(tmp_path), "run-1", [], NOW)


def _publish_values(settings: Settings, *values: int) -> list[str]:
    ids = []
    for number, value in enumerate(values):
        sample_home.write_warehouse(settings, {"mart_order": f"select {value} as v"})
        ids.append(publish(settings, f"run-{value}", NOW + timedelta(hours=number)).version_id)
    return ids


def _value(settings: Settings) -> int:
    version = current_version(settings)
    assert version is not None
    with open_version(settings, version.version_id) as connection:
        return int(connection.sql("select v from mart_order").fetchall()[0][0])


def test_rollback_goes_back_one_by_one_and_publishing_forward(tmp_path: Path) -> None:
    settings = build(tmp_path)
    one, two, three = _publish_values(settings, 1, 2, 3)
    assert rollback(settings, NOW) == (three, two)
    assert _value(settings) == 2
    version = current_version(settings)
    assert version is not None and version.status.state == "rolled_back"
    assert version.status.reasons[0].check_en == "Rolled back by command at 2026-07-01 06:30 UTC"
    assert version.status.reasons[0].check_zh == "已于 2026-07-01 06:30 UTC 由命令回退"
    assert [(v.version_id, v.state) for v in list_versions(settings)] == [
        (three, "rolled_back"),
        (two, "current"),
        (one, "earlier"),
    ]
    # What was rolled back is not what the next rollback returns to.
    (four,) = _publish_values(settings, 4)
    assert four > three
    assert _value(settings) == 4
    version = current_version(settings)
    assert version is not None and version.status.state == "published"
    assert rollback(settings) == (four, two)
    assert rollback(settings) == (two, one)
    with pytest.raises(PublishingError, match="only version kept"):
        rollback(settings)
    assert _value(settings) == 1


def test_rollback_with_nothing_published(tmp_path: Path) -> None:
    with pytest.raises(PublishingError, match="Nothing has been published"):
        rollback(build(tmp_path))


def test_the_last_versions_stay_and_unused_files_go(tmp_path: Path) -> None:
    settings = build(tmp_path, keep_versions=2)
    one, two, three = _publish_values(settings, 1, 2, 3)
    assert [entry.version_id for entry in list_versions(settings)] == [three, two]
    assert not (settings.published / "versions" / one).exists()
    needed = {
        Path(file.path).name
        for version_id in (two, three)
        for table in version_info(settings, version_id).tables.values()
        for file in table.files
    }
    assert set(_objects(settings)) == needed
    with pytest.raises(VersionNotFoundError, match=one):
        open_version(settings, one)


def test_a_version_in_use_is_not_pruned_until_its_lease_ends(tmp_path: Path) -> None:
    settings = build(tmp_path, keep_versions=2)
    (one,) = _publish_values(settings, 1)
    with open_version(settings, one) as connection:
        _publish_values(settings, 2, 3, 4)
        assert connection.sql("select v from mart_order").fetchall() == [(1,)]
        with open_version(settings, one) as again:
            assert again.sql("select v from mart_order").fetchall() == [(1,)]
    assert one not in [entry.version_id for entry in list_versions(settings)]
    lease = settings.published / "leases" / one
    os.utime(lease, (time.time() - 59 * 60,) * 2)
    _publish_values(settings, 5)
    assert version_info(settings, one).version_id == one
    os.utime(lease, (time.time() - 61 * 60,) * 2)
    _publish_values(settings, 6)
    with pytest.raises(VersionNotFoundError):
        version_info(settings, one)
    assert not lease.exists()


def test_a_rolled_back_version_goes_with_the_next_publish(tmp_path: Path) -> None:
    settings = build(tmp_path)
    _, two = _publish_values(settings, 1, 2)
    rollback(settings)
    assert version_info(settings, two).version_id == two
    _publish_values(settings, 3)
    with pytest.raises(VersionNotFoundError):
        version_info(settings, two)


@pytest.mark.parametrize("version_id", ["", "../current", "v1", "v000001-20260701T063000Z/.."])
def test_a_version_id_from_a_url_cannot_leave_the_folder(tmp_path: Path, version_id: str) -> None:
    settings = build(tmp_path)
    publish(settings, "run-1", NOW)
    with pytest.raises(VersionNotFoundError):
        open_version(settings, version_id)


def test_a_reader_sees_published_files_only(tmp_path: Path) -> None:
    settings = build(tmp_path)
    result = publish(settings, "run-1", NOW)
    outside = tmp_path / "outside.csv"
    outside.write_text("a\n1\n", encoding="utf-8")
    with open_version(settings, result.version_id) as connection:
        with pytest.raises(duckdb.PermissionException):
            connection.sql(f"from '{outside}'").fetchall()
        with pytest.raises(duckdb.InvalidInputException):
            connection.execute("set enable_external_access = true")


def test_reading_leaves_no_folder_behind_where_nothing_is_published(tmp_path: Path) -> None:
    settings = sample_home.settings_for(tmp_path)
    assert current_version(settings) is None
    assert list_versions(settings) == []
    with pytest.raises(VersionNotFoundError):
        open_version(settings, "v000001-20260701T063000Z")
    assert list(tmp_path.iterdir()) == []


def test_a_broken_pointer_is_named(tmp_path: Path) -> None:
    settings = build(tmp_path)
    publish(settings, "run-1", NOW)
    (settings.published / "current.json").write_text("{", encoding="utf-8")
    with pytest.raises(PublishingError, match=r"current\.json is not valid JSON.*make run"):
        current_version(settings)


def test_two_publishers_do_not_mix(tmp_path: Path) -> None:
    settings = build(tmp_path)
    with (
        storage.writer_lock(settings),
        pytest.raises(PublishingError, match="Another process is publishing"),
        storage.writer_lock(settings, timeout_seconds=0.05),
    ):
        raise AssertionError("the lock was given twice")


def test_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = build(tmp_path)
    assert main(["list"], settings) == 0
    assert main(["status"], settings) == 3
    assert main(["rollback"], settings) == 1
    captured = capsys.readouterr()
    assert captured.out.count("Nothing has been published yet. Next: `make run`.") == 2
    assert "Nothing has been published yet" in captured.err
    one, two = _publish_values(settings, 1, 2)
    assert main(["status"], settings) == 0
    assert main(["rollback"], settings) == 0
    assert f"Rolled back: {two} → {one}" in capsys.readouterr().out
    assert main(["list"], settings) == 0
    listed = capsys.readouterr().out
    assert f"* {one}  current" in listed and f"  {two}  rolled_back" in listed
    hold_back(settings, "run-9", [REASON], NOW)
    assert main(["status"], settings) == 3
    assert "- Keys are unique in mart_lead: 2 / 5" in capsys.readouterr().out

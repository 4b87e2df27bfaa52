"""What a run of new log lines builds, and when it may publish."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import dagster as dg
import duckdb
import pytest

from dagster_project.commands.instance import open_instance
from dagster_project.defs import keys, quality
from dagster_project.defs.backfill import days_of_the_logs
from dagster_project.defs.dbt_command import DbtCommand
from dagster_project.defs.selection import FULL_RUN_TAG, models_fed_by, sources_of_model
from dagster_project.defs.serving import built_part, hold_back_if_failures_stand
from dagster_project.defs.transform import stored_nodes, unbuilt_inputs
from dagster_project.publishing import current_version, publish, publishing_status
from dagster_project.quality import CheckResult, write_check_results
from dagster_project.quality.runner import RegisteredCheck
from dagster_project.settings import Settings, program
from tests.unit.publishing import sample_home
from tests.unit.publishing.sample_home import NOW


def node(kind: str, name: str, *parents: str, view: bool = False, full: bool = False) -> Any:
    return {
        "resource_type": kind,
        "name": name,
        "tags": [FULL_RUN_TAG] if full else [],
        "config": {"materialized": "view" if view else "table"},
        "depends_on": {"nodes": list(parents)} if kind != "seed" else {"macros": []},
    }


MANIFEST: dict[str, Any] = {
    "sources": {
        "s.web": {"source_name": "web", "name": "requests"},
        "s.crm": {"source_name": "crm", "name": "leads"},
        "s.ops": {"source_name": "ops", "name": "receipts"},
    },
    "nodes": {
        "seed.rule": node("seed", "rule"),
        "m.stg_web": node("model", "stg_web", "s.web", view=True),
        "m.fct_visit": node("model", "fct_visit", "m.stg_web", "seed.rule"),
        "m.fct_lead": node("model", "fct_lead", "s.crm", "seed.rule"),
        "m.mart_intent": node("model", "mart_intent", "m.fct_visit", "m.fct_lead"),
        "m.coverage": node("model", "coverage", "m.stg_web", "s.crm", full=True),
        "m.mart_coverage": node("model", "mart_coverage", "m.coverage"),
        "m.mart_both": node("model", "mart_both", "m.coverage", "m.fct_visit"),
        "m.mart_lead": node("model", "mart_lead", "m.fct_lead"),
        "m.mart_receipt": node("model", "mart_receipt", "s.ops"),
        "t.every_line": node("test", "every_line", "m.fct_visit", full=True),
        "t.key": node("test", "key", "m.fct_visit"),
    },
}


def test_a_part_holds_what_the_lines_go_into_and_nothing_else() -> None:
    part = models_fed_by(MANIFEST, {"web"})
    assert part.models == {"stg_web", "fct_visit", "mart_intent", "mart_both", "mart_receipt"}
    assert part.views == {"stg_web"}
    assert part.left_out == {"every_line"}


def test_systems_behind_a_model() -> None:
    assert sources_of_model(MANIFEST, "mart_intent") == {"web", "crm"}
    assert sources_of_model(MANIFEST, "mart_receipt") == set()
    assert sources_of_model(MANIFEST, "no_such_model") == set()


def test_a_run_is_a_part_unless_it_builds_every_table_or_none() -> None:
    tables = ["mart_a", "mart_b", "rule"]
    landed = [keys.landed_key("web", "requests"), keys.landed_key("crm", "leads")]
    everything = [*map(keys.model_key, tables), *landed]
    assert built_part(everything, tables, landed) is None
    assert built_part([keys.PUBLISHED_VERSION], tables, landed) is None
    part = built_part([keys.model_key("mart_b"), landed[0]], tables, landed)
    assert part is not None
    assert (part.models, part.systems) == ({"mart_b"}, {"web"})


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = sample_home.build(tmp_path)
    publish(settings, "run-1", NOW)
    return settings


def as_step(run_id: str) -> dg.AssetExecutionContext:
    run = SimpleNamespace(run_id=run_id)
    return cast(
        dg.AssetExecutionContext, SimpleNamespace(run=run, job_name="refresh_web", run_id=run_id)
    )


def fail_a_check(settings: Settings) -> None:
    result = CheckResult(
        run_id="whole",
        checked_at=NOW,
        checker="dbt",
        layer="mart",
        check_id="unique",
        table_name="mart_lead",
        column_name=None,
        severity="error",
        status="failed",
        count_failed=2,
        detail="2 rows",
        description_en="Every lead stands once",
        description_zh="每条线索只出现一次",
    )
    write_check_results(settings, [result], "whole", NOW + timedelta(minutes=1))


def test_a_part_of_the_checks_is_measured_as_one(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[tuple[list[str], bool]] = []

    def run(*_: object, tables: set[str], is_part: bool, **__: object) -> list[CheckResult]:
        measured.append((sorted(tables), is_part))
        return []

    checks = [
        RegisteredCheck("mart", "key", table, None, "error", "Once", "一次")
        for table in ("mart_lead", "mart_order")
    ]
    monkeypatch.setattr(quality, "registered_checks", lambda *_: checks)
    monkeypatch.setattr(quality, "run_expectations", run)
    step = quality.build_expectations(settings, "mart", NOW.date(), gates=())
    one = dg.AssetCheckKey(keys.checked_key("mart_order"), quality.CHECK)
    for selection in (dg.AssetSelection.all_asset_checks(), dg.AssetSelection.checks(one)):
        job = dg.define_asset_job("job", selection=selection)
        definitions = dg.Definitions(asset_checks=[step], jobs=[job])
        definitions.resolve_job_def("job").execute_in_process()
    assert measured == [(["mart_lead", "mart_order"], False), (["mart_order"], True)]


def test_a_part_is_held_back_by_what_failed_elsewhere(settings: Settings) -> None:
    hold_back_if_failures_stand(settings, as_step("part-1"))
    fail_a_check(settings)
    with pytest.raises(dg.Failure, match="Every lead stands once"):
        hold_back_if_failures_stand(settings, as_step("part-2"))
    status = publishing_status(settings)
    assert status is not None
    assert (status.state, status.run_id) == ("held_back", "part-2")
    assert [reason.check_zh for reason in status.reasons] == ["每条线索只出现一次"]
    version = current_version(settings)
    assert version is not None and version.run_id == "run-1"


def test_a_whole_version_ends_what_stood(settings: Settings) -> None:
    fail_a_check(settings)
    publish(settings, "run-2", NOW + timedelta(minutes=2))
    hold_back_if_failures_stand(settings, as_step("part-1"))


def test_days_are_partitions_up_to_the_reporting_day() -> None:
    first = NOW.date() - timedelta(days=2)
    days = days_of_the_logs(first, NOW.date())
    assert days.get_partition_keys() == ["2026-06-29", "2026-06-30", "2026-07-01"]
    assert days_of_the_logs(None, NOW.date()).get_partition_keys() == ["2026-07-01"]
    assert days_of_the_logs(first, None).get_last_partition_key() is not None


def test_one_run_at_a_time_and_one_step_at_a_time_per_pool(tmp_path: Path) -> None:
    with open_instance(Settings(home=tmp_path)) as instance:
        queue = instance.get_concurrency_config().run_queue_config
        assert queue is not None and queue.max_concurrent_runs == 1
        pools = instance.get_concurrency_config().pool_config
        assert pools.default_pool_limit == 1
        assert instance.run_coordinator.dequeue_interval_seconds == 1  # type: ignore[attr-defined]


def test_dbt_starts_without_a_process_that_asks_its_version(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **more: object) -> bytes:
        raise AssertionError("a process was started")

    monkeypatch.setattr("dagster_dbt.core.resource.check_output", refuse)
    command = DbtCommand(
        project_dir=str(settings.dbt_project),
        profiles_dir=str(settings.dbt_project),
        dbt_executable=program("dbt"),
    )
    assert command._cli_version.major == 1
    assert command._initialize_dbt_core_adapter([]) is None  # type: ignore[func-returns-value]


def test_a_part_says_which_models_it_misses(tmp_path: Path) -> None:
    def placed(kind: str, name: str, *parents: str) -> Any:
        return {**node(kind, name, *parents), "alias": name, "schema": "core"}

    manifest = {
        "nodes": {
            "model.p.old": placed("model", "old"),
            "model.p.new": placed("model", "new"),
            "seed.p.rules": placed("seed", "rules"),
            "model.p.chosen": placed(
                "model", "chosen", "model.p.old", "model.p.new", "seed.p.rules"
            ),
            "model.p.other": placed("model", "other", "model.p.unread"),
            "model.p.unread": placed("model", "unread"),
        }
    }
    warehouse = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema core; create table core.old (i int)")
    assert unbuilt_inputs(warehouse, manifest, {"chosen"}) == ["new", "rules"]
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create view core.new as select 1 as i; create table core.rules (i int)")
    assert unbuilt_inputs(warehouse, manifest, {"chosen"}) == []
    assert unbuilt_inputs(warehouse, manifest, {"chosen", "new", "rules"}) == []


def test_an_ephemeral_model_is_no_table_of_a_run(tmp_path: Path) -> None:
    def placed(name: str, *parents: str) -> Any:
        return {**node("model", name, *parents), "alias": name, "schema": "core"}

    manifest = {
        "nodes": {
            "model.p.old": placed("old"),
            "model.p.inlined": placed("inlined", "model.p.old", "source.p.landed"),
            "model.p.chosen": placed("chosen", "model.p.inlined"),
        }
    }
    manifest["nodes"]["model.p.inlined"]["config"]["materialized"] = "ephemeral"
    assert stored_nodes(manifest) == {"old", "chosen"}
    warehouse = tmp_path / "warehouse.duckdb"
    duckdb.connect(str(warehouse)).close()
    assert unbuilt_inputs(warehouse, manifest, {"chosen"}) == ["old"]
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema core; create table core.old (i int)")
    assert unbuilt_inputs(warehouse, manifest, {"chosen"}) == []

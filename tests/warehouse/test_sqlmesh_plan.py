"""A plan names what an edit changes, and leaves dbt's warehouse file alone."""

from __future__ import annotations

import hashlib
import shutil
from datetime import date
from pathlib import Path

import duckdb
import pytest

from dagster_project.mapping import compile_mapping
from dagster_project.settings import REPO_ROOT, Settings
from dagster_project.sqlmesh_plan import Columns, ModelChange, plan
from tests.unit.mapping.conftest import ACCOUNTS, bare_project, land, land_all, small_settings


class CopiedProject(Settings):
    """Settings whose dbt project is a copy that a test may edit."""

    @property
    def dbt_project(self) -> Path:
        return self.home / "project"


PROBE = """
{{ config(materialized='table') }}
select account_id, industry from {{ ref('int_canonical__accounts') }}
"""
EDITED_PROBE = """
{{ config(materialized='table') }}
select account_id, account_name from {{ ref('int_canonical__accounts') }}
where account_id <> 'crm:4'
"""
FOLLOWER = "select account_id from {{ ref('dim_probe') }}\n"
SINGULAR_TEST = "select account_id from {{ ref('dim_probe') }} where account_id is null\n"
BROKEN_PROBE = """
{{ config(materialized='table') }}
select cast('x' as int) as account_id
"""


@pytest.mark.integration
@pytest.mark.timeout(1800)  # every model is parsed and built once: minutes on two busy cores
def test_every_model_is_readable_and_the_warehouse_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = _copied(small_settings(tmp_path))
    shutil.copytree(
        REPO_ROOT / "dbt",
        settings.dbt_project,
        ignore=shutil.ignore_patterns("target", "logs", ".cache", "__pycache__"),
    )
    for file in (REPO_ROOT / "seeds").glob("*.yml"):
        shutil.copy(file, settings.seeds)
    settings.warehouse.parent.mkdir(parents=True)
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute("create table kept as select 1 as one")
    before = _digest(settings.warehouse)
    land_all(settings)
    compile_mapping(settings)
    _set_environment(settings, monkeypatch)

    assert plan(settings, "dev") == 0, capsys.readouterr().err
    assert "The present state is now SQLMesh's production" in capsys.readouterr().out
    assert _digest(settings.warehouse) == before
    assert not (settings.dbt_project / ".cache").exists()


@pytest.mark.integration
def test_plan_names_the_edit_and_what_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = _bare(tmp_path)
    probe = _write_probe(settings, PROBE)
    probe.with_name("dim_probe_follower.sql").write_text(FOLLOWER, encoding="utf-8")
    # SQLMesh takes a singular test for something that follows the model, too.
    singular = settings.dbt_project / "tests" / "singular" / "assert_probe_has_keys.sql"
    singular.parent.mkdir()
    singular.write_text(SINGULAR_TEST, encoding="utf-8")
    _set_environment(settings, monkeypatch)

    assert plan(settings, "dev") == 0, capsys.readouterr().err
    capsys.readouterr()

    # New rows are no effect of an edit.
    land(settings, "crm", "accounts", ACCOUNTS.replace("'Beta'", "'Beta 2'"), name="2")
    probe.write_text(EDITED_PROBE, encoding="utf-8")
    assert plan(settings, "dev") == 0
    said = capsys.readouterr().out
    assert (
        "core.dim_probe (edited); + column account_name varchar; - column industry varchar; "
        "3 → 2 rows; 1 rows gone or changed, 0 new" in said
    )
    assert "core.dim_probe_follower (follows); 3 → 2 rows; 1 rows gone or changed, 0 new" in said
    assert said.count("(edited)") == 1
    assert "assert_probe_has_keys" not in said
    assert "Next: make run" in said


@pytest.mark.integration
def test_model_that_cannot_be_built_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = _bare(tmp_path)
    _write_probe(settings, BROKEN_PROBE)
    _set_environment(settings, monkeypatch)
    assert plan(settings, "dev") == 1
    said = capsys.readouterr().err
    assert "the warehouse was not touched" in said
    assert "dim_probe" in said


def _copied(small: Settings) -> CopiedProject:
    return CopiedProject(home=small.home, seeds=small.seeds)


def _bare(home: Path) -> CopiedProject:
    """A project of generated models alone, over the landed tables of a small company."""
    small = small_settings(home)
    land_all(small)
    compile_mapping(small)
    bare_project(small)
    settings = _copied(small)
    shutil.copy(REPO_ROOT / "dbt" / "config.py", settings.dbt_project)
    return settings


def _write_probe(settings: Settings, sql: str) -> Path:
    probe = settings.dbt_project / "models" / "core" / "dim_probe.sql"
    probe.parent.mkdir(parents=True)
    probe.write_text(sql, encoding="utf-8")
    return probe


def _set_environment(settings: Settings, patch: pytest.MonkeyPatch) -> None:
    for name, value in settings.dbt_environment(date(2026, 6, 30)).items():
        patch.setenv(name, value)


def test_change_is_told_in_one_line() -> None:
    change = ModelChange("core.a", "edited", Columns(("b text",)), 1200, 1200, 0, 0)
    assert change.changes_data
    assert change.text() == "core.a (edited); + column b text; 1,200 rows as before"
    assert not ModelChange("core.a", "follows", Columns(), 5, 5, 0, 0).changes_data
    assert (
        ModelChange("core.a", "edited", Columns(), 5, 5, None, None)
        .text()
        .endswith("rows not compared (too many)")
    )
    assert ModelChange("core.a", "added", rows_after=3).text() == "core.a (added); 3 rows"


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()

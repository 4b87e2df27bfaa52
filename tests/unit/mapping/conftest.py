"""A tiny company in a temporary home: landed by hand, compiled and built once per session."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dagster_project.mapping import MappingReport, compile_mapping
from dagster_project.settings import REPO_ROOT, Settings
from tests.unit.mapping.cases import cases_model
from tests.unit.mapping.web_tools import COLUMNS

FIELD_HEADER = "mapping_set,source_table,object,record,field,source_field,transform,note\n"
CODE_HEADER = "mapping_set,code_list,source_code,canonical_code,note\n"
STAGE_HEADER = "mapping_set,source_stage,funnel_stage,erp_readiness,note\n"

SOURCES = """
as_of = 2026-06-30

[[source]]
system = "crm"
kind = "sql"
url = "sqlite:///{home}/crm.sqlite"
mapping_set = "small_crm"
time_zone = "Asia/Shanghai"
currency = "CNY"
  [[source.table]]
  name = "accounts"
  load = "incremental"
  cursor = ["updated_at", "created_at"]
  primary_key = "id"
  [[source.table]]
  name = "deals"
  primary_key = "deal_id"
  [[source.table]]
  name = "people"

[[source]]
system = "erp"
kind = "files"
location = "{here}"
  [[source.table]]
  name = "lines"
  glob = "lines*.csv"
  [[source.table]]
  name = "notes"
  glob = "notes*.jsonl"
  load = "append"
"""

FIELDS = """
small_crm,accounts,account,main,account_id,id,,
small_crm,accounts,account,main,account_name,Company Name,,
small_crm,accounts,account,main,industry,sector,,
small_crm,accounts,account,main,size_employees,employees,,
small_crm,accounts,account,main,created_at,created_at,,
small_crm,accounts,account,main,web_domain,website,,never landed
small_crm,deals,opportunity,main,opportunity_id,deal_id,,
small_crm,deals,opportunity,main,account_id,account,,
small_crm,deals,opportunity,main,product_id,product,alias:product,
small_crm,deals,opportunity,main,source_stage,stage,,
small_crm,deals,opportunity,main,amount,value,,
small_crm,deals,opportunity,main,created_at,opened,,
small_crm,deals,opportunity,main,closed_at,close_date,,
small_crm,deals,opportunity,main,expected_close_at,close_date,date_end,
small_crm,deals,opportunity,main,_where,kind,not_equals:test,
small_crm,deals,opportunity_stage_event,engaged,opportunity_stage_event_id,deal_id,,
small_crm,deals,opportunity_stage_event,engaged,opportunity_id,deal_id,,
small_crm,deals,opportunity_stage_event,engaged,source_stage,,constant:engaging,
small_crm,deals,opportunity_stage_event,engaged,entered_at,engage_date,,
small_crm,deals,opportunity_stage_event,engaged,_where,engage_date,not_null,
small_crm,deals,opportunity_stage_event,closed,opportunity_stage_event_id,deal_id,,
small_crm,deals,opportunity_stage_event,closed,opportunity_id,deal_id,,
small_crm,deals,opportunity_stage_event,closed,source_stage,stage,,
small_crm,deals,opportunity_stage_event,closed,entered_at,close_date,,
small_crm,deals,opportunity_stage_event,closed,_where,close_date,not_null,
small_crm,deals,quote,main,quote_id,deal_id,,
small_crm,deals,quote,main,opportunity_id,deal_id,,
small_crm,deals,quote,main,currency,accounts[account].sector,upper,
small_crm,deals,quote,main,quoted_at,accounts[account].created_at,,
small_crm,deals,quote,main,list_price,accounts[account].website,,never landed
small_crm,deals,quote,main,_where,accounts[account].Company Name,lower > not_equals:beta,
small_crm,people,contact,main,contact_id,person,,
small_crm,people,contact,main,contact_name,person,,
erp,lines,order,main,order_id,Invoice,,
erp,lines,order,main,account_id,Customer,key:crm,
erp,lines,order,main,ordered_at,Date,timestamp:%m/%d/%Y %H:%M,
erp,lines,order_line,main,order_line_id,_row,,
erp,lines,order_line,main,order_id,Invoice,,
erp,lines,order_line,main,quantity,Quantity,,
erp,lines,order_line,main,net_amount,Quantity + Price,multiply,
erp,lines,order_line,main,is_cancellation,Invoice,starts_with:C,
erp,notes,activity_text,main,activity_text_id,_row,,
erp,notes,activity_text,main,body,text,,
"""

CODES = """
small_crm,industry,Tech,technology,
small_crm,industry,technolgy,technology,misspelt in the source
small_crm,product,GTXPro,GTX Pro,
"""

STAGES = """
small_crm,Engaging,engaging,not_ready,
small_crm,Won,won,ready,
"""

ACCOUNTS = """
select *, null::varchar as _source_file, null::bigint as _source_row from (values
    (1, 'Acme ', 'tech', '12', timestamp '2026-01-01 08:00:00', null::timestamp, 'x',
        '20260101', timestamp '2026-01-01 00:00:00', false),
    (1, 'Acme Ltd', 'Tech', '1,000', timestamp '2026-01-01 08:00:00',
        timestamp '2026-02-01 08:00:00', 'x', '20260201', timestamp '2026-02-01 00:00:00', false),
    (1, 'Acme old', 'Tech', '9', timestamp '2026-01-01 08:00:00',
        timestamp '2026-01-31 08:00:00', 'x', '20260201', timestamp '2026-02-01 00:00:00', false),
    (1, 'Acme Ltd', 'Tech', '1,000', timestamp '2026-01-01 08:00:00',
        timestamp '2026-02-01 08:00:00', 'x', '20260301', timestamp '2026-03-01 00:00:00', false),
    (2, 'Beta', 'Forestry', null, timestamp '2026-01-02 08:00:00', null, 'x',
        '20260101', timestamp '2026-01-01 00:00:00', false),
    (3, 'Gone', 'Tech', '3', timestamp '2026-01-02 08:00:00', null, 'x',
        '20260101', timestamp '2026-01-01 00:00:00', false),
    (3, null, null, null, null, null, null,
        '20260201', timestamp '2026-02-01 00:00:00', true),
    (4, 'Back', 'Tech', '3', timestamp '2026-01-02 08:00:00', null, 'x',
        '20260101', timestamp '2026-01-01 00:00:00', false),
    (4, null, null, null, null, null, null,
        '20260201', timestamp '2026-02-01 00:00:00', true),
    (4, 'Back again', 'Tech', '4', timestamp '2026-01-02 08:00:00', null, 'x',
        '20260301', timestamp '2026-03-01 00:00:00', false)
) as t (id, "Company Name", sector, employees, created_at, updated_at, fax,
    _load_id, _loaded_at, _is_deleted)
"""

DEALS = """
select *, '20260101' as _load_id, timestamp '2026-01-01 00:00:00' as _loaded_at,
    null::varchar as _source_file, null::bigint as _source_row, false as _is_deleted
from (values
    ('D1', 1, 'GTXPro', 'won', '100.5', 'sale', date '2026-01-05', date '2026-02-05',
        '2026-01-05 09:30'),
    ('D2', 2, 'MG', 'Engaging', 'n/a', null, date '2026-01-06', null, null),
    ('D3', null, null, 'Stuck', null, 'sale', null, null, null),
    ('D4', 1, 'GTX Pro', 'Won', '7', 'test', null, null, null)
) as t (deal_id, account, product, stage, value, kind, engage_date, close_date, opened)
"""

LINES = """
select *, timestamp '2026-01-01 00:00:00' as _loaded_at, 'lines.csv' as _source_file,
    false as _is_deleted
from (values
    ('100', 17850.0, '12/1/2010 8:26', '6', '2.5', '20260101', 1),
    ('old', 17850.0, '12/1/2010 8:26', '6', '2.5', '20251201', 1),
    ('100', 17850.0, '12/1/2010 8:26', '2', '1', '20260101', 2),
    ('C7', null, '12/2/2010 9:00', '-1', '10', '20260101', 3),
    (' ', 5.0, '12/2/2010 9:00', 'one', '10', '20260101', 4)
) as t ("Invoice", "Customer", "Date", "Quantity", "Price", _load_id, _source_row)
"""

NOTES = """
select *, timestamp '2026-01-01 00:00:00' as _loaded_at, 'notes.jsonl' as _source_file,
    1::bigint as _source_row, false as _is_deleted
from (values ('价格太高', '20260101'), ('later', '20260102')) as t ("text", _load_id)
"""


@dataclass(frozen=True)
class SmallCompany:
    """The built warehouse and what the compiler said."""

    settings: Settings
    report: MappingReport
    connection: duckdb.DuckDBPyConnection

    def rows(self, query: str) -> list[tuple[object, ...]]:
        return self.connection.execute(query).fetchall()


def write_rules(folder: Path, fields: str = FIELDS, codes: str = CODES) -> Path:
    """A seeds folder with the project's seeds and these mapping rows."""
    seeds = folder / "seeds"
    if not seeds.exists():
        # Without the YAML: its tests belong to the whole project.
        shutil.copytree(REPO_ROOT / "seeds", seeds, ignore=shutil.ignore_patterns("*.yml"))
    (seeds / "field_mapping.csv").write_text(FIELD_HEADER + fields.lstrip(), encoding="utf-8")
    (seeds / "code_mapping.csv").write_text(CODE_HEADER + codes.lstrip(), encoding="utf-8")
    (seeds / "stage_mapping.csv").write_text(STAGE_HEADER + STAGES.lstrip(), encoding="utf-8")
    return seeds


def land(settings: Settings, system: str, table: str, query: str, name: str = "1") -> None:
    """Write the rows of a query as one landed file."""
    folder = settings.raw / system / table
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute(f"copy ({query}) to '{folder / name}.parquet' (format parquet)")


def small_settings(folder: Path) -> Settings:
    """Settings of a new home with sources file and rule rows, nothing landed."""
    home = folder / "home"
    home.mkdir(parents=True)
    (home / "sources.toml").write_text(SOURCES, encoding="utf-8")
    return Settings(home=home, seeds=write_rules(folder))


def land_all(settings: Settings) -> None:
    """Everything but the table of people."""
    land(settings, "crm", "accounts", ACCOUNTS)
    land(settings, "crm", "deals", DEALS)
    land(settings, "erp", "lines", LINES)
    land(settings, "erp", "notes", NOTES)


def bare_project(settings: Settings) -> Path:
    """The dbt project without its own models: generated models must stand alone."""
    # Figures of the scorecard stand on the project's own marts, which are not here.
    shutil.rmtree(settings.generated_models / "intermediate", ignore_errors=True)
    project = settings.home / "project"
    if project.exists():
        return project
    project.mkdir()
    for name in ("dbt_project.yml", "profiles.yml"):
        shutil.copy(settings.dbt_project / name, project / name)
    shutil.copytree(settings.dbt_project / "macros", project / "macros")
    # Only the generic tests: the others look at models that are not here.
    shutil.copytree(settings.dbt_project / "tests" / "generic", project / "tests" / "generic")
    return project


@pytest.fixture
def unlanded(tmp_path: Path) -> Settings:
    """A home in which nothing has landed."""
    return small_settings(tmp_path)


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallCompany]:
    """Compiled and built with dbt; one build serves all tests."""
    settings = small_settings(tmp_path_factory.mktemp("mapping"))
    land_all(settings)
    report = compile_mapping(settings)
    cases = settings.generated_models / "canonical" / "transform_cases.sql"
    cases.write_text(cases_model(), encoding="utf-8")
    run_dbt(settings, ["resource_type:model", "code_mapping", "stage_mapping"])
    with duckdb.connect(str(settings.warehouse), read_only=True) as connection:
        yield SmallCompany(settings, report, connection)


def run_dbt(settings: Settings, select: list[str]) -> None:
    """Build generated models in the warehouse of ``settings``."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    settings.warehouse.parent.mkdir(parents=True, exist_ok=True)
    project = bare_project(settings)
    environment = settings.dbt_environment(date(2026, 6, 30)) | {
        "SMH_DBT_SEEDS": os.path.relpath(settings.seeds, project),
        "SMH_GENERATED_MODELS": os.path.relpath(settings.generated_models, project),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        result = dbtRunner().invoke(
            [
                "--quiet",
                "build",
                "--project-dir",
                str(project),
                "--select",
                *select,
            ]
        )
    assert result.success, result.exception or [
        f"{entry.node.name}: {entry.message}"
        for entry in result.result  # type: ignore[union-attr]
        if str(entry.status) not in {"success", "pass"}
    ]
    # dbt keeps the file open, in a configuration of its own, for as long as the process lives.
    DuckDBConnectionManager.close_all_connections()


@dataclass(frozen=True)
class Warehouse:
    """The warehouse of an installation, built with the project's own rule rows."""

    path: Path

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.path), read_only=True) as connection:
            return connection.execute(query).fetchall()

    def web_events(self, system: str) -> list[tuple[Any, ...]]:
        return self.rows(
            f"select {COLUMNS} from intermediate.int_canonical__web_events "
            f"where source_system = '{system}' order by occurred_at"
        )


def built_warehouse(settings: Settings, models: list[str]) -> Warehouse:
    """Compile the rule rows and build these models, all that they read, and the listings."""
    compile_mapping(settings)
    listings = ["int_canonical__unmapped_fields", "int_canonical__unconverted_values"]
    run_dbt(settings, [f"+{model}" for model in [*models, *listings]])
    return Warehouse(settings.warehouse)

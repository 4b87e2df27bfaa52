"""``make test-spark``: the same project on a Spark cluster gives the same marts, row by row."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dagster_project.connectors import load_source
from dagster_project.connectors.sources_file import load_sources
from dagster_project.demo_company.build import build
from dagster_project.mapping import compile_mapping
from dagster_project.settings import Settings, process_environment
from tests.unit.mapping.cases import cases_model
from tests.warehouse.spark_cluster import HOST, missing_requirement, spark_cluster

REASON = missing_requirement()
pytestmark = [
    pytest.mark.spark,
    pytest.mark.timeout(2400),
    pytest.mark.skipif(REASON is not None, reason=str(REASON)),
]
COMPARED_SCHEMAS = ("core", "marts")
# One table of the intermediate schema: every transform of the mapping on every kind of value.
CASES = ("intermediate", "transform_cases")


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, Any]]:
    """The demo company built by dbt on DuckDB and on Spark; settings and a Spark cursor."""
    from pyhive import hive

    home = tmp_path_factory.mktemp("home")
    built = build("small", home)
    settings = Settings(home=home, sources=built.sources_file)
    sources = load_sources(settings)
    for source in sources.sources:
        load_source(source, settings)
    compile_mapping(settings)
    cases = settings.generated_models / "canonical" / "transform_cases.sql"
    cases.write_text(cases_model(), encoding="utf-8")
    settings.warehouse.parent.mkdir(parents=True)
    as_of = sources.as_of or date(2026, 6, 30)
    _build(settings, as_of, "duckdb", {})
    folder = tmp_path_factory.mktemp("spark")
    with spark_cluster(folder) as port:
        _build(
            settings,
            as_of,
            "spark",
            {
                "SMH_SPARK_HOST": HOST,
                "SMH_SPARK_PORT": str(port),
                "DBT_TARGET_PATH": str(folder / "target"),
            },
        )
        connection = hive.Connection(host=HOST, port=port, username="dbt")
        yield settings, connection.cursor()
        connection.close()


def _build(settings: Settings, as_of: date, target: str, more: dict[str, str]) -> None:
    result = subprocess.run(
        [
            *(str(Path(sys.executable).with_name("dbt")), "build", "--target", target),
            *("--resource-type", "seed", "--resource-type", "model"),
        ],
        cwd=settings.dbt_project,
        env=process_environment() | settings.dbt_environment(as_of) | more,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-8000:] + result.stderr[-2000:]


def test_every_table_is_the_same_row_by_row(engines: tuple[Settings, Any]) -> None:
    settings, spark = engines
    problems = []
    count_rows = 0
    with duckdb.connect(str(settings.warehouse), read_only=True) as warehouse:
        tables = warehouse.execute(
            "select table_schema, table_name from information_schema.tables "
            f"where table_schema in {COMPARED_SCHEMAS} order by all"
        ).fetchall()
        assert len([schema for schema, _ in tables if schema == "marts"]) >= 10
        for schema, table in [*tables, CASES]:
            columns = [row[0] for row in warehouse.execute(f"describe {schema}.{table}").fetchall()]
            query = f"select {', '.join(columns)} from {schema}.{table}"
            spark.execute(query)
            there = Counter(_row(row) for row in spark.fetchall())
            here = Counter(_row(row) for row in warehouse.execute(query).fetchall())
            count_rows += here.total()
            if here != there:
                only_here = sorted((here - there).elements(), key=repr)[:3]
                only_there = sorted((there - here).elements(), key=repr)[:3]
                problems.append(
                    f"{schema}.{table} ({', '.join(columns)}): {here.total()} and {there.total()} "
                    f"rows\n  only DuckDB: {only_here}\n  only Spark:  {only_there}"
                )
    assert count_rows > 10_000
    assert not problems, "\n".join(problems)


def _row(values: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(_value(value) for value in values)


def _value(value: Any) -> Any:
    """One form for both clients: sums of doubles differ in the last digits."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (int, float, Decimal)):
        return f"{float(value):.9g}"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ").removesuffix(".000000")
    if isinstance(value, date):
        return value.isoformat()
    text = str(value)
    return text.removesuffix(".0") if _is_time(text) else text


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return ":" in text

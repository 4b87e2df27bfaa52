"""The generated weekly values against the semantic layer of the pages, week by week."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from jinja2 import Environment

from dagster_project.mapping.scorecard import scorecard_model
from dagster_project.settings import REPO_ROOT
from streamlit_app.data.catalogue import metric_from_row
from streamlit_app.data.filters import Period
from streamlit_app.data.metrics import Value, evaluate

AS_OF = date(2026, 6, 30)
FIRST = date(2026, 1, 5)
CATALOGUE = (
    "metric_id,version,family,mart,aggregation,numerator,denominator,row_filter,unit,direction,"
    "target,benchmark,owner,name_en,name_zh,definition_en,definition_zh,display_order,is_headline,"
    "is_stock,objects\n"
)
METRICS = {
    "all_rows": "mart_deal,count,,,,count",
    "won_rows": "mart_deal,count,is_won,,,count",
    "named_rows": "mart_deal,count,rep_id,,,count",
    "kept_rows": "mart_deal,count,,,not is_lost,count",
    "won_ratio": "mart_deal,ratio,is_won,is_closed,is_known,ratio",
    "hit_ratio": "mart_deal,ratio,count_hits,count_tries,,ratio",
    "hits": "mart_deal,sum,count_hits,,is_known,count",
    "own_hits": "mart_deal,sum,count_hits,,is_known,count",
    "days_mean": "mart_deal,mean,cycle_days,,is_won,days",
    "days_median": "mart_deal,median,cycle_days,,is_won,days",
    "reps": "mart_deal,count_distinct,rep_id,,is_won,count",
    "amount_mean": "mart_deal,mean,amount,,is_won,currency",
}
COLUMNS = {
    "deal_id": "string",
    "period_date": "date",
    "is_won": "boolean",
    "is_closed": "boolean",
    "is_lost": "boolean",
    "is_known": "boolean",
    "count_hits": "bigint",
    "count_tries": "bigint",
    "cycle_days": "double",
    "amount": "double",
    "currency": "string",
    "rep_id": "string",
}


@pytest.fixture(scope="session")
def render() -> Callable[[str], str]:
    """A model as DuckDB gets it; ``ref`` is a table of the same name."""
    source = "".join(
        (REPO_ROOT / "dbt" / "macros" / name).read_text(encoding="utf-8")
        for name in ("portable.sql", "project.sql")
    )

    class Adapter:
        def dispatch(self, name: str, package: str) -> Any:
            return lambda *args: getattr(module, f"default__{name}")(*args)

    environment = Environment(extensions=["jinja2.ext.do"])
    environment.globals.update(
        adapter=Adapter(),
        ref=lambda name: name,
        var=lambda name, default=None: AS_OF.isoformat() if name == "as_of" else default,
        config=lambda **_: "",
        execute=False,
    )
    environment.globals["return"] = lambda value: value
    module: Any = environment.from_string(source).module
    macros = {name: getattr(module, name) for name in dir(module) if not name.startswith("_")}
    environment.globals.update(macros)
    return lambda sql: environment.from_string(sql).render()


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalogue of every aggregation, a scorecard of all of it and the contract of its mart."""
    folder = tmp_path_factory.mktemp("rules")
    rows = []
    for order, (name, definition) in enumerate(METRICS.items()):
        mart, aggregation, numerator, denominator, row_filter, unit = definition.split(",")
        objects = "" if name == "own_hits" else "opportunity"
        rows.append(
            f"{name},1,commercial,{mart},{aggregation},{numerator},{denominator},{row_filter},"
            f"{unit},up,,,x,n,n,d,d,{order},false,false,{objects}\n"
        )
    (folder / "metric_catalogue.csv").write_text(CATALOGUE + "".join(rows), "utf-8")
    header = (
        "metric_id,version,family,weight,scale,base,target,benchmark_2023,benchmark_2026,"
        "smoothing_weeks,silent_weeks,currency,valid_from,reason\n"
    )
    listed = "".join(
        f"{name},1,commercial,1,base_to_target,0,1,,,{1 + index % 4},,"
        f"{'CNY' if name == 'amount_mean' else ''},2020-01-01,r\n"
        for index, name in enumerate([*METRICS, "nowhere"])
    )
    (folder / "scorecard_metric.csv").write_text(header + listed, "utf-8")
    columns = "".join(
        f"      - name: {name}\n        data_type: {kind}\n" for name, kind in COLUMNS.items()
    )
    (folder / "marts.yml").write_text(
        f"version: 2\nmodels:\n  - name: mart_deal\n    columns:\n{columns}", "utf-8"
    )
    return folder


def warehouse(rows: list[tuple[Any, ...]], rules: Path) -> duckdb.DuckDBPyConnection:
    """The tables that the generated model and the semantic layer read."""
    connection = duckdb.connect()
    columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    connection.execute(f"create table mart_deal ({columns})")
    if rows:
        connection.executemany(
            f"insert into mart_deal values ({', '.join('?' * len(COLUMNS))})", rows
        )
    connection.execute(
        f"create table scorecard_metric as from read_csv('{rules}/scorecard_metric.csv')"
    )
    connection.execute(
        """
        create table int_rules__thresholds as
            select 'scorecard_history_weeks' as threshold_id, 26 as threshold_value;
        create table mart_object_coverage as
            select 'opportunity' as object_name, 1 as count_rows;
        create table dim_date as
            select cast(day as date) as date_day,
                cast(date_trunc('week', day) as date) as week_start_date
            from generate_series(timestamp '2025-01-01', timestamp '2026-12-31', interval 1 day)
                as days(day)
        """
    )
    return connection


def deal(number: int, day: date | None, chance: random.Random) -> tuple[Any, ...]:
    closed, won = chance.random() < 0.8, chance.random() < 0.4
    tries = chance.choice((None, 0, 3, 5))
    return (
        f"d{number}",
        day,
        won and closed,
        closed,
        closed and not won,
        chance.choice((True, True, False, None)),
        None if tries is None else chance.randint(0, tries),
        tries,
        chance.choice((None, chance.uniform(1, 90))),
        chance.choice((None, chance.uniform(1, 900))),
        chance.choice(("CNY", "USD")),
        chance.choice((None, "r1", "r2", "r3")),
    )


def weekly(
    connection: duckdb.DuckDBPyConnection, render: Callable[[str], str], rules: Path
) -> Iterator[dict[str, Any]]:
    cursor = connection.execute(render(scorecard_model(rules, rules)))
    names = [column[0] for column in cursor.description or []]
    return (dict(zip(names, row, strict=True)) for row in cursor.fetchall())


def tile(connection: duckdb.DuckDBPyConnection, name: str, row: dict[str, Any]) -> Value | None:
    """What the page shows for the same days."""
    mart, aggregation, numerator, denominator, row_filter, unit = METRICS[name].split(",")
    metric = metric_from_row(
        {
            "metric_id": name,
            "mart": mart,
            "aggregation": aggregation,
            "numerator": numerator,
            "denominator": denominator,
            "row_filter": row_filter,
            "unit": unit,
            "objects": "" if name == "own_hits" else "opportunity",
        }
    )
    period = Period("custom", row["window_start"], row["window_end"] + timedelta(days=1))
    result = evaluate(connection, metric, (), period)
    currency = "CNY" if unit == "currency" else None
    return next((value for value in result.values if value.currency == currency), None)


def test_values_are_those_of_the_pages(render: Callable[[str], str], rules: Path) -> None:
    """Each aggregation, metric by metric, in every week in which the page has a figure."""
    chance = random.Random(5)
    days = [FIRST + timedelta(days=chance.randrange(170)) for _ in range(260)]
    rows = [deal(number, day, chance) for number, day in enumerate([*days, None])]
    connection = warehouse(rows, rules)
    compared = dict.fromkeys(METRICS, 0)
    for row in weekly(connection, render, rules):
        name = row["metric_id"]
        if name == "nowhere":
            assert row["problem_en"] and row["metric_value"] is None
            continue
        value = tile(connection, name, row)
        own = row["metric_value"]
        if own is None and row["is_zero_when_empty"] and row["last_date"] is not None:
            own = 0.0
        if row["last_date"] is None and row["count_mart_rows"]:
            own = None
        expected = None if value is None else value.value
        if expected is None:
            assert own is None, (name, row["week_start"])
            continue
        assert own == pytest.approx(expected, abs=1e-9), (name, row["week_start"])
        assert (row["numerator"], row["denominator"]) == (
            None if value is None else value.numerator,
            None if value is None else value.denominator,
        )
        compared[name] += 1
    assert min(compared.values()) >= 15, compared


@pytest.mark.parametrize("count", [0, 1])
def test_no_row_and_one_row(render: Callable[[str], str], rules: Path, count: int) -> None:
    """Without rows nothing is known, not even a zero; one row is a value like any other."""
    chance = random.Random(2)
    row = (*deal(1, date(2026, 6, 24), chance)[:2], True, True, False, True, 3, 5, 9.5, 7, "CNY")
    connection = warehouse([(*row, "r1")] * count, rules)
    last = {
        found["metric_id"]: found
        for found in weekly(connection, render, rules)
        if found["week_start"] == date(2026, 6, 22)
    }
    assert {found["count_mart_rows"] for found in last.values()} == {0, count}
    if count:
        assert last["days_median"]["metric_value"] == 9.5
        assert last["hit_ratio"]["metric_value"] == 0.6
        assert last["amount_mean"]["metric_value"] == 7
    else:
        assert {found["metric_value"] for found in last.values()} == {None, 0.0}


def test_only_whole_weeks_are_there(render: Callable[[str], str], rules: Path) -> None:
    """The reporting day is a Tuesday: its week has not been lived yet."""
    connection = warehouse([deal(1, date(2026, 6, 30), random.Random(1))], rules)
    weeks = {row["week_start"] for row in weekly(connection, render, rules)}
    assert max(weeks) == date(2026, 6, 22)
    assert {week.weekday() for week in weeks} == {0}


def test_a_source_that_stopped_shows_its_last_day(
    render: Callable[[str], str], rules: Path
) -> None:
    chance = random.Random(3)
    rows = [deal(n, date(2026, 6, 7) - timedelta(days=n), chance) for n in range(60)]
    last = [
        row
        for row in weekly(warehouse(rows, rules), render, rules)
        if row["week_start"] == date(2026, 6, 22) and row["metric_id"] != "nowhere"
    ]
    assert {row["last_date"] for row in last} == {date(2026, 6, 7)}

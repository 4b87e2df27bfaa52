"""Every model can run on Spark: no refused construct, and it compiles and parses for Spark."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest
import sqlglot
import yaml
from sqlglot import exp

from dagster_project.mapping import compile_mapping
from dagster_project.mapping.rules import PSEUDO_COLUMNS, FieldRule, looked_up
from dagster_project.settings import REPO_ROOT, Settings, process_environment
from tests.warehouse.portability import BACKSLASH, CONSTRUCTS, ORDER_TERM, portability_problems

BAD = {
    "whole division": ["select 7 // 2 as x"],
    "division": ["select a / b as x from t"],
    "power operator": ["select a ^ 2 as x from t", "select a ** 2 as x from t"],
    "concat": ["select concat(a, b) as x from t"],
    "double-quoted name": ['select "a" from t'],
    "star with changes": [
        "select * exclude (a) from t",
        "select * replace (1 as a) from t",
        "select t.* except (a) from t",
    ],
    "columns()": ["select columns('a.*') from t"],
    "union by name": ["select 1 as a union all by name select 2 as a"],
    "from without select": ["from t", "with x as (\n    from t\n)\nselect a from x"],
    "sample": ["select a from t using sample 10", "select a from t tablesample 10"],
    "pivot": ["pivot t on a using sum(b)", "select a from t unpivot (b for c in (d))"],
    "asof join": ["select a from t asof join u on t.a >= u.a"],
    "list or struct": ["select [1, 2] as x", "select {'a': 1} as x", "select a[1] as x from t"],
    "list function": [
        "select list(a order by b) as x from t",
        "select list_sort(a) as x from t",
        "select array_agg(a) as x from t",
    ],
    "text aggregate": ["select string_agg(a, ',' order by a nulls last) as x from t"],
    "lambda": ["select list_transform(a, x -> x + 1) as y from t", "select a ->> 'b' as x from t"],
    "quantile": ["select quantile_cont(a, 0.5) as x from t", "select approx_quantile(a, 0.5) as x"],
    "arg_max": ["select arg_max(a, b) as x from t"],
    "distinct pairs": ["select count(distinct a, b) as x from t"],
    "fraction cast to integer": [
        "select cast(2.5 as int) as x",
        "select cast(a / cast(b as double) as bigint) as x from t",
        "select cast(a / 2 as bigint) as x from t",
    ],
    "sum of booleans": ["select sum(is_won) as x from t", "select avg(t.has_response) as x from t"],
    "boolean as number": ["select a from t where is_won = 1"],
    "avg of a decimal": ["select avg(amount) as x from t"],
    "date function": [
        "select date_diff('hour', a, b) as x from t",
        "select datediff(day, a, b) as x from t",
        "select epoch_ms(a) as x from t",
        "select strftime(a, '%Y') as x from t",
        "select strptime(a, '%Y') as x from t",
        "select isodow(a) as x from t",
    ],
    "extract of an epoch or weekday": [
        "select extract(epoch from a) as x from t",
        "select extract(dow from a) as x from t",
    ],
    "at time zone": ["select a at time zone 'UTC' as x from t"],
    "series": ["select a from generate_series(1, 3) as t (a)", "select unnest(a) as x from t"],
    "regular expression": [
        "select regexp_matches(a, 'b') as x from t",
        "select regexp_extract(a, 'b') as x from t",
        "select a ~ 'b' as x from t",
    ],
    "json": ["select json_extract_string(a, '$.b') as x from t"],
    "like with escape": ["select a from t where a like '%x' escape '!'"],
    "type": [
        "select cast(a as text) as x from t",
        "select cast(a as varchar) as x from t",
        "select cast(a as timestamptz) as x from t",
        "select cast(a as hugeint) as x from t",
        "select cast(a as uinteger) as x from t",
        "select cast(a as timestamp with time zone) as x from t",
    ],
    "decimal without size": ["select cast(a as decimal) as x from t"],
    "row_number without order": [
        "select row_number() over () as x from t",
        "select row_number() over (partition by a) as x from t",
    ],
    "ignore nulls": ["select last_value(a ignore nulls) over (order by b desc) as x from t"],
    "qualify": ["select a from t qualify row_number() over (order by a desc) = 1"],
    "materialized": ["with a as materialized (select 1 as b) select b from a"],
    "clock or chance": ["select current_date as x", "select now() as x", "select random() as x"],
    BACKSLASH.name: [r"select 'a\b' as x"],
    ORDER_TERM: [
        "select a from t order by a",
        "select sum(a) over (partition by b order by c, d desc rows unbounded preceding) as x",
    ],
}
GOOD = """
-- a / b, "quoted", [list] and now() in a comment
{{ config(materialized='table', tags=["x"]) }}
with orders as (
    select
        order_id,
        is_won,
        -- elapsed / shares come from macros
        {{ elapsed_days('created_at', 'closed_at') }} as cycle_days,
        {{ safe_ratio("a", "b") }} as share_ratio,
        a || coalesce(b, '') as name,
        concat_ws(' / ', a, b) as label,
        'it''s [fine] "here" -> now()' as remark,
        cast(null as string) as nothing,
        cast(round(amount) as bigint) as amount_rounded,
        cast(amount as decimal(18, 2)) as amount_exact
    from {{ ref('fct_order') }}
),

ranked as (
    select
        order_id,
        sum(case when is_won then 1 else 0 end) as count_won,
        avg(cast(amount as double)) as amount_mean,
        max_by(name, order_id) as last_name,
        count(*) filter (where is_won) as count_filtered,
        extract(year from created_at) as year_number,
        row_number() over (
            partition by a order by created_at desc, order_id nulls last
        ) as version_rank
    from orders
    group by all
)

select order_id, count_won from ranked where version_rank = 1
order by order_id nulls last
"""


@pytest.mark.parametrize(
    ("construct", "sql"), [(name, sql) for name, snippets in BAD.items() for sql in snippets]
)
def test_construct_is_refused(construct: str, sql: str) -> None:
    assert [p for p in portability_problems(sql) if p.startswith(f"{construct}: ")]


def test_every_construct_has_a_bad_example() -> None:
    assert set(BAD) == {construct.name for construct in CONSTRUCTS} | {BACKSLASH.name, ORDER_TERM}


def test_good_sql_passes() -> None:
    assert portability_problems(GOOD) == []


def aliases_in_where(sql: str, dialect: str) -> list[str]:
    """Names that a where clause uses although only the same select defines them."""
    found = []
    for select in sqlglot.parse_one(sql, dialect=dialect).find_all(exp.Select):
        where = select.args.get("where")
        if where is None:
            continue
        made = {
            item.alias
            for item in select.expressions
            if isinstance(item, exp.Alias)
            and item.alias not in {column.name for column in item.find_all(exp.Column)}
        }
        columns = [
            column
            for column in where.find_all(exp.Column)
            if column.find_ancestor(exp.Select) is select and not column.table
        ]
        found += [column.name for column in columns if column.name in made]
    return found


def test_alias_in_where_is_found() -> None:
    assert aliases_in_where("select a + 1 as b from t where b > 2", "duckdb") == ["b"]
    assert aliases_in_where("select trim(a) as a from t where a is not null", "duckdb") == []
    assert aliases_in_where("select a + 1 as b from t qualify b > 2", "duckdb") == []


def write_sources(home: Path) -> None:
    """A sources file with one system per mapping set, and an empty landed file per table."""
    tables: dict[str, dict[str, set[str]]] = {}
    keyed: set[tuple[str, str]] = set()
    with (REPO_ROOT / "seeds" / "field_mapping.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            rule = FieldRule.model_validate(row)
            named = tables.setdefault(rule.mapping_set, {})
            columns = named.setdefault(rule.source_table, set())
            for name in rule.inputs:
                if found := looked_up(name):
                    columns.add(found.key)
                    named.setdefault(found.table, set()).add(found.field)
                    keyed.add((rule.mapping_set, found.table))
                else:
                    columns.add(name)
    text = ""
    for mapping_set, named in tables.items():
        text += f'[[source]]\nsystem = "{mapping_set}"\nkind = "files"\nlocation = "."\n'
        text += 'time_zone = "Asia/Shanghai"\ncurrency = "CNY"\n'
        for table, columns in named.items():
            text += f'[[source.table]]\nname = "{table}"\nglob = "{table}*.csv"\n'
            if (mapping_set, table) in keyed:
                key = next((name for name in columns if name.lower() == "id"), "id")
                columns.add(key)
                text += f'primary_key = "{key}"\n'
            land_empty(home / "lake" / "raw" / mapping_set / table, columns)
    (home / "sources.toml").write_text(text, encoding="utf-8")


def land_empty(folder: Path, columns: set[str]) -> None:
    names = sorted(columns - set(PSEUDO_COLUMNS))
    metadata = (
        "null::varchar as _load_id, null::timestamp as _loaded_at, null::varchar as _source_file, "
        "null::bigint as _source_row, false as _is_deleted"
    )
    listed = "".join(f'null::varchar as "{name}", ' for name in names)
    folder.mkdir(parents=True)
    with duckdb.connect() as connection:
        connection.execute(
            f"copy (select {listed}{metadata} where false) to '{folder}/1.parquet' (format parquet)"
        )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Every committed rule row compiled to models."""
    folder = tmp_path_factory.mktemp("portability")
    write_sources(folder)
    settings = Settings(home=folder)
    compile_mapping(settings)
    yield settings


def test_no_model_has_a_refused_construct(home: Settings) -> None:
    files = [
        *sorted((REPO_ROOT / "dbt" / "models").rglob("*.sql")),
        *sorted((REPO_ROOT / "dbt" / "tests" / "singular").rglob("*.sql")),
        *sorted(home.generated_models.rglob("*.sql")),
    ]
    assert len(files) > 50
    problems = [
        f"{file.name}: {problem}"
        for file in files
        for problem in portability_problems(file.read_text(encoding="utf-8"))
    ]
    assert not problems, "\n".join(problems)


def test_contracts_name_types_that_both_engines_know() -> None:
    known = re.compile(r"string|bigint|double|boolean|date|timestamp|decimal\(\d+, ?\d+\)")
    assert not known.fullmatch("varchar"), "Spark wants its length"
    found = [
        (f"{file.name}: {model['name']}.{column['name']}", column["data_type"])
        for file in sorted((REPO_ROOT / "dbt" / "models").rglob("*.yml"))
        for model in yaml.safe_load(file.read_text(encoding="utf-8")).get("models", [])
        for column in model.get("columns", [])
        if "data_type" in column
    ]
    assert len(found) > 1000
    assert [pair for pair in found if not known.fullmatch(pair[1])] == []


def test_every_model_compiles_and_parses_for_spark(home: Settings) -> None:
    environment = process_environment() | home.dbt_environment(date(2026, 6, 30))
    command = [str(Path(sys.executable).with_name("dbt")), "--quiet", "compile"]
    result = subprocess.run(
        [*command, "--target", "spark", "--no-introspect", "--no-populate-cache"],
        cwd=home.dbt_project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-1000:]
    files = sorted((home.dbt_artifacts / "compiled").rglob("*.sql"))
    assert len(files) > 100
    problems = []
    for file in files:
        sql = file.read_text(encoding="utf-8")
        try:
            problems += [
                f"{file.name}: alias {name} in where" for name in aliases_in_where(sql, "spark")
            ]
        except sqlglot.errors.ParseError as error:
            problems.append(f"{file.name}: {error}")
    assert not problems, "\n".join(problems)

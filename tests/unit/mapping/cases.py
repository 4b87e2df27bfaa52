"""One case per transform and kind of value: what goes in, what must come out.

The same cases run on DuckDB (unit tests) and on Spark (`make test-spark`).
"""

from __future__ import annotations

from dataclasses import dataclass

from dagster_project.mapping.landed import Kind
from dagster_project.mapping.transforms import (
    Input,
    compile_transform,
    literal,
    parse_transform,
)

SHANGHAI = "Asia/Shanghai"
SQL_TYPES: dict[Kind, str] = {
    "text": "string",
    "integer": "bigint",
    "double": "double",
    "decimal": "decimal(18, 4)",
    "boolean": "boolean",
    "naive": "timestamp",
    "date": "date",
}


@dataclass(frozen=True)
class Case:
    """A transform of values to a field type; results are compared as text."""

    transform: str
    field_type: str
    values: tuple[str | None, ...]
    expected: str | None
    unconverted: str | None = None
    kind: Kind = "text"
    zone: str = "UTC"
    is_id: bool = False

    def select(self, index: int) -> str:
        """SQL of one row: case_number, value, unconverted."""
        names = [f"input_{position}" for position, _ in enumerate(self.values)]
        columns = ", ".join(
            f"cast({'null' if value is None else literal(value)} as {SQL_TYPES[self.kind]}) "
            f"as {name}"
            for name, value in zip(names, self.values, strict=True)
        )
        expression = compile_transform(
            parse_transform(self.transform, names),
            [Input(name, self.kind) for name in names],
            self.field_type,
            zone=self.zone,
            is_id=self.is_id,
        )
        return (
            f"select\n    {index} as case_number,\n"
            f"    cast({expression.value} as string) as result,\n"
            f"    cast({expression.unconverted or 'null'} as string) as unconverted\n"
            f"from (select {columns or '1 as nothing'}) as inputs"
        )


def _bad(transform: str, field_type: str, value: str) -> Case:
    return Case(transform, field_type, (value,), None, unconverted=value.strip())


CASES = (
    Case("text", "text", ("  Acme \t".rstrip("\t"),), "Acme"),
    Case("text", "text", ("   ",), None),
    Case("text", "text", (None,), None),
    Case("text", "text", ("O'Brien \\ {x}",), "O'Brien \\ {x}"),
    Case("text", "text", ("17850",), "17850", kind="double"),
    Case("text", "text", ("1.5",), "1.5", kind="double"),
    Case("text", "text", ("42",), "42", kind="integer"),
    Case("text", "text", ("true",), "true", kind="boolean"),
    Case("lower", "text", (" ABC ",), "abc"),
    Case("upper", "text", ("abc",), "ABC"),
    Case("integer", "integer", ("12",), "12"),
    Case("integer", "integer", (" -3 ",), "-3"),
    Case("integer", "integer", ("4.0",), "4"),
    Case("integer", "integer", ("4",), "4", kind="double"),
    Case("integer", "integer", ("7",), "7", kind="integer"),
    Case("integer", "integer", ("",), None),
    Case("integer", "integer", ("2.5",), None, unconverted="2.5", kind="double"),
    _bad("integer", "integer", "2.5"),
    _bad("integer", "integer", "twelve"),
    _bad("integer", "integer", "99999999999999999999"),
    Case("number", "number", ("12.5",), "12.5"),
    Case("number", "number", (".5",), "0.5"),
    Case("number", "number", ("-1e3",), "-1000.0"),
    Case("number", "number", ("2.5",), "2.5", kind="decimal"),
    Case("number", "number", ("2",), "2.0", kind="integer"),
    Case("number:,.", "number", ("1,234.50",), "1234.5"),
    Case("number:.,", "number", ("1.234,50",), "1234.5"),
    _bad("number", "number", "1,234.50"),
    _bad("number", "number", "1.5d"),
    _bad("number", "number", "NaN"),
    _bad("number", "number", "¥5"),
    Case("boolean", "boolean", ("Yes",), "true"),
    Case("boolean", "boolean", ("否",), "false"),
    Case("boolean", "boolean", ("true",), "true", kind="boolean"),
    Case("boolean", "boolean", ("0",), "false", kind="integer"),
    Case("boolean", "boolean", (None,), None),
    _bad("boolean", "boolean", "maybe"),
    Case("boolean:true=Y|1,false=N|0", "boolean", ("y",), "true"),
    Case("boolean:true=Y|1,false=N|0", "boolean", ("0",), "false"),
    _bad("boolean:true=Y|1,false=N|0", "boolean", "true"),
    Case("timestamp", "timestamp", ("2026-03-01",), "2026-03-01 00:00:00"),
    Case("timestamp", "timestamp", ("2026-03-01T08:30:05",), "2026-03-01 08:30:05"),
    Case("timestamp", "timestamp", ("2026-03-01T08:30:05Z",), "2026-03-01 08:30:05"),
    Case("timestamp", "timestamp", ("2026-03-01 08:30:05+08:00",), "2026-03-01 00:30:05"),
    Case("timestamp", "timestamp", ("2026-03-01T08:30:05+0800",), "2026-03-01 00:30:05"),
    Case("timestamp", "timestamp", ("2026-03-01 08:30",), "2026-03-01 00:30:00", zone=SHANGHAI),
    Case("timestamp", "timestamp", ("2026-03-01T08:30:05Z",), "2026-03-01 08:30:05", zone=SHANGHAI),
    Case(
        "timestamp",
        "timestamp",
        ("2026-03-01 08:30:00",),
        "2026-03-01 08:30:00",
        kind="naive",
        zone=SHANGHAI,
    ),
    Case(
        "timestamp", "timestamp", ("2026-03-01",), "2026-03-01 00:00:00", kind="date", zone=SHANGHAI
    ),
    _bad("timestamp", "timestamp", "01/03/2026"),
    _bad("timestamp", "timestamp", "2026-13-01"),
    _bad("timestamp", "timestamp", "2026-02-30 08:00"),
    Case("timestamp", "timestamp", ("2026-03-01",), "2026-03-01 00:00:00", zone=SHANGHAI),
    Case("timestamp:%d/%m/%Y", "timestamp", ("01/03/2026",), "2026-03-01 00:00:00"),
    Case("timestamp:%Y%m%d", "timestamp", ("20260301",), "2026-03-01 00:00:00", zone=SHANGHAI),
    Case("timestamp:%m/%d/%Y %H:%M", "timestamp", ("3/1/2026 8:26",), "2026-03-01 08:26:00"),
    Case("timestamp:%Y年%m月%d日", "timestamp", ("2026年3月1日",), "2026-03-01 00:00:00"),
    Case("timestamp:%Y-%m-%dT%H:%M", "timestamp", ("2026-03-01T08:26",), "2026-03-01 08:26:00"),
    Case("timestamp:%d.%m.%Y|%Y%m%d", "timestamp", ("20260301",), "2026-03-01 00:00:00"),
    Case(
        "timestamp:%d/%m/%Y %H:%M",
        "timestamp",
        ("01/03/2026 00:30",),
        "2026-02-28 16:30:00",
        zone=SHANGHAI,
    ),
    _bad("timestamp:%d/%m/%Y", "timestamp", "2026-03-01"),
    Case("timestamp:epoch_seconds", "timestamp", ("1772325000",), "2026-03-01 00:30:00"),
    Case(
        "timestamp:epoch_milliseconds",
        "timestamp",
        ("1772325000000",),
        "2026-03-01 00:30:00",
        kind="integer",
    ),
    Case("date_end", "timestamp", ("2026-03-01",), "2026-03-01 23:59:59"),
    Case("date_end", "timestamp", ("2026-03-01",), "2026-03-01 23:59:59", zone=SHANGHAI),
    _bad("date_end", "timestamp", "soon"),
    Case("constant:CNY", "text", (), "CNY"),
    Case("constant:5", "integer", (), "5"),
    Case("constant:true", "boolean", (), "true"),
    Case("key", "text", ("A 1 ",), "A 1", is_id=True),
    Case("key", "text", (" ",), None, is_id=True),
    Case("key", "text", ("A", "7"), "A|7", is_id=True),
    Case("key", "text", ("A", None), None, is_id=True),
    Case("concat: ", "text", ("Ada", "Lovelace"), "Ada Lovelace"),
    Case("concat: ", "text", ("Ada", None), "Ada"),
    Case("concat:-", "text", (None, " "), None),
    Case("concat:-", "text", ("A", None), None, is_id=True),
    Case("coalesce", "text", (None, "b"), "b"),
    Case("coalesce", "timestamp", ("", "2026-03-01"), "2026-03-01 00:00:00"),
    Case("coalesce", "integer", ("x", "3"), "3", unconverted="x"),
    Case("multiply", "number", ("3", "2.5"), "7.5"),
    Case("multiply", "number", ("3", None), None),
    Case("multiply", "number", ("3", "x"), None, unconverted="x"),
    Case("multiply", "integer", ("3", "2"), "6"),
    Case("divide", "number", ("3", "2"), "1.5"),
    Case("divide", "number", ("3", "0"), None),
    Case("subtract", "number", ("3", "2"), "1.0"),
    Case("before:;", "text", ("a; b;c",), "a"),
    Case("before:;", "text", ("abc",), "abc"),
    Case("after:;", "text", ("a; b;c",), "b;c"),
    Case("after:;", "text", ("abc",), None),
    Case("json:$.customer.id", "text", ('{"customer": {"id": 7}}',), "7"),
    Case("json:$.customer.id", "text", ("no json",), None),
    Case("json:$.amount", "number", ('{"amount": "12.5"}',), "12.5"),
    Case("json:$.amount", "number", ('{"amount": "x"}',), None, unconverted="x"),
    Case("equals:C|D", "boolean", ("D",), "true"),
    Case("equals:C|D", "boolean", ("E",), "false"),
    Case("equals:C|D", "boolean", (None,), None),
    Case("not_equals:C", "boolean", ("D",), "true"),
    Case("starts_with:C", "boolean", ("C536379",), "true"),
    Case("starts_with:C", "boolean", ("536379",), "false"),
    Case("not_starts_with:C", "boolean", ("536379",), "true"),
    Case("not_null", "boolean", ("x",), "true"),
    Case("not_null", "boolean", (" ",), "false"),
    Case("is_null", "boolean", (None,), "true"),
)


def cases_model() -> str:
    """A dbt model with one row per case; a table, as Hive's catalog takes no view of this size."""
    selects = (case.select(index) for index, case in enumerate(CASES))
    return "{{ config(materialized='table') }}\n" + "\n\nunion all\n\n".join(selects) + "\n"

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
    "binary": "binary",
}
PARAMETERS = """[
    {"key": "page_location", "value": {"string_value": "https://a.cn/x?y=1", "int_value": null}},
    {"key": "ga_session_id", "value": {"int_value": "1772325000"}},
    {"key": "engagement_time_msec", "value": {"int_value": 5250}},
    {"key": "share", "value": {"double_value": 0.5}},
    {"key": "it's", "value": {"string_value": "quoted"}},
    {"key": "empty", "value": {}}
]"""


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
    Case(
        "timestamp:epoch_microseconds",
        "timestamp",
        ("1772325000123456",),
        "2026-03-01 00:30:00.123456",
        kind="integer",
    ),
    _bad("timestamp:epoch_microseconds", "timestamp", "soon"),
    Case("timestamp:odata", "timestamp", ("/Date(1772325000000)/",), "2026-03-01 00:30:00"),
    Case(
        "timestamp:odata",
        "timestamp",
        ("/Date(1772325000123+0480)/",),
        "2026-03-01 00:30:00.123",
        zone=SHANGHAI,
    ),
    Case("timestamp:odata", "timestamp", ("/Date(-86400000)/",), "1969-12-31 00:00:00"),
    Case("timestamp:odata", "timestamp", (None,), None),
    _bad("timestamp:odata", "timestamp", "2026-03-01"),
    _bad("timestamp:odata", "timestamp", "/Date(soon)/"),
    Case("date_end:odata", "timestamp", ("/Date(1772323200000)/",), "2026-03-01 23:59:59"),
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
    Case("text", "text", ("AB",), "4142", kind="binary"),
    Case("param:page_location", "text", (PARAMETERS,), "https://a.cn/x?y=1"),
    Case("param:ga_session_id", "text", (PARAMETERS,), "1772325000"),
    Case("param:ga_session_id", "integer", (PARAMETERS,), "1772325000"),
    Case("param:share", "number", (PARAMETERS,), "0.5"),
    Case("param:it's", "text", (PARAMETERS,), "quoted"),
    Case("param:empty", "text", (PARAMETERS,), None),
    Case("param:absent", "text", (PARAMETERS,), None),
    Case("param:absent|ga_session_id|share", "text", (PARAMETERS,), "1772325000"),
    Case("param:absent|empty", "text", (PARAMETERS,), None),
    Case("param:x", "text", ("[]",), None),
    Case("param:x", "text", ("no json",), None),
    Case("param:x", "text", ('{"key": "x"}',), None),
    Case("param:x", "text", (None,), None),
    Case("param:engagement_time_msec > scale:0.001", "number", (PARAMETERS,), "5.25"),
    Case("param:page_location > url_host", "text", (PARAMETERS,), "a.cn"),
    Case("param:page_location > url_path > upper", "text", (PARAMETERS,), "/X?Y=1"),
    Case("coalesce > after:@", "text", (None, "a@b"), "b"),
    Case("json:$.a > values:1=x", "text", ('{"a": 1}',), "x"),
    Case("json:$.a > integer", "integer", ('{"a": "z"}',), None, unconverted="z"),
    Case("lower > not_null", "boolean", (" ",), "false"),
    Case("url_host", "text", ("https://me:pw@WWW.A.cn:8443/x",), "www.a.cn"),
    Case("url_host", "text", ("http://a.cn",), "a.cn"),
    Case("url_host", "text", ("//a.cn/x",), "a.cn"),
    Case("url_host", "text", ("a.cn/x?u=http://b.cn/",), "a.cn"),
    Case("url_host", "text", ("/x?mail=me@b.cn",), None),
    Case("url_host", "text", ("https:///x",), None),
    Case("url_host", "text", (None,), None),
    Case("url_path", "text", ("https://a.cn/x/y?z=1&u=http://b.cn#top",), "/x/y?z=1&u=http://b.cn"),
    Case("url_path", "text", ("a.cn/x",), "/x"),
    Case("url_path", "text", ("https://a.cn",), "/"),
    Case("url_path", "text", ("https://a.cn?z=1",), "/?z=1"),
    Case("url_path", "text", ("/x?z=1#top",), "/x?z=1"),
    Case("url_path", "text", ("/产品?q=价格",), "/产品?q=价格"),
    Case("url_path", "text", (None,), None),
    Case("url", "text", ("a.cn", "/x", "y=1"), "https://a.cn/x?y=1"),
    Case("url", "text", ("a.cn", None, None), "https://a.cn/"),
    Case("url", "text", (None, "/x", None), "/x"),
    Case("url", "text", (None, None, None), None),
    Case("ip_address", "text", ("c0a80101",), "192.168.1.1"),
    Case("ip_address", "text", ("20010DB8" + "0" * 23 + "1",), "2001:0db8:" + "0000:" * 5 + "0001"),
    Case("ip_address", "text", ("0" * 20 + "ffffc0a80101",), "192.168.1.1"),
    Case("ip_address", "text", ("10.0.0.1",), "10.0.0.1"),
    Case("ip_address", "text", ("ABCD",), "65.66.67.68", kind="binary"),
    Case("ip_address", "text", (None,), None),
    Case("digest", "text", ("a", None, "b"), "8e4350bbfbeaae12c71013d7e16e6603", is_id=True),
    Case("values:1=page_view|3=download", "text", ("3",), "download", kind="integer"),
    Case("values:1=page_view|3=download", "text", ("2",), None),
    Case("values:1=page_view|*", "text", ("play",), "play"),
    Case("values:page_ping=10", "number", ("page_ping",), "10.0"),
    Case("scale:0.001", "number", ("5250",), "5.25"),
    Case("scale:1000", "integer", ("1.5",), "1500"),
    _bad("scale:2", "number", "x"),
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

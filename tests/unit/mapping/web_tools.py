"""Exports of web-analytics tools, shaped after their documentation, and the web events they mean.

The sources file is the one that the connectors' README shows.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from dagster_project.settings import REPO_ROOT

EXPORTS = Path(__file__).with_name("web_exports")
README = REPO_ROOT / "dagster_project" / "connectors" / "README.md"

COLUMNS = (
    "visitor_address, user_name, url, host, referrer, event_name, page_title, visitor_key, "
    "session_key, engaged_seconds, occurred_at"
)
Row = tuple[Any, ...]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


_GA4_VISITOR = ("1234567890.1772000000", "1772324990")
GA4: list[Row] = [
    (
        *(None, None, "/pricing?utm_source=news&gclid=Xy_1", "www.example.com"),
        *("https://www.google.com/", "page_view", "Pricing 价格", *_GA4_VISITOR),
        *(None, at("2026-03-01 00:30:00.123456")),
    ),
    (
        *(None, "ada", "/pricing?utm_source=news&gclid=Xy_1", "www.example.com"),
        *(None, "user_engagement", None, *_GA4_VISITOR),
        *(None, at("2026-03-01 00:30:12")),
    ),
    (
        *(None, None, "/catalogue.pdf", "files.example.com", None, "download", None, None, None),
        *(None, at("2026-03-01 00:30:20")),
    ),
    (
        *(None, None, "/", "www.example.com", None, "page_view", None, None, None),
        *(None, at("2026-03-01 00:30:30")),
    ),
]
_SNOWPLOW_PAGE = ("/pricing?utm_source=news", "www.example.com", "https://www.google.com/")
_SNOWPLOW_SESSION = "2b15e5c8-d3b1-11e4-b9d6-1681e6b88ec1"
SNOWPLOW: list[Row] = [
    (
        *("203.0.113.7", "ada", *_SNOWPLOW_PAGE, "page_view", 'Pricing "2026" 价格'),
        *("bc2e92ec6c204a14", _SNOWPLOW_SESSION, None, at("2026-03-01 08:00:01.123")),
    ),
    (
        *("203.0.113.7", None, *_SNOWPLOW_PAGE, "page_ping", 'Pricing "2026" 价格'),
        *("ecdff4d0-9175-40ac-a8bb-325c49733607", _SNOWPLOW_SESSION),
        *(10.0, at("2026-03-01 08:00:11.5")),
    ),
    (
        *("203.0.113.7", None, *_SNOWPLOW_PAGE, "event", '5" pipe'),
        *("bc2e92ec6c204a14", _SNOWPLOW_SESSION, None, at("2026-03-01 08:01:00")),
    ),
]
_ADA = ("203.0.113.0", "ada")
_ADA_KEYS = ("a1b2c3d4e5f60718", "71", None)
MATOMO: list[Row] = [
    (
        *(*_ADA, "/", "example.org", "https://www.google.com/search?q=pumps"),
        *("page_view", "Home", *_ADA_KEYS, at("2026-03-01 08:00")),
    ),
    (
        *(*_ADA, "/pricing?utm_source=news", "example.org", "example.org/"),
        *("page_view", "Pricing 价格", *_ADA_KEYS, at("2026-03-01 08:01:30")),
    ),
    (
        *(*_ADA, "/files/catalogue.pdf", "example.org", "example.org/pricing?utm_source=news"),
        *("download", None, *_ADA_KEYS, at("2026-03-01 08:02")),
    ),
    (
        *(*_ADA, None, None, "example.org/pricing?utm_source=news"),
        *("site_search", "pump seals", *_ADA_KEYS, at("2026-03-01 08:03")),
    ),
    (
        *(*_ADA, "/pricing?utm_source=news", "example.org", "example.org/pricing?utm_source=news"),
        *("play", None, *_ADA_KEYS, at("2026-03-01 08:04")),
    ),
    (
        *("2001:0db8:0000:0000:0000:0000:0000:0000", None, "/offer", "partner.example.net"),
        *(None, "outlink", None, "00000000000000ff", "72", None, at("2026-03-01 23:59:59")),
    ),
]
_VISITOR = "00000000-0000-4000-8000-00000000000"
UMAMI: list[Row] = [
    (
        *(None, None, "/pricing?utm_source=news", "www.example.net"),
        *("https://google.com/search?q=pumps", "page_view", "Pricing 价格"),
        *(f"{_VISITOR}1", "00000000-0000-4000-8000-0000000000f1"),
        *(None, at("2026-03-01 08:00:00.25")),
    ),
    (
        *(None, None, "/contact", "www.example.net", "/pricing", "page_view", "Contact"),
        *(f"{_VISITOR}1", "00000000-0000-4000-8000-0000000000f1"),
        *(None, at("2026-03-01 08:01")),
    ),
    (
        *(None, None, "/contact", None, None, "form_sent", None),
        *(f"{_VISITOR}2", "00000000-0000-4000-8000-0000000000f2"),
        *(None, at("2026-03-01 08:02")),
    ),
]


def snippets() -> list[str]:
    """The pieces of a sources file for web tools that the README shows."""
    pieces = re.findall(r"```toml\n(.*?)```", README.read_text(encoding="utf-8"), re.S)
    return [piece for piece in pieces if 'system = "web_' in piece]


def write_files(folder: Path) -> None:
    """The exports that are files, where the README's sources look for them."""
    (folder / "ga4").mkdir()
    shutil.copy(EXPORTS / "events_20260301.jsonl", folder / "ga4")
    write_parquet(EXPORTS / "events_20260301.jsonl", folder / "ga4" / "events_20260301.parquet")
    (folder / "snowplow").mkdir()
    shutil.copy(EXPORTS / "part-00000", folder / "snowplow")


def write_parquet(lines: Path, target: Path) -> None:
    """GA4's JSON lines as BigQuery writes the same table to Parquet: nested, typed."""
    value = pa.struct(
        [
            ("string_value", pa.string()),
            ("int_value", pa.int64()),
            ("float_value", pa.float64()),
            ("double_value", pa.float64()),
        ]
    )
    schema = pa.schema(
        [
            ("event_date", pa.string()),
            ("event_timestamp", pa.int64()),
            ("event_name", pa.string()),
            ("event_params", pa.list_(pa.struct([("key", pa.string()), ("value", value)]))),
            ("event_bundle_sequence_id", pa.int64()),
            ("user_id", pa.string()),
            ("user_pseudo_id", pa.string()),
            (
                "device",
                pa.struct(
                    [
                        ("category", pa.string()),
                        ("web_info", pa.struct([("hostname", pa.string())])),
                    ]
                ),
            ),
            ("stream_id", pa.string()),
        ]
    )
    rows = [json.loads(line) for line in lines.read_text(encoding="utf-8").splitlines()]
    for row in rows:
        for name in ("event_timestamp", "event_bundle_sequence_id"):
            row[name] = int(row[name])
        for parameter in row["event_params"]:
            if "int_value" in parameter["value"]:
                parameter["value"]["int_value"] = int(parameter["value"]["int_value"])
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), target)


def statements(name: str, types: Mapping[str, str], hexadecimal: str) -> list[str]:
    """The statements of an export's SQL file in one database's words.

    Args:
        types: what the database calls {bytes8}, {bytes16}, {timestamp}, {instant} and {uuid}.
        hexadecimal: how it writes bytes, with ``%s`` for the digits.
    """
    text = (EXPORTS / name).read_text(encoding="utf-8")
    for kind, word in types.items():
        text = text.replace(f"{{{kind}}}", word)
    text = re.sub(r"\{hex:([0-9a-f]+)\}", lambda match: hexadecimal % match.group(1), text)
    return [statement for part in text.split(";\n") if (statement := part.strip())]

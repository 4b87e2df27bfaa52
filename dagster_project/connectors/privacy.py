"""Internet addresses shortened so that they no longer name a person's connection.

What is kept of an address: of IPv4 the /24 network (``203.0.113.7`` → ``203.0.113.0``), of IPv6 the
/48 network (``2001:db8:85a3:8d3::1`` → ``2001:db8:85a3::``), of a host name the part that was
registered (``p5b0.dialup.example.co.uk`` → ``example.co.uk``). It happens before anything is
landed or quarantined. Switched on later it is done to what has landed as well. An address that is
shortened already stays, so that a file can be done again after a crash.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from dagster_project.connectors.access_log.settings import AccessLogTable
from dagster_project.connectors.extract import Extract
from dagster_project.connectors.problems import SourceError, Words
from dagster_project.connectors.receipts import RejectedRow
from dagster_project.connectors.source_models import Table

# Under country codes names are registered below these: example.co.uk, example.com.cn.
SECOND_LEVELS = frozenset(
    ["ac", "co", "com", "edu", "gob", "gouv", "gov", "mil", "ne", "net", "nom", "or", "org"]
)
_IP4 = re.compile(r"(\d{1,3}\.\d{1,3}\.\d{1,3})\.\d{1,3}(?::\d+)?")
_HEX = re.compile(r"[0-9a-fA-F]{8}|[0-9a-fA-F]{32}")
_HOST = re.compile(r"(?=.*[^\W\d])[\w-]+(?:\.[\w-]+)+\.?(?::\d+)?")
_IP4_IN_TEXT = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.]?\d)")
# All eight groups, or fewer around "::"; a clock such as 08:00:01 is neither.
_IP6_IN_TEXT = re.compile(
    r"(?<![\w:.])(?:(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}"
    r"|(?:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,6})?::"
    r"(?:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,6})?)(?![\w:])"
)
Shorten = Callable[[str], str]


def shorten_address(text: str) -> str:
    """An address, a host name, or several of them separated by commas, without their last part.

    What looks like an address and is none becomes ``0.0.0.0`` or ``::``; other text stays.
    """
    if "," in text:
        return ", ".join(shorten_address(part.strip()) for part in text.split(","))
    text = text.strip()
    if match := _IP4.fullmatch(text):
        return f"{match.group(1)}.0"
    if ":" in text and not _HOST.fullmatch(text):
        return _shorten_ip6(text)
    if _HEX.fullmatch(text):
        return _shorten_bytes(bytes.fromhex(text)).hex()
    if _HOST.fullmatch(text):
        return _shorten_host(text)
    return "0.0.0.0" if re.fullmatch(r"[\d.]*\d\.[\d.]*", text) else text


def _shorten_ip6(text: str) -> str:
    inner = re.sub(r"^\[|(?:%[^\]]*)?\](?::\d+)?$|/\d+$", "", text).partition("%")[0]
    try:
        address = ipaddress.IPv6Address(inner)
    except ValueError:
        return "::"
    if address.ipv4_mapped is not None:
        return f"::ffff:{shorten_address(str(address.ipv4_mapped))}"
    return str(ipaddress.IPv6Address(int(address) >> 80 << 80))


def _shorten_host(text: str) -> str:
    labels = text.lower().partition(":")[0].rstrip(".").split(".")
    is_below_second_level = len(labels[-1]) == 2 and labels[-2] in SECOND_LEVELS
    return ".".join(labels[-(3 if is_below_second_level else 2) :])


def _shorten_bytes(value: bytes) -> bytes:
    """An address as 4 or 16 bytes; bytes of another length are no address."""
    if len(value) == 4:
        return value[:3] + b"\0"
    if len(value) == 16:
        is_mapped = value[:12] == bytes(10) + b"\xff\xff"
        return value[:15] + b"\0" if is_mapped else value[:6] + bytes(10)
    return value


def shorten_in_text(text: str) -> str:
    """Any text, such as a raw line, with every address in it shortened, and a host name before it.

    A log begins a line with the client, which may be a host name.
    """
    first, blank, rest = text.partition(" ")
    if first and _HOST.fullmatch(first):
        first = _shorten_host(first)
    text = f"{first}{blank}{rest}"
    text = _IP4_IN_TEXT.sub(lambda match: shorten_address(match.group()), text)
    return _IP6_IN_TEXT.sub(lambda match: _shorten_ip6(match.group()), text)


def shorten_column(values: pa.Array, shorten: Shorten = shorten_address) -> pa.Array:
    """A column of texts, or of addresses as bytes; each distinct value is looked at once."""
    is_binary = pa.types.is_binary(values.type)
    encoded = values.dictionary_encode()
    function: Callable[[Any], Any] = _shorten_bytes if is_binary else shorten
    known = pa.array([function(value) for value in encoded.dictionary.to_pylist()], values.type)
    return known.take(encoded.indices)


def shorten_rejected(rows: Iterable[RejectedRow]) -> list[RejectedRow]:
    """Rejected rows whose text, and reasons that cite a value, name no address."""
    return [
        row.model_copy(
            update={
                name: shorten_in_text(getattr(row, name))
                for name in ("raw_text", "reason_en", "reason_zh")
            }
        )
        for row in rows
    ]


def shortened(table: Table, columns: Mapping[str, str]) -> dict[str, Shorten]:
    """Columns of a table that hold addresses, and how they are shortened; empty where not asked.

    Args:
        columns: the columns of the table with their landed types.
    """
    if isinstance(table, AccessLogTable):
        if not table.anonymise_addresses:
            return {}
        from dagster_project.connectors.access_log.formats import COLUMNS

        # Fields of their own, such as X-Forwarded-For, may hold addresses too.
        more = [name for name, kind in columns.items() if kind == "text" and name not in COLUMNS]
        return {"client_address": shorten_address, **dict.fromkeys(more, shorten_in_text)}
    return dict.fromkeys(getattr(table, "anonymise_addresses", ()), shorten_address)


def shorten_extract(extract: Extract, columns: Mapping[str, Shorten], where: str) -> None:
    """Shorten addresses in rows that have been read and not yet landed.

    Raises:
        SourceError: a column is not there, so that addresses would land as they are.
    """
    if not columns:
        return
    for name in columns:
        if extract.columns and name not in extract.columns:
            raise SourceError(
                Words(
                    f'{where}: `anonymise_addresses` names "{name}", which is no column there.',
                    f"{where}：anonymise_addresses 指定的列“{name}”不存在。",
                ),
                Words(
                    f"Name some of: {', '.join(extract.columns)}.",
                    f"可用的列：{'、'.join(extract.columns)}。",
                ),
            )
    for path in extract.parquet:
        _rewrite(path, columns)


def shorten_landed(files: Iterable[Path], columns: Mapping[str, Shorten]) -> int:
    """Shorten addresses in files of the lake, each replaced whole; returns how many changed."""
    return sum(_rewrite(path, columns) for path in sorted(files))


def shorten_quarantined(files: Iterable[Path], system: str, table: str) -> None:
    """Shorten addresses in the quarantined rows of one table."""
    texts = dict.fromkeys(("raw_text", "reason_en", "reason_zh"), shorten_in_text)
    for path in sorted(files):
        _rewrite(path, texts, only={"system": system, "table_name": table})


def _rewrite(
    path: Path, columns: Mapping[str, Shorten], *, only: Mapping[str, str] | None = None
) -> bool:
    """Rewrite a file a row group at a time; it is replaced at once, or left as it is."""
    partial = path.with_name(f".{path.name}.partial")
    has_changed = False
    with pq.ParquetFile(path) as source:
        schema = source.schema_arrow
        if not set(columns) & set(schema.names):
            return False
        with pq.ParquetWriter(partial, schema, compression="zstd") as writer:
            for number in range(source.num_row_groups):
                before = source.read_row_group(number)
                after = _shorten_table(before, columns, only)
                has_changed = has_changed or not after.equals(before)
                writer.write_table(after, row_group_size=max(1, after.num_rows))
    if has_changed:
        partial.replace(path)
    else:
        partial.unlink()
    return has_changed


def _shorten_table(
    table: pa.Table, columns: Mapping[str, Shorten], only: Mapping[str, str] | None
) -> pa.Table:
    import pyarrow.compute as pc

    chosen = functools.reduce(
        pc.and_,
        (pc.equal(table[name], value) for name, value in (only or {}).items()),
        pa.chunked_array([pa.repeat(True, table.num_rows)]),
    )
    for name, shorten in columns.items():
        index = table.schema.get_field_index(name)
        if index < 0:
            continue
        field = table.schema.field(index)
        column = table[name].combine_chunks()
        made = shorten_column(column, shorten)
        if only:
            made = pc.if_else(chosen.combine_chunks(), made, column)
        table = table.set_column(index, field, made)
    return table

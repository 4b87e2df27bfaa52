"""Types of landed columns, and values of a source brought to them without loss.

A landed column has one of these types for ever: ``text``, ``integer``, ``number``,
``decimal(<scale>)``, ``boolean``, ``timestamp`` (UTC, microseconds, without zone), ``date``,
``time``, ``binary``. A value that a type cannot hold exactly is not rounded: its row is rejected,
but for times of a table whose settings say that they are to be cut.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation, localcontext
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from dagster_project.connectors.problems import Words

INTEGER_LIMIT = 2**63
EXACT_FLOAT_LIMIT = 2**53
DECIMAL_DIGITS = 38
# What a time is called that has digits behind its microsecond.
FINER_TIME = "finer time"
_BEHIND_MICROSECOND = re.compile(r"[.,]\d{6}0*[1-9]")

_ARROW: dict[str, pa.DataType] = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us"),
    "date": pa.date32(),
    "time": pa.time64("us"),
    "binary": pa.binary(),
}
_CHINESE = {
    "text": "文本",
    "integer": "整数",
    "number": "数值",
    "boolean": "布尔值",
    "timestamp": "时间戳",
    "date": "日期",
    "time": "时间",
    "binary": "二进制",
    FINER_TIME: "更细的时间",
}


class Unfit(ValueError):  # noqa: N818 - a verdict on one value, caught where rows are sorted out
    """A value does not fit its column; ``found`` is the type it has."""

    def __init__(self, found: str) -> None:
        super().__init__(found)
        self.found = found


@dataclass(frozen=True)
class Misfit:
    """One value that its column cannot hold."""

    column: str
    expected: str
    found: str
    value: Any

    @property
    def words(self) -> Words:
        shown = repr(self.value)
        shown = shown if len(shown) <= 80 else shown[:79] + "…"
        if self.found == FINER_TIME:
            return Words(
                f'column "{self.column}": {shown} is finer than a microsecond; land the column as '
                'text, or set `finer_times = "cut"` for its table, and reset the table',
                f"列“{self.column}”：{shown} 细于微秒；请将该列改为文本，"
                '或为该表设置 finer_times = "cut"，然后重置该表',
            )
        return Words(
            f'column "{self.column}": expected {self.expected}, found {self.found} ({shown})',
            f"列“{self.column}”：应为{type_name_zh(self.expected)}，"
            f"实际为{type_name_zh(self.found)}（{shown}）",
        )


def type_name_zh(name: str) -> str:
    """Chinese name of a landed type."""
    if name.startswith("decimal"):
        return "小数" + name.removeprefix("decimal")
    return _CHINESE.get(name, name)


def decimal_scale(name: str) -> int:
    """Scale of ``decimal(<scale>)``."""
    return int(name.removeprefix("decimal(").removesuffix(")"))


def arrow_type(name: str) -> pa.DataType:
    """Arrow type in which a landed type is stored."""
    if name.startswith("decimal("):
        return pa.decimal128(DECIMAL_DIGITS, decimal_scale(name))
    return _ARROW[name]


def type_of_arrow(found: pa.DataType) -> str | None:
    """Landed type of an Arrow column; None for a column that holds nothing but NULL."""
    kinds = pa.types
    if kinds.is_null(found):
        return None
    if kinds.is_dictionary(found):
        return type_of_arrow(found.value_type)
    if kinds.is_uint64(found):
        return "decimal(0)"
    if kinds.is_integer(found):
        return "integer"
    if kinds.is_floating(found):
        return "number"
    if kinds.is_decimal(found) and found.precision <= DECIMAL_DIGITS and found.scale >= 0:
        return f"decimal({found.scale})"
    if kinds.is_boolean(found):
        return "boolean"
    if kinds.is_timestamp(found):
        return "timestamp"
    if kinds.is_date(found):
        return "date"
    if kinds.is_time(found):
        return "time"
    if kinds.is_binary(found) or kinds.is_large_binary(found) or kinds.is_fixed_size_binary(found):
        return "binary"
    return "text"


def type_of_value(value: Any) -> str | None:
    """Landed type of one Python value; None for None."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer" if -INTEGER_LIMIT <= value < INTEGER_LIMIT else "text"
    if isinstance(value, float):
        return "number"
    if isinstance(value, Decimal):
        exponent = value.as_tuple().exponent
        return f"decimal({max(0, -exponent)})" if isinstance(exponent, int) else "text"
    if isinstance(value, datetime):
        return "timestamp"
    if isinstance(value, date):
        return "date"
    if isinstance(value, time):
        return "time"
    if isinstance(value, bytes | bytearray | memoryview):
        return "binary"
    return "text"


def common_type(found: set[str]) -> str | None:
    """The narrowest type that holds all of ``found`` exactly; None where nothing was found."""
    if not found:
        return None
    if len(found) == 1:
        (only,) = found
        return only
    decimals = {name for name in found if name.startswith("decimal(")}
    rest = found - decimals
    if rest <= {"integer"}:
        scale = max(decimal_scale(name) for name in decimals)
        return f"decimal({scale})" if scale <= DECIMAL_DIGITS // 2 else "text"
    if rest == {"integer", "number"} and not decimals:
        return "number"
    if rest == {"date", "timestamp"} and not decimals:
        return "timestamp"
    return "text"


def as_text(value: Any) -> str:
    """Any scalar, list or dictionary as text from which it can be told again."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=as_text)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value)


def to_utc(value: datetime, zone: ZoneInfo) -> datetime:
    """``value`` as UTC without zone; a value without a zone is meant in ``zone``."""
    aware = value if value.tzinfo else value.replace(tzinfo=zone)
    return aware.astimezone(UTC).replace(tzinfo=None)


def coerce(value: Any, target: str, zone: ZoneInfo, *, cut_times: bool = False) -> Any:
    """``value`` as the Python value of landed type ``target``.

    ``cut_times`` leaves out what a time has behind the microsecond, instead of refusing it.

    Raises:
        Unfit: the type cannot hold the value exactly.
    """
    if value is None:
        return None
    found = type_of_value(value) or "text"
    if target == "text":
        return as_text(value)
    if target.startswith("decimal("):
        return _coerce_decimal(value, found, decimal_scale(target))
    if target == "integer":
        if found == "integer":
            return value
        is_number = isinstance(value, float | Decimal) and math.isfinite(value)
        if is_number and value == int(value) and abs(value) < INTEGER_LIMIT:
            return int(value)
    elif target == "number":
        if isinstance(value, float):
            return value
        if found == "integer" and abs(value) <= EXACT_FLOAT_LIMIT:
            return float(value)
        if isinstance(value, Decimal) and not value.is_snan():
            number = float(value)
            # The number that is written like it, as JSON and people mean it; NaN equals nothing.
            if value.is_nan() or Decimal(repr(number)) == value:
                return number
    elif target == "boolean":
        if found == "boolean" or (found == "integer" and value in (0, 1)):
            return bool(value)
    elif target in ("timestamp", "date", "time"):
        return _coerce_moment(value, target, found, zone, cut_times=cut_times)
    elif target == "binary" and found == "binary":
        return bytes(value)
    raise Unfit(found)


def _coerce_decimal(value: Any, found: str, scale: int) -> Decimal:
    if found == "boolean" or not isinstance(value, int | float | Decimal):
        raise Unfit(found)
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    try:
        with localcontext(prec=DECIMAL_DIGITS):
            exact = number.quantize(Decimal(1).scaleb(-scale))
    except InvalidOperation as error:
        raise Unfit(found) from error
    if exact != number:
        raise Unfit(found)
    return exact


def _coerce_moment(value: Any, target: str, found: str, zone: ZoneInfo, *, cut_times: bool) -> Any:
    if isinstance(value, str):
        # SQLite, SQL Server and JSON write times as text; Python would cut them without a word.
        if not cut_times and _BEHIND_MICROSECOND.search(value):
            raise Unfit(FINER_TIME)
        parse: Any = {"timestamp": datetime, "date": date, "time": time}[target]
        try:
            value = parse.fromisoformat(value.strip())
        except ValueError as error:
            raise Unfit(found) from error
    if target == "timestamp":
        if isinstance(value, datetime):
            try:
                return to_utc(value, zone)
            except OverflowError as error:
                raise Unfit(found) from error
        if isinstance(value, date):
            return to_utc(datetime(value.year, value.month, value.day), zone)  # noqa: DTZ001
    elif target == "date":
        if isinstance(value, datetime):
            if value.timetz().replace(tzinfo=None) == time():
                return value.date()
        elif isinstance(value, date):
            return value
    elif isinstance(value, time):
        if value.tzinfo is None:
            return value
    elif isinstance(value, timedelta) and timedelta() <= value < timedelta(days=1):
        return (datetime(1970, 1, 1) + value).time()  # noqa: DTZ001
    raise Unfit(found)


def to_array(
    column: str,
    values: Sequence[Any],
    target: str,
    zone: ZoneInfo,
    *,
    cut_times: bool = False,
) -> tuple[pa.Array, dict[int, Misfit]]:
    """Values of one column as an Arrow array of the same length, and the misfits by index.

    A misfit's place in the array is NULL; its row has to be taken out by the caller.
    """
    fast = _fast_array(values, target, zone)
    if fast is not None:
        return fast, {}
    misfits: dict[int, Misfit] = {}
    exact: list[Any] = []
    for index, value in enumerate(values):
        try:
            exact.append(coerce(value, target, zone, cut_times=cut_times))
        except Unfit as unfit:
            misfits[index] = Misfit(column, target, unfit.found, value)
            exact.append(None)
    return pa.array(exact, type=arrow_type(target)), misfits


def _fast_array(values: Sequence[Any], target: str, zone: ZoneInfo) -> pa.Array | None:
    """The array built by Arrow itself, or None where a value needs a closer look."""
    kinds = set(map(type, values)) - {type(None)}
    try:
        if kinds == {str} and target == "timestamp":
            return naive_to_utc(pa.array(values, type=pa.string()).cast(pa.timestamp("us")), zone)
        if kinds == {str} and target == "date":
            return pa.array(values, type=pa.string()).cast(pa.date32())
        if kinds == {datetime} and target == "timestamp":
            if all(value is None or value.tzinfo is None for value in values):
                return naive_to_utc(pa.array(values, type=pa.timestamp("us")), zone)
            return None
        expected: dict[str, set[type]] = {
            "text": {str},
            "integer": {int},
            "number": {float},
            "boolean": {bool},
            "date": {date},
            "time": {time},
            "binary": {bytes},
        }
        allowed = {Decimal} if target.startswith("decimal(") else expected.get(target, set())
        if kinds <= allowed:
            return pa.array(values, type=arrow_type(target))
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeEncodeError):
        return None
    return None


def naive_to_utc(array: pa.Array | pa.ChunkedArray, zone: ZoneInfo) -> Any:
    """Timestamps without a zone, meant in ``zone``, as UTC without a zone."""
    if zone.key == "UTC":
        return array.cast(pa.timestamp("us"))
    # In the hour that a clock repeats, the first is taken; in the one it skips, the next moment.
    aware = pc.assume_timezone(array, zone.key, ambiguous="earliest", nonexistent="latest")
    return aware.cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us"))

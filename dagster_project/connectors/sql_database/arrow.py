"""Reading PostgreSQL as Arrow, for columns of types that come over so without a change.

The driver is ADBC's, which takes rows in PostgreSQL's own binary form and streams them. What it
cannot give exactly, such as a date beyond year 9999, raises :class:`NotExact`, and the table is
read row by row, where one such value sets apart its row only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import sqlalchemy as sa

from dagster_project.connectors.extract import CURSOR_COLUMN, POSITION_FIELDS
from dagster_project.connectors.values import arrow_type, naive_to_utc

_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896  # years 1 to 9999, which Python can hold
_DAY = 86_400_000_000


class NotExact(Exception):  # noqa: N818 - a verdict on the way, not an error of the source
    """These rows cannot be had this way without a change."""


class ArrowReader:
    """A second connection to the database of ``url``, which gives Arrow batches."""

    def __init__(self, url: sa.URL, time_zone: str) -> None:
        import adbc_driver_postgresql.dbapi as driver

        self._error: type[Exception] = driver.Error
        uri = url.set(drivername="postgresql").update_query_dict({"connect_timeout": "10"})
        try:
            self._connection = driver.connect(uri.render_as_string(hide_password=False))
            self._run("set intervalstyle = 'postgres'")
            self._run(f"set timezone = '{time_zone}'")
            self._connection.commit()
        except driver.Error as error:
            raise NotExact from error

    def close(self) -> None:
        self._connection.close()

    def _run(self, statement: str) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)

    def batches(self, statement: str, snapshot: str | None) -> Iterator[pa.RecordBatch]:
        """Rows of ``statement``, as the transaction that exported ``snapshot`` sees them.

        Raises:
            NotExact: the driver cannot read them.
        """
        try:
            self._connection.rollback()
            self._run("set transaction isolation level repeatable read, read only")
            if snapshot:
                self._run(f"set transaction snapshot '{snapshot}'")
            with self._connection.cursor() as cursor:
                cursor.execute(statement)
                yield from cursor.fetch_record_batch()
        except (self._error, pa.ArrowException, OSError) as error:
            raise NotExact from error
        finally:
            # Fails where the line was cut: then the load is tried again, not read row by row.
            self._connection.rollback()


def write_batches(
    batches: Iterator[pa.RecordBatch],
    path: Path,
    kinds: Mapping[str, str],
    zone: ZoneInfo,
) -> tuple[int, Any]:
    """Write batches with the columns of ``kinds`` to one Parquet file.

    Returns:
        Number of rows, and the greatest value of the cursor (None without).

    Raises:
        NotExact: a value does not fit its type.
    """
    schema = pa.schema(
        [pa.field(name, arrow_type(kind)) for name, kind in kinds.items()] + POSITION_FIELDS
    )
    count, newest = 0, None
    # The file is read once and removed: what counts is how fast it is written.
    with pq.ParquetWriter(path, schema, compression="lz4", use_dictionary=False) as writer:
        for batch in batches:
            arrays = [
                landed(batch.column(index), kind, None if name == CURSOR_COLUMN else zone)
                for index, (name, kind) in enumerate(kinds.items())
            ]
            if CURSOR_COLUMN in kinds:
                place = list(kinds).index(CURSOR_COLUMN)
                # Of times the source's own, with their zone; of exact numbers not their text.
                is_exact = kinds[CURSOR_COLUMN].startswith("decimal(")
                cursors = arrays[place] if is_exact else batch.column(place)
                greatest = pc.max(cursors).as_py()
                if greatest is not None and (newest is None or greatest > newest):
                    newest = greatest
            arrays += [pa.nulls(batch.num_rows, entry.type) for entry in POSITION_FIELDS]
            writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))
            count += batch.num_rows
    return count, newest


def landed(array: pa.Array, kind: str, zone: ZoneInfo | None) -> pa.Array:
    """``array`` in the Arrow type of landed type ``kind``; times without a zone are in ``zone``.

    Raises:
        NotExact: the values would change, or are none of that type.
    """
    found, target = array.type, arrow_type(kind)
    is_text = pa.types.is_string(found) or pa.types.is_large_string(found)
    try:
        if kind == "timestamp" and pa.types.is_timestamp(found):
            _check_range(
                array.cast(pa.timestamp("us", found.tz)), _FIRST_DAY * _DAY, _LAST_DAY * _DAY
            )
            if found.tz is not None:
                return array.cast(pa.timestamp("us", "UTC")).cast(target)
            return array.cast(target) if zone is None else naive_to_utc(array, zone)
        if kind == "date" and pa.types.is_date32(found):
            _check_range(array, _FIRST_DAY, _LAST_DAY)
            return array
        if kind == "time" and pa.types.is_time(found):
            _check_range(array.cast(target), 0, _DAY - 1)
            return array.cast(target)
        if kind == "integer" and pa.types.is_integer(found):
            return array.cast(target)
        if is_text and (kind in ("text", "number") or kind.startswith("decimal(")):
            return array.cast(target)
        if found == target or (kind == "binary" and pa.types.is_large_binary(found)):
            return array.cast(target)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise NotExact from error
    raise NotExact(f"{found} as {kind}")


def _check_range(array: pa.Array, first: int, last: int) -> None:
    whole = array.view(pa.int32() if pa.types.is_date32(array.type) else pa.int64())
    bounds = pc.min_max(whole)
    if (
        bounds["min"].is_valid
        and not first <= bounds["min"].as_py() <= bounds["max"].as_py() <= last
    ):
        raise NotExact("a time that has no place in the calendar")

"""Files that a passport hands out: the rows behind a tile as CSV and XLSX."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any

import duckdb
import xlsxwriter

from streamlit_app.data.catalogue import Metric, column_types
from streamlit_app.data.filters import Period
from streamlit_app.data.metrics import Selection, rows_sql

XLSX_MAX_ROWS = 1_048_575
"""Rows of a worksheet below its header."""


def _rows(
    connection: duckdb.DuckDBPyConnection, metric: Metric, selection: Selection, period: Period
) -> tuple[list[str], Iterator[Sequence[Any]]]:
    types = column_types(connection, metric.mart)
    cursor = connection.execute(f"{rows_sql(metric, types, selection, period)}\norder by all")
    names = [str(column[0]) for column in cursor.description or []]

    def batches() -> Iterator[Sequence[Any]]:
        while batch := cursor.fetchmany(10_000):
            yield from batch

    return names, batches()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool):
        return "true" if value else "false"
    return value


def csv_file(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """UTF-8 CSV. The byte-order mark lets Excel show Chinese."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(names)
    writer.writerows([_plain(value) for value in row] for row in rows)
    return buffer.getvalue().encode("utf-8-sig")


def rows_csv(
    connection: duckdb.DuckDBPyConnection, metric: Metric, selection: Selection, period: Period
) -> bytes:
    """All rows behind a tile."""
    return csv_file(*_rows(connection, metric, selection, period))


def rows_xlsx(
    connection: duckdb.DuckDBPyConnection,
    metric: Metric,
    selection: Selection,
    period: Period,
    about: tuple[tuple[str, str], ...],
    about_title: str,
    rows_title: str,
) -> bytes:
    """A workbook: a sheet that says what the number is (``about``), and one with the rows."""
    names, rows = _rows(connection, metric, selection, period)
    return xlsx_file(names, rows, about, about_title, rows_title)


def xlsx_file(
    names: Sequence[str],
    rows: Iterable[Sequence[Any]],
    about: tuple[tuple[str, str], ...],
    about_title: str,
    rows_title: str,
) -> bytes:
    """A workbook with a sheet of names and texts (``about``), and one with the rows.

    Rows beyond what a worksheet holds are left out; the CSV has all of them.
    """
    buffer = io.BytesIO()
    options = {
        "constant_memory": True,
        # Text of a source must never become a formula or a link.
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "default_date_format": "yyyy-mm-dd",
    }
    with xlsxwriter.Workbook(buffer, options) as workbook:
        bold = workbook.add_format({"bold": True})
        wrap = workbook.add_format({"text_wrap": True, "valign": "top"})
        moment = workbook.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        sheet = workbook.add_worksheet(about_title[:31])
        sheet.set_column(0, 0, 24)
        sheet.set_column(1, 1, 96)
        for index, (name, text) in enumerate(about):
            sheet.write_string(index, 0, name, bold)
            sheet.write_string(index, 1, text, wrap)
        sheet = workbook.add_worksheet(rows_title[:31])
        sheet.set_column(0, max(len(names) - 1, 0), 18)
        sheet.freeze_panes(1, 0)
        for column, name in enumerate(names):
            sheet.write_string(0, column, name, bold)
        for index, row in enumerate(rows, start=1):
            if index > XLSX_MAX_ROWS:
                break
            for column, value in enumerate(row):
                if value is None:
                    continue
                if isinstance(value, datetime):
                    sheet.write_datetime(index, column, value.replace(tzinfo=None), moment)
                else:
                    sheet.write(index, column, value)
    return buffer.getvalue()

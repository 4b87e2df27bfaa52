"""CSV rows: fast where a file is clean, row by row where it is not.

DuckDB reads a clean file at once. As soon as it meets a row that it will not take, or a field that
spans lines (so that rows and lines can no longer be counted together), the file is read again line
by line: broken rows are told apart, and a quote that is never closed costs its own line, not the
rest of the file.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from dagster_project.connectors import duck
from dagster_project.connectors.places import LocalCopy, has_invalid_bytes, text_lines, visible
from dagster_project.connectors.problems import SourceError, Words
from dagster_project.connectors.receipts import RejectedRow

DELIMITERS = (",", ";", "\t", "|")
LOOK_AHEAD_LINES = 500
MAX_LINE_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class Record:
    """One row of text fields (empty = NULL) and the line on which it begins."""

    line: int
    fields: list[str | None]


@dataclass(frozen=True)
class Form:
    """How a CSV file is written; without columns it has no line at all."""

    columns: list[str]
    delimiter: str
    has_header: bool = True
    has_quotes: bool = True


def read_form(
    copy: LocalCopy, file: str, *, delimiter: str | None, names: Sequence[str], quotes: bool
) -> Form:
    """The form of a CSV file: with ``names`` its first line is a row, else it is the header.

    A column without a name becomes ``column_<n>``; a repeated name gets ``_2``, ``_3`` …

    Raises:
        SourceError: the first line is no text of the encoding or its quotes are not closed.
    """
    first = next((line for line in text_lines(copy.path)), "")
    if names:
        if delimiter is None:
            delimiter = max(DELIMITERS, key=first.count)
        return Form(unique_names(list(names)), delimiter, has_header=False, has_quotes=quotes)
    if has_invalid_bytes(first) or "\0" in first:
        raise SourceError(
            Words(
                f"{file}: the header is not text in the configured encoding.",
                f"{file}：表头不符合所配置的编码。",
            ),
            Words(
                'Set `encoding` of the table, for Chinese files often "gb18030".',
                "请设置该表的 encoding，中文文件常为 gb18030。",
            ),
        )
    if delimiter is None:
        delimiter = max(DELIMITERS, key=first.count)
    try:
        cells = next(_cells([first], delimiter, quotes), [])
    except csv.Error as error:
        raise SourceError(
            Words(
                f"{file}: the header's quotes are not closed on line 1.",
                f"{file}：第 1 行表头引号未闭合。",
            ),
            Words("Correct line 1 of the file.", "请更正文件第 1 行。"),
        ) from error
    return Form(unique_names(cells), delimiter, has_quotes=quotes)


def _cells(lines: list[str], delimiter: str, quotes: bool) -> Iterator[list[str]]:
    if not quotes:
        return (line.split(delimiter) for line in lines if line)
    return csv.reader(lines, delimiter=delimiter, strict=True)


def unique_names(cells: list[str]) -> list[str]:
    """Names of columns as given, stripped; nameless and repeated ones are numbered."""
    names: list[str] = []
    taken: set[str] = set()
    for number, cell in enumerate(cells, start=1):
        base = name = cell.strip() or f"column_{number}"
        count = 1
        while name.lower() in taken:
            count += 1
            name = f"{base}_{count}"
        taken.add(name.lower())
        names.append(name)
    return names


def read_clean(
    connection: duckdb.DuckDBPyConnection,
    copy: LocalCopy,
    form: Form,
    file: str,
    target: Path,
) -> int | None:
    """Write a clean file's rows, all text, as Parquet; None where it is not clean.

    Returns:
        The number of rows.
    """
    types = ", ".join(f"{duck.text(column)}: 'varchar'" for column in form.columns)
    header, quote = int(form.has_header), '"' if form.has_quotes else ""
    try:
        (count,) = connection.execute(
            f"""
            copy (
                select
                    {duck.names(form.columns)},
                    {duck.text(file)} as _source_file,
                    row_number() over () + {header} as _source_row
                from read_csv(
                    {duck.text(copy.path)}, columns = {{{types}}}, auto_detect = false,
                    delim = {duck.text(form.delimiter)}, quote = '{quote}', escape = '{quote}',
                    header = {str(form.has_header).lower()}, new_line = '\\n', nullstr = '',
                    strict_mode = true, null_padding = false, max_line_size = {MAX_LINE_BYTES}
                )
            ) to {duck.text(target)} (format parquet, compression zstd)
            """
        ).fetchone() or (0,)
    except (duckdb.InvalidInputException, duckdb.ConversionException):
        target.unlink(missing_ok=True)
        return None
    if count != copy.count_lines - header:
        target.unlink()
        return None
    return int(count)


def read_rows(
    copy: LocalCopy, form: Form, file: str, rejected: list[RejectedRow]
) -> Iterator[Record]:
    """Rows of a file that is not clean; what cannot be read is added to ``rejected``."""
    lines = text_lines(copy.path)
    if form.has_header:
        next(lines, None)
    waiting: deque[str] = deque()
    number = int(form.has_header)
    count_columns = len(form.columns)

    def reject(line: int, text: str, code: str, words: Words) -> None:
        rejected.append(
            RejectedRow(
                source_file=file,
                source_row=line,
                reason_code=code,
                reason_en=words.en,
                reason_zh=words.zh,
                raw_text=visible(text),
            )
        )

    while True:
        if waiting:
            text = waiting.popleft()
        else:
            following = next(lines, None)
            if following is None:
                return
            text = following
        number += 1
        if not text.strip():
            continue
        joined, count_joined = text, 0
        while form.has_quotes and joined.count('"') % 2 and count_joined < LOOK_AHEAD_LINES:
            if count_joined == len(waiting):
                following = next(lines, None)
                if following is None:
                    break
                waiting.append(following)
            joined += "\n" + waiting[count_joined]
            count_joined += 1
        try:
            rows = list(_cells([joined], form.delimiter, form.has_quotes))
        except csv.Error as error:
            reject(
                number,
                text,
                "broken_quotes",
                Words(
                    f"the quotes of this line do not fit: {error}",
                    "该行引号不匹配",
                ),
            )
            continue
        fields = rows[0] if rows else []
        if len(fields) != count_columns:
            reject(
                number,
                text,
                "wrong_field_count",
                Words(
                    f"{len(fields)} fields where the header has {count_columns}",
                    f"该行有 {len(fields)} 个字段，表头有 {count_columns} 个",
                )
                if form.has_header
                else Words(
                    f"{len(fields)} fields where {count_columns} are named",
                    f"该行有 {len(fields)} 个字段，应有 {count_columns} 个",
                ),
            )
            continue
        if has_invalid_bytes(joined):
            reject(
                number,
                text,
                "bad_encoding",
                Words(
                    "not text in the configured encoding; if all such rows are Chinese, set "
                    '`encoding` = "gb18030"',
                    "不符合所配置的编码；若为中文文件，请将 encoding 设为 gb18030",
                ),
            )
            continue
        for _ in range(count_joined):
            waiting.popleft()
        yield Record(number, [field or None for field in fields])
        number += count_joined

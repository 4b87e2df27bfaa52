"""Blocks of whole lines become tables of rows and a list of the lines that do not fit."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dagster_project.connectors.access_log.columns import (
    REASONS,
    Reading,
    arrow_type,
    read_columns,
)
from dagster_project.connectors.access_log.formats import (
    COLUMNS,
    Field,
    LogFormat,
    Part,
    extra_columns,
    missing_fields,
    w3c_fields,
)
from dagster_project.connectors.access_log.lines import (
    LineSplitter,
    Split,
    Splitting,
    line_at,
    line_ends,
)
from dagster_project.connectors.problems import SourceError, Words

NUMBER = "_source_row"
TOO_LONG = "line_too_long"
_UNFIT = "unfit"


@dataclass(frozen=True)
class Refused:
    """A line that is not landed."""

    number: int
    code: str
    words: Words
    text: str


@dataclass
class Parsed:
    """What a block gave: ``count_lines`` = rows of the tables + refused lines + headers.

    Headers are lines that tell about the log and hold no request; ``count_unfit`` counts the
    refused lines that are not of the format at all.
    """

    tables: list[pa.Table] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    count_lines: int = 0
    count_headers: int = 0
    count_unfit: int = 0
    newest: datetime | None = None

    def add(self, other: Parsed) -> None:
        """Join what another part of the block gave."""
        self.tables += other.tables
        self.refused += other.refused
        self.count_lines += other.count_lines
        self.count_headers += other.count_headers
        self.count_unfit += other.count_unfit
        if other.newest is not None:
            self.newest = other.newest if self.newest is None else max(self.newest, other.newest)


class BlockParser(Protocol):
    """Reads the lines of one format. ``memory`` is what a log has told so far (W3C)."""

    memory: dict[str, Any]

    def parse(self, block: bytes, first_line: int) -> Parsed:
        """Read whole lines of UTF-8; ``first_line`` lines stand before the block."""

    def is_complete(self, line: str) -> bool:
        """Whether a line lacks nothing but its line end."""


def open_parser(log: LogFormat, reading: Reading, memory: Mapping[str, Any]) -> BlockParser:
    """A parser that goes on where an earlier one of the same log has left ``memory``."""
    if log.shape == "json":
        return _JsonParser(log, reading)
    if log.shape == "w3c":
        return _W3cParser(log, reading, memory)
    return LineParser(log, reading)


def _unfit_words(log: LogFormat) -> tuple[str, Words]:
    code = f"not_{log.name}_format"
    label = log.label
    return code, Words(f"not a line of the {label.en} format", f"不是 {label.zh} 格式的行")


class _Base:
    """What parsers share: from split lines to tables and refused lines."""

    def __init__(self, log: LogFormat, reading: Reading) -> None:
        self._log = log
        self._reading = reading
        self.memory: dict[str, Any] = {}

    def _read(
        self, splitting: Splitting, fields: Sequence[Field], block: bytes, first_line: int
    ) -> Parsed:
        ends, unfit = splitting.ends, splitting.unfit
        parsed = Parsed(count_lines=len(ends), count_unfit=len(unfit))
        code, words = _unfit_words(self._log)
        parsed.refused += [
            Refused(first_line + i + 1, code, words, line_at(block, ends, i)) for i in unfit
        ]
        for split in splitting.splits:
            rows = read_columns(fields, split.texts, self._log, self._reading, len(split.numbers))
            kinds = {**COLUMNS, **extra_columns(fields)}
            table = pa.table(
                [rows.columns[name] for name in kinds]
                + [pa.array(split.numbers + (first_line + 1))],
                schema=pa.schema(
                    [
                        *((name, arrow_type(kind)) for name, kind in kinds.items()),
                        (NUMBER, pa.int64()),
                    ]
                ),
            )
            if rows.reasons:
                keep = np.ones(table.num_rows, dtype=bool)
                keep[list(rows.reasons)] = False
                table = table.filter(pa.array(keep))
                for index, code in rows.reasons.items():
                    number = int(split.numbers[index])
                    parsed.refused.append(
                        Refused(
                            first_line + number + 1,
                            code,
                            REASONS[code],
                            line_at(block, ends, number),
                        )
                    )
            if table.num_rows:
                parsed.tables.append(table)
                newest = pc.max(table["requested_at"]).as_py()
                parsed.newest = newest if parsed.newest is None else max(parsed.newest, newest)
        parsed.refused.sort(key=lambda refused: refused.number)
        return parsed


class LineParser(_Base):
    """Formats with literal text between their fields."""

    def __init__(self, log: LogFormat, reading: Reading, *, may_be_quick: bool = True) -> None:
        super().__init__(log, reading)
        self._splitter = LineSplitter(log)
        self._may_be_quick = may_be_quick

    def parse(self, block: bytes, first_line: int) -> Parsed:
        splitting = self._splitter.split(block, may_be_quick=self._may_be_quick)
        return self._read(splitting, self._log.fields, block, first_line)

    def is_complete(self, line: str) -> bool:
        return self._splitter.is_complete(line)


class _W3cParser(_Base):
    """W3C extended logs: lines that begin with # say what stands in those that follow."""

    def __init__(self, log: LogFormat, reading: Reading, memory: Mapping[str, Any]) -> None:
        super().__init__(log, reading)
        self.memory = {"fields": "", "software": "", **memory}
        self._parser: LineParser | None = None
        if self.memory["fields"]:
            self._use_fields()

    def parse(self, block: bytes, first_line: int) -> Parsed:
        parsed = Parsed()
        position = 0
        number = first_line
        for match in re.finditer(rb"^#[^\n]*\n", block, re.MULTILINE):
            if match.start() > position:
                data = block[position : match.start()]
                parsed.add(self._data(data, number))
                number += data.count(b"\n")
            self._header(match[0].decode().rstrip("\n"))
            parsed.count_headers += 1
            parsed.count_lines += 1
            number += 1
            position = match.end()
        if position < len(block):
            parsed.add(self._data(block[position:], number))
        return parsed

    def is_complete(self, line: str) -> bool:
        return False  # the last value of a line has no mark at its end

    def _header(self, line: str) -> None:
        name, _, value = line[1:].partition(":")
        if name.strip().lower() == "software":
            self.memory["software"] = value.strip()
        elif name.strip().lower() == "fields":
            self.memory["fields"] = " ".join(value.split())
            self._use_fields()

    def _use_fields(self) -> None:
        names = self.memory["fields"].split(" ")
        fields = w3c_fields(names, self._log.name, self.memory["software"])
        lacking = missing_fields(fields)
        if lacking:
            told = self.memory["fields"]
            raise SourceError(
                Words(
                    f"#Fields: {told} lacks {' and '.join(words.en for words in lacking)}.",
                    f"#Fields: {told} 缺少{'、'.join(words.zh for words in lacking)}。",
                ),
                Words(
                    "Let the server log date, time, c-ip, cs-uri-stem and sc-status.",
                    "请让服务器记录 date、time、c-ip、cs-uri-stem 与 sc-status。",
                ),
            )
        delimiter = "\t" if self._log.name == "cloudfront" else " "
        parts: list[Part] = []
        for index, entry in enumerate(fields):
            parts += [delimiter, entry] if index else [entry]
        is_iis = "Internet Information Services" in self.memory["software"]
        decoding = "plus" if is_iis else self._log.agent_decoding
        log = LogFormat(self._log.name, parts=tuple(parts), agent_decoding=decoding)
        self._parser = LineParser(log, self._reading)

    def _data(self, block: bytes, first_line: int) -> Parsed:
        if self._parser is not None:
            return self._parser.parse(block, first_line)
        words = Words("no #Fields: line stands before it", "其前没有 #Fields: 行")
        lines = block.decode().split("\n")[:-1]
        refused = [
            Refused(number, "no_fields_line", words, line)
            for number, line in enumerate(lines, first_line + 1)
        ]
        return Parsed(refused=refused, count_lines=len(refused), count_unfit=len(refused))


class _JsonParser(_Base):
    """One JSON object per line."""

    def parse(self, block: bytes, first_line: int) -> Parsed:
        ends = line_ends(block)
        text = block.decode()
        # Places in the text, which are those in the bytes unless there are other than ASCII.
        places = ends.tolist() if len(text) == len(block) else _ends_in_text(text)
        decode = json.JSONDecoder().raw_decode
        numbers: list[int] = []
        objects: list[dict[str, Any]] = []
        unfit: list[int] = []
        start = 0
        for index, end in enumerate(places):
            value: Any = None
            try:
                value, stop = decode(text, start)
                if stop != end and text[stop:end].strip(" \t"):
                    value = None
            except (ValueError, RecursionError):
                value = None
            if isinstance(value, dict) and stop <= end:
                numbers.append(index)
                objects.append(value)
            else:
                unfit.append(index)
            start = end + 1
        splits = []
        if numbers:
            texts = [
                pa.array([_json_text(value.get(key)) for value in objects], pa.string())
                for key in self._log.keys
            ]
            splits.append(Split(np.array(numbers, np.int64), texts))
        fields = list(self._log.keys.values())
        return self._read(Splitting(ends, splits, unfit), fields, block, first_line)

    def is_complete(self, line: str) -> bool:
        try:
            return isinstance(json.loads(line), dict)
        except (ValueError, RecursionError):
            return False


def _ends_in_text(text: str) -> list[int]:
    return [match.start() for match in re.finditer("\n", text)]


def _json_text(value: Any) -> str | None:
    """A JSON value as the text that it is in the other formats; "" means that none was given."""
    if isinstance(value, str):
        # Halves of a pair, which JSON can write and UTF-8 cannot.
        return value.encode("utf-8", "backslashreplace").decode() if value else None
    if value is None:
        return None
    if isinstance(value, bool | dict | list):
        return json.dumps(value, ensure_ascii=False)
    return repr(value)

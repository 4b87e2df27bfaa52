"""Lines of a format with literals between its fields: split quickly where that is certain.

Quotes and delimiters of a whole block are found at once. A line is split at them only where they
stand exactly as the format has them and nothing is escaped; every other line is read by the
expression made of the format, which decides. Both give the same texts for a line that fits both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dagster_project.connectors.access_log.columns import slices
from dagster_project.connectors.access_log.formats import Field, LogFormat, Part

Places = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]

_QUOTE, _BACKSLASH, _NEWLINE = b'"\\\n'
_MAX_DELIMITERS = 100


@dataclass
class Split:
    """Lines that fit: their indexes in the block, ascending, and one array of texts per field."""

    numbers: npt.NDArray[np.int64]
    texts: list[pa.Array]


@dataclass(frozen=True)
class _Word:
    """What stands between two delimiters or quotes: at most one field with literal text around
    it, or fields that ``pattern`` takes apart."""

    before: bytes
    after: bytes
    fields: tuple[int, ...]
    may_be_empty: bool = False
    count_delimiters: int = 0  # inside the field
    pattern: re.Pattern[str] | None = None


@dataclass(frozen=True)
class _Area:
    """All that stands in one pair of quotes, or between two pairs."""

    is_quoted: bool
    words: tuple[_Word, ...]


class LineSplitter:
    """Splits the lines of one format."""

    def __init__(self, log: LogFormat) -> None:
        self._count_fields = len(log.fields)
        text = "".join(_expressions(log.parts))
        complete = text
        if log.may_end_early:
            text += "?"  # the last quote
        text += r"(?: .*)?" if log.may_go_on else r"[ \t\f\v]*"
        self._pattern = re.compile(text, re.ASCII)
        self._complete = re.compile(complete, re.ASCII)
        self._ends_marked = isinstance(log.parts[-1], str)
        self._delimiter = _delimiter(log.parts)
        self._areas = () if log.may_go_on else _areas(log.parts, self._delimiter)

    def is_complete(self, line: str) -> bool:
        """Whether a line lacks nothing but its line end."""
        return self._ends_marked and self._complete.fullmatch(line) is not None

    def split(
        self, block: bytes, ends: Places, *, may_be_quick: bool = True
    ) -> tuple[list[Split], list[int]]:
        """The lines of a block of UTF-8 that fit, in one or two groups, and the indexes of others.

        Args:
            ends: the places of the line ends; the block ends with one.
        """
        count = len(ends)
        starts = np.empty(count, np.int32)
        starts[0], starts[1:] = 0, ends[:-1] + 1
        splits: list[Split] = []
        is_left = np.ones(count, dtype=bool)
        if may_be_quick and self._areas:
            quick = _Quick(block, starts, ends)
            quick.run(self._areas, self._count_fields, self._delimiter)
            is_left[quick.rows] = False
            if len(quick.rows):
                splits.append(Split(quick.rows, quick.texts))
        numbers: list[int] = []
        groups: list[tuple[str | None, ...]] = []
        unfit: list[int] = []
        for index in np.flatnonzero(is_left).tolist():
            match = self._pattern.fullmatch(block[starts[index] : ends[index]].decode())
            if match:
                numbers.append(index)
                groups.append(match.groups())
            else:
                unfit.append(index)
        if numbers:
            texts = [
                pa.array([group[place] for group in groups], pa.string())
                for place in range(self._count_fields)
            ]
            splits.append(Split(np.array(numbers, np.int64), texts))
        return splits, unfit


class _Quick:
    """One block being split. ``rows`` are the lines that fit, ``texts`` their fields."""

    def __init__(self, block: bytes, starts: Places, ends: Places) -> None:
        self._block = block
        self._data = np.frombuffer(block, np.uint8)
        self._starts, self._ends = starts, ends
        self.rows: npt.NDArray[np.int64] = np.arange(len(ends))
        self.texts: list[pa.Array] = []

    def run(self, areas: Sequence[_Area], count_fields: int, delimiter: int) -> None:
        keep, first, quotes = self._find_quotes(areas, delimiter)
        self.rows = np.flatnonzero(keep)
        if not len(self.rows):
            return
        delimiters = np.flatnonzero(self._data == delimiter).astype(np.int32)
        # Some behind the last one, so that looking ahead is always possible.
        behind = np.full(_MAX_DELIMITERS + 2, len(self._data) + 1, np.int32)
        delimiters = np.concatenate((delimiters, behind))
        start, line_end = self._starts[keep], self._ends[keep]
        fits = np.ones(len(start), dtype=bool)
        found: list[tuple[_Word, Places, Places]] = []
        place = 0
        for area in areas:
            if area.is_quoted:
                closing = quotes[first + place + 1]
                found.append((area.words[0], quotes[first + place] + 1, closing))
                start = closing + 1
                place += 2
            else:
                is_last = place == 2 * _count_quoted(areas)
                end = line_end if is_last else quotes[first + place]
                fits &= _find_words(area, start, end, delimiters, found)
        spans: list[tuple[_Word, Places, Places]] = []
        for word, start, end in found:
            if not word.pattern:
                start, end, good = self._inside(word, start, end)
                fits &= good
            if word.fields:
                spans.append((word, start, end))
        if not fits.all():
            self.rows = self.rows[fits]
            spans = [(word, start[fits], end[fits]) for word, start, end in spans]
        self._cut(spans, count_fields)

    def _find_quotes(
        self, areas: Sequence[_Area], delimiter: int
    ) -> tuple[Mask, npt.NDArray[np.int64], Places]:
        """The lines with exactly the format's quotes, and the first of each line's."""
        data, starts, ends = self._data, self._starts, self._ends
        keep = np.ones(len(ends), dtype=bool)
        is_control = data < 32
        if np.count_nonzero(is_control) > len(ends):
            control = np.flatnonzero(is_control & (data != _NEWLINE) & (data != delimiter))
            keep[np.searchsorted(ends, control)] = False
        count = 2 * _count_quoted(areas)
        if not count:
            return keep, np.zeros(0, np.int64), np.zeros(0, np.int32)
        quotes = np.flatnonzero(data == _QUOTE).astype(np.int32)
        first = np.searchsorted(quotes, starts)
        keep &= np.diff(np.append(first, len(quotes))) == count
        if b"\\" in self._block and len(quotes):
            hidden = quotes[data[np.maximum(quotes, 1) - 1] == _BACKSLASH]
            keep[np.searchsorted(ends, hidden)] = False
        return keep, first[keep], quotes

    def _inside(self, word: _Word, start: Places, end: Places) -> tuple[Places, Places, Mask]:
        """What is left of a word without its literal text, and where that stands there."""
        before, after = word.before, word.after
        last = len(self._data) - 1
        good = np.ones(len(start), dtype=bool)
        for index, byte in enumerate(before):
            good &= self._data[np.minimum(start + index, last)] == byte
        for index, byte in enumerate(after):
            good &= self._data[np.clip(end - len(after) + index, 0, last)] == byte
        start, end = start + len(before), end - len(after)
        if not word.fields:
            good &= start == end
        elif word.may_be_empty:
            good &= start <= end
        else:
            good &= start < end
        return start, end, good

    def _cut(self, spans: Sequence[tuple[_Word, Places, Places]], count_fields: int) -> None:
        buffer = pa.py_buffer(self._block)
        texts: list[pa.Array] = [None] * count_fields
        wrong = np.zeros(len(self.rows), dtype=bool)
        for word, start, end in spans:
            text = slices(buffer, start, end)
            if word.pattern is None:
                texts[word.fields[0]] = text
                continue
            encoded = text.dictionary_encode()
            matches = [word.pattern.fullmatch(value) for value in encoded.dictionary.to_pylist()]
            for group, index in enumerate(word.fields, 1):
                values = pa.array([m[group] if m else None for m in matches], pa.string())
                texts[index] = values.take(encoded.indices)
            if not all(matches):
                misses = pa.array([m is None for m in matches]).take(encoded.indices)
                wrong |= misses.to_numpy(zero_copy_only=False)
        if wrong.any():
            right = pa.array(~wrong)
            self.rows = self.rows[~wrong]
            texts = [text.filter(right) for text in texts]
        self.texts = texts


def _count_quoted(areas: Sequence[_Area]) -> int:
    return sum(area.is_quoted for area in areas)


def _find_words(
    area: _Area,
    start: Places,
    end: Places,
    delimiters: Places,
    found: list[tuple[_Word, Places, Places]],
) -> Mask:
    """Add the words between ``start`` and ``end``; True where there are as many as there should."""
    count = len(area.words) - 1 + sum(word.count_delimiters for word in area.words)
    if count == 0:
        found.append((area.words[0], start, end))
        if not area.words[0].fields:
            return np.ones(len(start), dtype=bool)
    first = np.searchsorted(delimiters, start)
    fits = delimiters[first + count] >= end
    if count:
        fits &= delimiters[first + count - 1] < end
        place = 0
        for index, word in enumerate(area.words):
            place += word.count_delimiters
            is_last = index == len(area.words) - 1
            word_end = end if is_last else delimiters[first + place]
            found.append((word, start, word_end))
            start = word_end + 1
            place += 1
    return np.asarray(fits, dtype=bool)


# --- what is made of a format ----------------------------------------------------------------


def _delimiter(parts: Sequence[Part]) -> int:
    """The sign between fields: a blank, unless the format has none outside its quotes."""
    outside = "".join("".join(p for p in parts if isinstance(p, str)).split('"')[0::2])
    if " " in outside:
        return ord(" ")
    for sign in "\t|;,":
        if sign in outside:
            return ord(sign)
    return ord(" ")


def _areas(parts: Sequence[Part], delimiter: int) -> tuple[_Area, ...]:
    """The quick split of a format; empty where it has none."""
    areas: list[_Area] = []
    current: list[Part] = []
    is_quoted = False
    number = 0

    def close() -> None:
        nonlocal number
        words = [current] if is_quoted else _split_words(current, chr(delimiter))
        made = []
        for word in words:
            made.append(_word(word, number, chr(delimiter), is_quoted=is_quoted))
            number += sum(isinstance(part, Field) for part in word)
        areas.append(_Area(is_quoted, tuple(made)))

    for part in parts:
        if isinstance(part, Field):
            current.append(part)
            continue
        pieces = part.split('"')
        for index, piece in enumerate(pieces):
            if index:
                close()
                current, is_quoted = [], not is_quoted
            if piece:
                current.append(piece)
    if is_quoted:
        return ()
    close()
    counts = [len(a.words) + sum(word.count_delimiters for word in a.words) for a in areas]
    return tuple(areas) if max(counts) < _MAX_DELIMITERS else ()


def _split_words(parts: Sequence[Part], delimiter: str) -> list[list[Part]]:
    words: list[list[Part]] = [[]]
    for part in parts:
        if isinstance(part, Field):
            words[-1].append(part)
            continue
        for index, piece in enumerate(part.split(delimiter)):
            if index:
                words.append([])
            if piece:
                words[-1].append(piece)
    return words


def _word(parts: Sequence[Part], number: int, delimiter: str, *, is_quoted: bool) -> _Word:
    fields = [part for part in parts if isinstance(part, Field)]
    numbers = tuple(range(number, number + len(fields)))
    inside = 0
    if not is_quoted:
        inside = sum(_blanks_of(entry).count(delimiter) for entry in fields)
    if len(fields) > 1:
        text = "".join(_expressions(parts, is_quoted=is_quoted))
        return _Word(b"", b"", numbers, False, inside, re.compile(text, re.ASCII))
    literals = ["", ""]
    place = 0
    for part in parts:
        if isinstance(part, str):
            literals[place] += part
        else:
            place = 1
    before, after = (text.encode() for text in literals)
    may_be_empty = is_quoted or any(entry.kind == "user" for entry in fields)
    return _Word(before, after, numbers, may_be_empty, inside)


def _blanks_of(entry: Field) -> str:
    """A text with as many blanks as the field's own text has."""
    if entry.kind == "clock":
        return " "
    return entry.pattern if entry.kind == "strftime" else ""


def _expressions(parts: Sequence[Part], *, is_quoted: bool = False) -> Iterator[str]:
    """A regular expression for each part of a format; one group per field."""
    for index, part in enumerate(parts):
        if isinstance(part, str):
            if part.count('"') % 2:
                is_quoted = not is_quoted
            yield re.escape(part)
            continue
        before = parts[index - 1] if index else ""
        after = parts[index + 1] if index + 1 < len(parts) else ""
        inside = _in_quotes(part, before, after) if is_quoted else _unquoted(part, after)
        yield f"({inside})"


def _in_quotes(entry: Field, before: Part, after: Part) -> str:
    stop = "" if not after or str(after).startswith('"') else _first(after)
    if entry.kind == "query" and isinstance(before, Field):
        return rf'(?:\?(?:[^"\\{stop}]|\\.)*)?'
    return rf'(?:[^"\\{stop}]|\\.)*'


def _first(after: Part) -> str:
    """The sign that ends a field, for use in a set."""
    return re.escape(after[0]) if isinstance(after, str) else "? "


def _unquoted(entry: Field, after: Part) -> str:
    if isinstance(after, Field):
        return r"[^\s?]*"
    if entry.kind == "clock":
        return r"[^\]\s]+ [^\]\s]+" if after.startswith("]") else r"\S+ \S+"
    if entry.kind == "strftime":
        word = r"[^\]\s]+" if after.startswith("]") else r"\S+"
        return word + f" {word}" * entry.pattern.count(" ")
    if entry.kind == "query":
        return r"\?\S*|"
    if entry.kind == "user" and after.startswith(" ["):
        return ".*?"
    if not after:
        return ".*" if entry.kind in ("free", "request") else r"\S+"
    if after[0] in "|;,\t" or (entry.kind in ("free", "request") and after[0] != " "):
        return f"[^{_first(after)}]*"
    return r"\S+"

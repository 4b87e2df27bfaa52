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


@dataclass
class Split:
    """Lines that fit: their indexes in the block, ascending, and one array of texts per field."""

    numbers: npt.NDArray[np.int64]
    texts: list[pa.Array]


@dataclass
class Splitting:
    """A block's line ends, its lines that fit in one or two groups, and the indexes of others."""

    ends: Places
    splits: list[Split]
    unfit: list[int]


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
    may_be_unknown: bool = False  # "-" means that nothing was given


@dataclass(frozen=True)
class _Area:
    """All that stands in one pair of quotes, or between two pairs."""

    is_quoted: bool
    words: tuple[_Word, ...]

    @property
    def count_delimiters(self) -> int:
        """Delimiters between its words and inside them."""
        return len(self.words) - 1 + sum(word.count_delimiters for word in self.words)


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

    def split(self, block: bytes, *, may_be_quick: bool = True) -> Splitting:
        """Split the lines of a block of UTF-8 that ends with a line end."""
        quick: _Quick | None = None
        splits: list[Split] = []
        if may_be_quick and self._areas:
            quick = _Quick(block, self._areas, self._count_fields, self._delimiter)
            ends = quick.ends
            if len(quick.rows):
                splits.append(Split(quick.rows, quick.texts))
            if len(quick.rows) == len(ends):
                return Splitting(ends, splits, [])
        else:
            ends = line_ends(block)
        is_left = np.ones(len(ends), dtype=bool)
        if quick is not None:
            is_left[quick.rows] = False
        numbers: list[int] = []
        groups: list[tuple[str | None, ...]] = []
        unfit: list[int] = []
        for index in np.flatnonzero(is_left).tolist():
            match = self._pattern.fullmatch(line_at(block, ends, index))
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
        return Splitting(ends, splits, unfit)


def line_ends(block: bytes) -> Places:
    """The places of a block's line ends."""
    return np.flatnonzero(np.frombuffer(block, np.uint8) == _NEWLINE).astype(np.int32)


def line_at(block: bytes, ends: Places, index: int) -> str:
    """The text of a line without its end."""
    start = int(ends[index - 1]) + 1 if index else 0
    return block[start : int(ends[index])].decode()


class _Quick:
    """One block split at its marks: line ends, quotes and delimiters, in their order.

    ``ends`` are the places of all line ends, ``rows`` the lines that fit, ``texts`` their fields.
    """

    def __init__(
        self, block: bytes, areas: Sequence[_Area], count_fields: int, delimiter: int
    ) -> None:
        self._block = block
        self._data = np.frombuffer(block, np.uint8)
        self._count_quotes = 2 * sum(area.is_quoted for area in areas)
        self.texts: list[pa.Array] = []
        self.ends, self.rows = self._find_marks(delimiter)
        if not len(self.rows):
            return
        spans: list[tuple[_Word, Places, Places]] = []
        fits: Mask = np.ones(len(self.rows), dtype=np.bool_)
        for word, start, end in self._find_words(areas, fits):
            if not word.pattern:
                start, end = self._inside(word, start, end, fits)
            if word.fields:
                spans.append((word, start, end))
        if not fits.all():
            self.rows = self.rows[fits]
            spans = [(word, start[fits], end[fits]) for word, start, end in spans]
        self._cut(spans, count_fields)

    def _find_marks(self, delimiter: int) -> tuple[Places, npt.NDArray[np.int64]]:
        """The line ends, and the lines that have exactly the format's quotes and nothing odd."""
        data = self._data
        is_mark = data <= _QUOTE  # line ends, blanks, quotes, controls; and !, which is rare
        if delimiter > _QUOTE:
            is_mark |= data == delimiter
        places = np.flatnonzero(is_mark).astype(np.int32)
        kinds = data[places]
        is_end, is_quote = kinds == _NEWLINE, kinds == _QUOTE
        known = is_end | (kinds == delimiter)
        if self._count_quotes:
            known |= is_quote
        odd = places[~known]
        if len(odd):
            places, is_end, is_quote = places[known], is_end[known], is_quote[known]
            odd = odd[data[odd] < 32]
        self._places = places
        self._end_marks = np.flatnonzero(is_end)
        ends = places[self._end_marks]
        count = len(ends)
        keep = np.ones(count, dtype=bool)
        keep[np.searchsorted(ends, odd)] = False
        if not self._count_quotes:
            self._quote_marks = np.zeros((0, 0), np.int64)
        else:
            marks = np.flatnonzero(is_quote)
            first = np.searchsorted(marks, self._end_marks)
            counts = np.diff(first, prepend=0)
            keep &= counts == self._count_quotes
            if b"\\" in self._block and len(marks):
                quotes = places[marks]
                hidden = quotes[data[np.maximum(quotes, 1) - 1] == _BACKSLASH]
                keep[np.searchsorted(ends, hidden)] = False
            if keep.all():
                self._quote_marks = marks.reshape(count, self._count_quotes)
            else:
                begin = first[keep] - self._count_quotes
                self._quote_marks = marks[begin[:, None] + np.arange(self._count_quotes)]
        return ends, np.flatnonzero(keep)

    def _find_words(
        self, areas: Sequence[_Area], fits: Mask
    ) -> Iterator[tuple[_Word, Places, Places]]:
        """Start and end of each word; ``fits`` becomes False where there are more or fewer."""
        places, rows = self._places, self.rows
        before = np.zeros(len(rows), np.int64)
        before[rows > 0] = self._end_marks[rows[rows > 0] - 1] + 1
        start = np.zeros(len(rows), np.int32)
        start[rows > 0] = self.ends[rows[rows > 0] - 1] + 1
        quote = 0
        for area in areas:
            if area.is_quoted:
                closing = self._quote_marks[:, quote + 1]
                end = places[closing]
                yield area.words[0], places[self._quote_marks[:, quote]] + 1, end
                before, start = closing + 1, end + 1
                quote += 2
                continue
            is_last = quote == self._count_quotes
            after = self._end_marks[rows] if is_last else self._quote_marks[:, quote]
            fits &= after - before == area.count_delimiters
            mark = before
            for index, word in enumerate(area.words):
                mark = mark + word.count_delimiters
                is_end = index == len(area.words) - 1
                # Where a line has fewer marks than words, the mark is another line's: no matter.
                end = places[after if is_end else np.minimum(mark, len(places) - 1)]
                yield word, start, end
                start = end + 1
                mark = mark + 1

    def _inside(self, word: _Word, start: Places, end: Places, fits: Mask) -> tuple[Places, Places]:
        """What is left of a word without its literal text, which must stand there."""
        before, after = word.before, word.after
        last = len(self._data) - 1
        for index, byte in enumerate(before):
            fits &= self._data[np.minimum(start + index, last)] == byte
        for index, byte in enumerate(after):
            fits &= self._data[np.clip(end - len(after) + index, 0, last)] == byte
        start, end = start + len(before), end - len(after)
        if not word.fields:
            fits &= start == end
        elif word.may_be_empty:
            fits &= start <= end
        else:
            fits &= start < end
        return start, end

    def _is_dash(self, start: Places, end: Places) -> bool:
        """Whether all lines have "-" there, as most logs have for identity and user."""
        if not len(start) or not (end - start == 1).all():
            return False
        return bool((self._data[start] == ord("-")).all())

    def _cut(self, spans: Sequence[tuple[_Word, Places, Places]], count_fields: int) -> None:
        buffer = pa.py_buffer(self._block)
        texts: list[pa.Array] = [None] * count_fields
        wrong = np.zeros(len(self.rows), dtype=bool)
        for word, start, end in spans:
            if word.may_be_unknown and self._is_dash(start, end):
                texts[word.fields[0]] = pa.nulls(len(start), pa.string())
                continue
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
    return tuple(areas)


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
    may_be_unknown = any(entry.kind in ("text", "user", "free") for entry in fields)
    return _Word(before, after, numbers, may_be_empty, inside, may_be_unknown=may_be_unknown)


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

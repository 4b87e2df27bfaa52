"""Reading rule tables (CSV): each row keeps its line, each problem names place and remedy."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

Model = TypeVar("Model", bound=BaseModel)


class MappingError(ValueError):
    """Rule rows that cannot be compiled; the message lists every problem."""


@dataclass(frozen=True)
class RuleRow(Generic[Model]):
    """A row of a rule table and where it stands."""

    file: str
    line: int
    value: Model


@dataclass
class RuleProblems:
    """Collects all problems, so that one run shows them all."""

    messages: list[str] = field(default_factory=list)

    def add(
        self,
        row: RuleRow[Any],
        column: str,
        what: str,
        wrong: str | None = None,
        allowed: Iterable[str] = (),
    ) -> None:
        """Note a problem; with ``allowed`` values the message suggests the nearest ones."""
        self.messages.append(f"{row.file}:{row.line} {column}: {what}.{hint(wrong, allowed)}")

    def raise_any(self) -> None:
        """Raises: MappingError: at least one problem was noted."""
        if self.messages:
            raise MappingError("\n".join(self.messages))


def hint(wrong: str | None, allowed: Iterable[str]) -> str:
    """A remedy: the nearest allowed values, else all of them."""
    values = sorted(allowed)
    if wrong is None or not values:
        return ""
    near = get_close_matches(wrong, values, n=3)
    if near:
        return f" Did you mean {', '.join(repr(value) for value in near)}?"
    shown = ", ".join(values[:20])
    return f" Use one of: {shown}{' …' if len(values) > 20 else ''}."


def read_rule_rows(file: Path, model: type[Model], problems: RuleProblems) -> list[RuleRow[Model]]:
    """Rows of a CSV file as ``model``; the file must exist and have exactly its columns.

    Cells are trimmed. Lines are counted as an editor shows them.
    """
    name = f"{file.parent.name}/{file.name}"
    expected = [name for name, info in model.model_fields.items() if info.is_required()]
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        problems.messages.append(
            f"{name}: the file is missing. Create it with the columns {','.join(expected)}."
        )
        return []
    except UnicodeDecodeError as error:
        problems.messages.append(f"{name}: not UTF-8 at byte {error.start}. Save it as UTF-8.")
        return []
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    rows: list[RuleRow[Model]] = []
    try:
        header = [column.strip() for column in reader.fieldnames or []]
        if sorted(header) != sorted(expected):
            problems.messages.append(
                f"{name}:1 columns are {','.join(header) or 'missing'}. "
                f"They must be {','.join(expected)}."
            )
            return []
        reader.fieldnames = header
        for cells in reader:
            if None in cells or None in cells.values():
                problems.messages.append(
                    f"{name}:{reader.line_num} has {'more' if None in cells else 'fewer'} cells "
                    f"than the {len(header)} columns. Quote cells that hold a comma."
                )
                continue
            stripped = {column: value.strip() for column, value in cells.items()}
            try:
                value = model.model_validate(stripped)
            except ValidationError as error:
                for problem in error.errors():
                    column = ".".join(str(part) for part in problem["loc"])
                    problems.messages.append(
                        f"{name}:{reader.line_num} {column}: {problem['msg']} "
                        f"(got {problem['input']!r})."
                    )
                continue
            rows.append(RuleRow(name, reader.line_num, value))
    except csv.Error as error:
        # The reader counts a line when it has read it.
        problems.messages.append(
            f"{name}:{reader.line_num + 1} is not valid CSV: {error}. Correct its quotes."
        )
    return rows

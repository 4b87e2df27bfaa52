"""The canonical model: the business objects and fields that every source is mapped to."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from dagster_project.mapping.rows import RuleProblems, read_rule_rows

FieldType = Literal["text", "integer", "number", "boolean", "timestamp"]
FieldRole = Literal["", "key", "reference", "code", "stage"]

SQL_TYPES: dict[FieldType, str] = {
    "text": "string",
    "integer": "bigint",
    "number": "double",
    "boolean": "boolean",
    "timestamp": "timestamp",
}
# Columns that every canonical model ends with, and their SQL types.
METADATA_COLUMNS = {
    "source_system": "string",
    "source_table": "string",
    "loaded_at": "timestamp",
    "first_loaded_at": "timestamp",
}


class CanonicalField(BaseModel):
    """One row of seeds/canonical_fields.csv."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    object: str
    field: str
    type: FieldType
    role: FieldRole
    references: str
    code_list: str

    @property
    def sql_type(self) -> str:
        return SQL_TYPES[self.type]


class CanonicalObject(BaseModel):
    """One row of seeds/canonical_objects.csv with its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    object: str
    description_en: str
    description_zh: str
    fields: tuple[CanonicalField, ...] = ()

    @cached_property
    def key(self) -> CanonicalField:
        return next(field for field in self.fields if field.role == "key")

    @property
    def plural(self) -> str:
        return plural(self.object)

    @property
    def model(self) -> str:
        return f"int_canonical__{self.plural}"

    def columns(self) -> Iterator[tuple[str, str]]:
        """Name and SQL type of each column of the canonical model, in order."""
        for field in self.fields:
            yield field.field, field.sql_type
            if field.role == "stage":
                yield "funnel_stage", "string"
                yield "erp_readiness", "string"
            if field.role in {"code", "stage"}:
                yield f"{field.field}_source_code", "string"
        yield from METADATA_COLUMNS.items()


class Registry(BaseModel):
    """All canonical objects by name."""

    model_config = ConfigDict(frozen=True)

    objects: dict[str, CanonicalObject]

    @cached_property
    def referenced(self) -> frozenset[str]:
        """Objects whose ids appear in other objects."""
        return frozenset(
            field.references
            for entry in self.objects.values()
            for field in entry.fields
            if field.references
        )


def plural(noun: str) -> str:
    """English plural of a snake_case noun: ``inventory_batch`` → ``inventory_batches``."""
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return f"{noun[:-1]}ies"
    if noun.endswith(("s", "x", "ch", "sh")):
        return f"{noun}es"
    return f"{noun}s"


def load_registry(seeds: Path) -> Registry:
    """Read and cross-check the two registry files.

    Raises:
        MappingError: a row is unusable; the message names file, line and field.
    """
    problems = RuleProblems()
    objects = read_rule_rows(seeds / "canonical_objects.csv", CanonicalObject, problems)
    fields = read_rule_rows(seeds / "canonical_fields.csv", CanonicalField, problems)
    problems.raise_any()
    names = {row.value.object for row in objects}
    by_object: dict[str, list[CanonicalField]] = {name: [] for name in names}
    for row in fields:
        field = row.value
        if field.object not in names:
            problems.add(row, "object", f"unknown object {field.object!r}", field.object, names)
            continue
        if field.references and field.references not in names:
            problems.add(
                row, "references", f"unknown object {field.references!r}", field.references, names
            )
        if (field.role == "reference") != bool(field.references):
            problems.add(row, "references", "a reference, and only a reference, names an object")
        if (field.role == "code") != bool(field.code_list):
            problems.add(row, "code_list", "a code, and only a code, names a code list")
        if any(other.field == field.field for other in by_object[field.object]):
            problems.add(row, "field", f"{field.field!r} appears twice")
        by_object[field.object].append(field)
    for entry in objects:
        keys = [field for field in by_object[entry.value.object] if field.role == "key"]
        if len(keys) != 1:
            problems.add(entry, "object", f"{len(keys)} key fields; it needs exactly one")
    problems.raise_any()
    return Registry(
        objects={
            row.value.object: row.value.model_copy(
                update={"fields": tuple(by_object[row.value.object])}
            )
            for row in objects
        }
    )

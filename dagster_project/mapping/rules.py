"""The field-mapping matrix and its code lists, validated against registry and sources file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from dagster_project.mapping.registry import CanonicalField, CanonicalObject, Registry
from dagster_project.mapping.rows import RuleProblems, RuleRow, hint, read_rule_rows
from dagster_project.mapping.transforms import (
    PREDICATES,
    TRANSFORMS,
    Transform,
    TransformError,
    parse_transform,
)

FILTER = "_where"
MAIN_RECORD = "main"
# Columns of every landed row that a rule may use like a source field.
PSEUDO_COLUMNS = ("_row", "_load_id", "_loaded_at", "_source_file", "_source_row")
_LOOKED_UP = re.compile(r"([a-z][a-z0-9_]*)\[([^\[\]]+)\]\.(.+)")


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FieldRule(_Row):
    """One row of seeds/field_mapping.csv."""

    mapping_set: str
    source_table: str
    object: str
    record: str
    field: str
    source_field: str
    transform: str
    note: str

    @property
    def inputs(self) -> tuple[str, ...]:
        return tuple(part.strip() for part in self.source_field.split(" + ") if part.strip())


class CodeRule(_Row):
    """One row of seeds/code_mapping.csv."""

    mapping_set: str
    code_list: str
    source_code: str
    canonical_code: str
    note: str


class StageRule(_Row):
    """One row of seeds/stage_mapping.csv."""

    mapping_set: str
    source_stage: str
    funnel_stage: str
    erp_readiness: str
    note: str


class CanonicalCode(_Row):
    """One row of seeds/canonical_codes.csv."""

    code_list: str
    code: str
    name_en: str
    name_zh: str


class FunnelStage(_Row):
    """One row of seeds/funnel_stage.csv."""

    funnel_stage: str
    stage_order: str
    is_closed: str
    is_won: str
    name_en: str
    name_zh: str


@dataclass(frozen=True)
class LookedUp:
    """``log_action[idaction_url].name``: a column of another table of the same source.

    It is that of the row whose primary key equals ``key``, a column of the row being mapped.
    """

    table: str
    key: str
    field: str

    @property
    def text(self) -> str:
        """As the rule row writes it."""
        return f"{self.table}[{self.key}].{self.field}"


def looked_up(source_field: str) -> LookedUp | None:
    """The looked-up column that a source field names, or None for a column of its own table."""
    match = _LOOKED_UP.fullmatch(source_field)
    return LookedUp(*match.groups()) if match else None


@dataclass(frozen=True)
class MappedField:
    """How one canonical field is filled."""

    field: CanonicalField
    inputs: tuple[str, ...]
    transform: Transform
    line: int

    @property
    def lookup(self) -> Literal["", "code", "stage", "alias"]:
        """How the transformed text is looked up. A constant is canonical already."""
        if self.transform.name == "constant":
            return ""
        if self.transform.name == "alias":
            return "alias"
        if self.field.role in {"code", "stage"}:
            return "code" if self.field.role == "code" else "stage"
        return ""

    @property
    def code_list(self) -> str:
        """The list that the text is looked up in."""
        if self.lookup == "alias":
            return self.transform.argument
        return "funnel_stage" if self.lookup == "stage" else self.field.code_list


@dataclass(frozen=True)
class RowFilter:
    """A condition that source rows must meet."""

    inputs: tuple[str, ...]
    transform: Transform
    line: int


@dataclass
class MappingGroup:
    """Rows of one mapping set that make one record of one object from one table."""

    mapping_set: str
    source_table: str
    object: CanonicalObject
    record: str
    fields: dict[str, MappedField] = field(default_factory=dict)
    filters: list[RowFilter] = field(default_factory=list)

    @property
    def lines(self) -> list[int]:
        return sorted(
            [entry.line for entry in self.fields.values()] + [entry.line for entry in self.filters]
        )

    @property
    def _source_fields(self) -> list[str]:
        entries = sorted(
            [(entry.line, entry.inputs) for entry in self.fields.values()]
            + [(entry.line, entry.inputs) for entry in self.filters]
        )
        return list(dict.fromkeys(name for _, inputs in entries for name in inputs))

    @property
    def columns(self) -> list[str]:
        """Columns of the source table in use, in the order of the rule rows."""
        names = (
            found.key if (found := looked_up(name)) else name
            for name in self._source_fields
            if name not in PSEUDO_COLUMNS
        )
        return list(dict.fromkeys(names))

    @property
    def lookups(self) -> list[LookedUp]:
        """Columns of other tables in use, in the order of the rule rows."""
        return [found for name in self._source_fields if (found := looked_up(name))]


@dataclass(frozen=True)
class Rules:
    """All valid rule rows."""

    groups: tuple[MappingGroup, ...]
    codes: frozenset[tuple[str, str]]

    def of_set(self, mapping_set: str) -> list[MappingGroup]:
        return [group for group in self.groups if group.mapping_set == mapping_set]


def load_rules(seeds: Path, registry: Registry, used_sets: Mapping[str, Iterable[str]]) -> Rules:
    """Read and check field, code and stage mapping.

    Args:
        used_sets: mapping sets that sources use, each with the table names of those sources.

    Raises:
        MappingError: listing every problem with file, line, field and remedy.
    """
    problems = RuleProblems()
    rows = read_rule_rows(seeds / "field_mapping.csv", FieldRule, problems)
    codes = read_rule_rows(seeds / "code_mapping.csv", CodeRule, problems)
    stages = read_rule_rows(seeds / "stage_mapping.csv", StageRule, problems)
    canonical_codes = read_rule_rows(seeds / "canonical_codes.csv", CanonicalCode, problems)
    funnel_stages = read_rule_rows(seeds / "funnel_stage.csv", FunnelStage, problems)
    problems.raise_any()

    lists: dict[str, set[str]] = {"funnel_stage": {row.value.funnel_stage for row in funnel_stages}}
    for known in canonical_codes:
        lists.setdefault(known.value.code_list, set()).add(known.value.code)
    _check_codes(codes, lists, problems)
    _check_stages(stages, lists["funnel_stage"], problems)
    known_sets = {row.value.mapping_set for row in rows}
    for mapping_set in sorted(used_sets):
        if mapping_set not in known_sets:
            problems.messages.append(
                f"seeds/field_mapping.csv: no row of mapping set {mapping_set!r}, which the "
                f"sources file uses.{_remedy(mapping_set, known_sets)} Where only models of your "
                'own read what lands, set mapping_set = "none" there.'
            )
    groups: dict[tuple[str, str, str, str], MappingGroup] = {}
    for row in rows:
        _add_rule(row, registry, used_sets, lists, groups, problems)
    first = {(row.value.mapping_set, row.value.source_table, row.value.object): row for row in rows}
    for group in groups.values():
        if group.object.key.field not in group.fields:
            problems.add(
                first[(group.mapping_set, group.source_table, group.object.object)],
                "field",
                f"object {group.object.object!r} (record {group.record!r}) from table "
                f"{group.source_table!r} has no row for its key. Add one for "
                f"{group.object.key.field!r}",
            )
    problems.raise_any()
    code_sets = {(row.value.mapping_set, row.value.code_list) for row in codes}
    return Rules(groups=tuple(groups.values()), codes=frozenset(code_sets))


def _remedy(wrong: str, allowed: Iterable[str]) -> str:
    return hint(wrong, allowed) or " Add rows, or correct mapping_set there."


def _add_rule(
    row: RuleRow[FieldRule],
    registry: Registry,
    used_sets: Mapping[str, Iterable[str]],
    lists: Mapping[str, set[str]],
    groups: dict[tuple[str, str, str, str], MappingGroup],
    problems: RuleProblems,
) -> None:
    rule = row.value
    entry = registry.objects.get(rule.object)
    if entry is None:
        problems.add(
            row, "object", f"unknown object {rule.object!r}", rule.object, registry.objects
        )
        return
    tables = used_sets.get(rule.mapping_set)
    if tables is not None and rule.source_table not in tables:
        problems.add(
            row,
            "source_table",
            f"no table {rule.source_table!r} in the sources of mapping set {rule.mapping_set!r}",
            rule.source_table,
            tables,
        )
        return
    record = rule.record or MAIN_RECORD
    if not record.isidentifier() or record != record.lower():
        problems.add(
            row, "record", f"{record!r} is not a lowercase name of letters, digits and underscores"
        )
        return
    group = groups.setdefault(
        (rule.mapping_set, rule.source_table, rule.object, record),
        MappingGroup(rule.mapping_set, rule.source_table, entry, record),
    )
    target = next((known for known in entry.fields if known.field == rule.field), None)
    if target is None and rule.field != FILTER:
        problems.add(
            row,
            "field",
            f"object {rule.object!r} has no field {rule.field!r}",
            rule.field,
            [known.field for known in entry.fields] + [FILTER],
        )
        return
    try:
        transform = parse_transform(rule.transform or _default_transform(target), rule.inputs)
    except TransformError as error:
        problems.add(row, error.column, str(error), error.wrong, error.allowed)
        return
    for name in rule.inputs:
        found = looked_up(name)
        if found and tables is not None and found.table not in tables:
            problems.add(
                row,
                "source_field",
                f"no table {found.table!r} in the sources of mapping set {rule.mapping_set!r}",
                found.table,
                tables,
            )
            return
    if target is None:
        if transform.name not in PREDICATES:
            problems.add(
                row,
                "transform",
                f"{transform.name!r} is not a condition, but {FILTER} needs one",
                transform.name,
                PREDICATES,
            )
            return
        group.filters.append(RowFilter(rule.inputs, transform, row.line))
        return
    if rule.field in group.fields:
        problems.add(
            row,
            "field",
            f"{rule.object}.{rule.field} (record {record!r}) is already filled by line "
            f"{group.fields[rule.field].line}. Keep one of them, or name another record",
        )
        return
    made = TRANSFORMS[transform.name].produces
    only_for = {
        "code": {"code"},
        "stage": {"stage"},
        "key": {"key", "reference"},
    }.get(transform.name)
    kind = target.role or target.type
    if only_for is not None and target.role not in only_for:
        what = f"{transform.name!r} is for a {' or '.join(sorted(only_for))} field, but"
    elif made in {"any", "text", target.type} or (made, target.type) == ("number", "integer"):
        what = ""
    else:
        what = f"{transform.name!r} makes {made}, but"
    if what:
        problems.add(
            row,
            "transform",
            f"{what} {rule.object}.{rule.field} is {kind}. Leave the transform empty for its own",
        )
        return
    code_list = "funnel_stage" if target.role == "stage" else target.code_list
    if transform.name == "constant" and code_list:
        allowed = lists.get(code_list, set())
        if transform.argument not in allowed:
            problems.add(
                row,
                "transform",
                f"code list {code_list!r} has no code {transform.argument!r}",
                transform.argument,
                allowed,
            )
            return
    group.fields[rule.field] = MappedField(target, rule.inputs, transform, row.line)


def _default_transform(target: CanonicalField | None) -> str:
    if target is None:
        return ""
    if target.role in {"key", "reference"}:
        return "key"
    return target.role or target.type


def _check_codes(
    codes: list[RuleRow[CodeRule]], lists: Mapping[str, set[str]], problems: RuleProblems
) -> None:
    seen: dict[tuple[str, str, str], int] = {}
    for row in codes:
        rule = row.value
        # A list that is not canonical is an alias list: any value is allowed.
        if rule.code_list in lists and rule.canonical_code not in lists[rule.code_list]:
            problems.add(
                row,
                "canonical_code",
                f"code list {rule.code_list!r} has no code {rule.canonical_code!r}",
                rule.canonical_code,
                lists[rule.code_list],
            )
        _check_twice(
            row, (rule.mapping_set, rule.code_list, rule.source_code), "source_code", seen, problems
        )


def _check_stages(
    stages: list[RuleRow[StageRule]], known: set[str], problems: RuleProblems
) -> None:
    seen: dict[tuple[str, str, str], int] = {}
    for row in stages:
        rule = row.value
        if rule.funnel_stage not in known:
            problems.add(
                row,
                "funnel_stage",
                f"unknown funnel stage {rule.funnel_stage!r}",
                rule.funnel_stage,
                known,
            )
        _check_twice(row, (rule.mapping_set, "", rule.source_stage), "source_stage", seen, problems)


def _check_twice(
    row: RuleRow[CodeRule] | RuleRow[StageRule],
    key: tuple[str, str, str],
    column: str,
    seen: dict[tuple[str, str, str], int],
    problems: RuleProblems,
) -> None:
    """Codes are matched without regard to case, so they must differ in more than case."""
    folded = (key[0], key[1], key[2].lower())
    if not key[2]:
        problems.add(row, column, "is empty. Name the code as the source writes it")
    elif folded in seen:
        problems.add(
            row, column, f"{key[2]!r} is already mapped by line {seen[folded]}. Keep one row"
        )
    else:
        seen[folded] = row.line

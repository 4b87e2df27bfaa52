"""From rule rows to dbt models: validate, look at what has landed, write what changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from dagster_project.connectors.kinds import known_tables
from dagster_project.connectors.receipts import ensure_operations
from dagster_project.connectors.sources_file import Source, Table, load_sources
from dagster_project.mapping import models as sql
from dagster_project.mapping.landed import LANDED_METADATA, landed_columns
from dagster_project.mapping.models import SourceTable, StagingModel
from dagster_project.mapping.operations import OPERATIONS, OPERATIONS_TABLES
from dagster_project.mapping.registry import CanonicalObject, Registry, load_registry
from dagster_project.mapping.rows import MappingError, RuleProblems
from dagster_project.mapping.rules import FILTER, PSEUDO_COLUMNS, MappingGroup, Rules, load_rules
from dagster_project.mapping.scorecard import DESCRIPTION, MODEL, scorecard_model
from dagster_project.mapping.web_rules import load_web_rules, web_macros
from dagster_project.settings import Settings

# Objects whose landed versions become a history: what they were like at a past time is asked for.
HISTORY_OBJECTS = ("account", "contact", "lead", "opportunity")

FIELD_SOURCES = {
    "system": "string",
    "table_name": "string",
    "object": "string",
    "record": "string",
    "field": "string",
    "source_field": "string",
    "transform": "string",
    "status": "string",
}
UNMAPPED_FIELDS = {
    "system": "string",
    "table_name": "string",
    "column_name": "string",
    "status": "string",
}
CODE_USAGE = {
    "system": "string",
    "object": "string",
    "field": "string",
    "code_list": "string",
    "source_code": "string",
    "canonical_code": "string",
    "status": "string",
    "count_rows": "bigint",
}
UNCONVERTED_VALUES = {
    "system": "string",
    "table_name": "string",
    "object": "string",
    "field": "string",
    "raw_value": "string",
    "reason": "string",
    "first_loaded_date": "date",
    "count_rows": "bigint",
}

# The mapping set of a source that lands for models of one's own.
NO_MAPPING = "none"


@dataclass
class MappingReport:
    """What the compiler found and wrote."""

    models: list[str] = field(default_factory=list)
    written: list[Path] = field(default_factory=list)
    removed: list[Path] = field(default_factory=list)
    column_status: list[tuple[str, str, str, str]] = field(default_factory=list)
    """Rows (system, table, column, mapped | unmapped | missing)."""
    tables_without_data: list[tuple[str, str]] = field(default_factory=list)

    def columns(self, status: str) -> list[str]:
        """``<system>.<table>.<column>`` of one status."""
        return [".".join(row[:3]) for row in self.column_status if row[3] == status]

    def summary(self) -> str:
        """One paragraph for people: what was made, what was left open."""
        parts = [
            f"{len(self.models)} models; {len(self.written)} written, {len(self.removed)} removed"
        ]
        for status, text in (
            ("unmapped", "landed columns that no rule row uses"),
            ("missing", "mapped columns that have not landed (they are unknown)"),
        ):
            names = [
                ".".join(row[:3])
                for row in self.column_status
                if row[3] == status and row[:2] not in self.tables_without_data
            ]
            if names:
                more = " …" if len(names) > 8 else ""
                parts.append(f"{len(names)} {text}: {', '.join(names[:8])}{more}")
        if self.tables_without_data:
            names = [".".join(pair) for pair in self.tables_without_data]
            parts.append(f"nothing landed yet in {', '.join(names)}")
        return ". ".join(parts) + "."


def compile_mapping(settings: Settings) -> MappingReport:
    """Compile the rule tables to ``settings.generated_models``.

    Which models there are depends on rule rows and sources file alone; what has landed only decides
    how a column is read. Files that would not change are not touched, and files that no rule asks
    for any more are removed.

    Raises:
        MappingError: rule rows are unusable; the message lists file, line, field and remedy.
        SourcesFileError: the sources file is unusable.
    """
    registry = load_registry(settings.seeds)
    ensure_operations(settings)
    sources = load_sources(settings).sources if settings.sources_file.exists() else ()
    used_sets: dict[str, set[str]] = {}
    for source in sources:
        if source.mapping_set == NO_MAPPING:
            continue
        tables = used_sets.setdefault(source.mapping_set, set())
        tables.update(table.name for table in source.tables)
        # A source that picks some tables of its kind leaves the rows of the others unused.
        tables.update(known_tables(source))
    rules = load_rules(settings.seeds, registry, used_sets)
    problems = RuleProblems()
    web_rules = load_web_rules(settings.seeds, problems)
    problems.raise_any()

    tables_by_system = {
        source.system: _with_siblings(
            [_source_table(settings, source, table) for table in source.tables]
        )
        for source in sources
    }
    staging = _staging_models(registry, rules, tables_by_system)
    report = MappingReport()
    report.column_status = _column_status(tables_by_system, staging)
    report.tables_without_data = [
        (table.system, table.table)
        for tables in tables_by_system.values()
        for table in tables
        if not table.has_landed
    ]
    files = _files(settings, registry, tables_by_system, staging, report)
    files |= _scorecard_files(settings)
    report.models = sorted(Path(name).stem for name in files if name.endswith(".sql"))
    _write(settings.generated_models, files, report)
    _write(settings.generated_macros, {"web_rules.sql": web_macros(web_rules)}, report)
    return report


def _source_table(settings: Settings, source: Source, table: Table) -> SourceTable:
    return SourceTable(
        system=source.system,
        table=table.name,
        mapping_set=source.mapping_set,
        time_zone=source.time_zone,
        currency=source.currency,
        load=table.load,
        primary_key=tuple(table.primary_key),
        cursor=tuple(getattr(table, "cursor", ())),
        columns=landed_columns(settings.raw, source.system, table.name),
    )


def _with_siblings(tables: list[SourceTable]) -> list[SourceTable]:
    by_name = {table.table: table for table in tables}
    return [replace(table, siblings=by_name) for table in tables]


def _check_lookups(table: SourceTable, group: MappingGroup) -> None:
    """Rows are looked up by a key of one column; without it they cannot be told apart.

    Raises:
        MappingError: a table that rule rows look up in has no such key.
    """
    for wanted in group.lookups:
        other = table.siblings.get(wanted.table)
        if other is not None and len(other.primary_key) != 1:
            raise MappingError(
                f"seeds/field_mapping.csv: {wanted.text!r} (mapping set {group.mapping_set!r}) "
                f"needs a `primary_key` of one column for table {other.table!r} of system "
                f"{other.system!r}. Set it in the sources file."
            )


def _staging_models(
    registry: Registry, rules: Rules, tables_by_system: dict[str, list[SourceTable]]
) -> list[StagingModel]:
    result: list[StagingModel] = []
    for tables in tables_by_system.values():
        models = []
        for table in tables:
            groups = [
                group
                for group in rules.of_set(table.mapping_set)
                if group.source_table == table.table
            ]
            for group in groups:
                _check_lookups(table, group)
            models += sql.staging_models(table, groups)
        result += sql.distinct_names(models, registry.referenced)
    return sorted(result, key=lambda model: model.name)


def _column_status(
    tables_by_system: dict[str, list[SourceTable]], staging: Sequence[StagingModel]
) -> list[tuple[str, str, str, str]]:
    used: dict[tuple[str, str], set[str]] = {}
    for model in staging:
        key = (model.source.system, model.source.table)
        used.setdefault(key, set()).update(model.group.columns)
        for wanted in model.group.lookups:
            names = used.setdefault((model.source.system, wanted.table), set())
            other = model.source.siblings.get(wanted.table)
            names.update([wanted.field, *(other.primary_key if other else ())])
    rows = []
    for tables in tables_by_system.values():
        for table in tables:
            names = used.get((table.system, table.table), set())
            for column in table.data_columns:
                status = "mapped" if column in names else "unmapped"
                rows.append((table.system, table.table, column, status))
            rows += [
                (table.system, table.table, column, "missing")
                for column in names
                if column not in table.columns
            ]
    return sorted(rows)


def _files(
    settings: Settings,
    registry: Registry,
    tables_by_system: dict[str, list[SourceTable]],
    staging: Sequence[StagingModel],
    report: MappingReport,
) -> dict[str, str]:
    """Relative path → content of every generated file."""
    files: dict[str, str] = {}
    for system, tables in tables_by_system.items():
        files[f"staging/{system}/_sources.yml"] = _sources_yaml(
            system, {table.table: table.has_landed for table in tables}
        )
    files[f"staging/{OPERATIONS}/_sources.yml"] = _sources_yaml(
        OPERATIONS,
        {name: any((settings.operations / name).glob("*.parquet")) for name in OPERATIONS_TABLES},
    )
    for model in staging:
        files[model.path] = sql.StagingSql(model).sql()
    for entry in registry.objects.values():
        fitting = [model for model in staging if model.group.object.object == entry.object]
        files[f"canonical/{entry.model}.sql"] = sql.canonical_sql(entry, fitting)
        if entry.object in HISTORY_OBJECTS:
            keyed = [model for model in fitting if model.source.primary_key]
            for model in keyed:
                path = model.path.replace(f"{model.name}.sql", f"{model.name}_versions.sql")
                files[path] = sql.StagingSql(model, versions=True).sql()
            files[f"canonical/int_history__{entry.object}_versions.sql"] = sql.canonical_sql(
                entry, keyed, versions=True
            )
    files |= _listings(staging, report)
    files["canonical/_models.yml"] = _models_yaml(registry, staging)
    return files


def _scorecard_files(settings: Settings) -> dict[str, str]:
    # Whole weeks do not change with each new log line.
    model = {"name": MODEL, "description": DESCRIPTION, "config": {"tags": ["full_run"]}}
    return {
        f"intermediate/{MODEL}.sql": scorecard_model(
            settings.seeds, settings.dbt_project / "models" / "marts"
        ),
        "intermediate/_models.yml": _yaml({"version": 2, "models": [model]}),
    }


def _listings(staging: Sequence[StagingModel], report: MappingReport) -> dict[str, str]:
    generated = "Generated by `python -m dagster_project.mapping`."
    code_parts = [part for part in map(sql.code_usage_part, staging) if part]
    value_parts = [part for part in map(sql.unconverted_part, staging) if part]
    return {
        "canonical/int_canonical__field_sources.sql": sql.rows_sql(
            "One row per rule row in force: which source field fills which canonical field.\n"
            + generated,
            FIELD_SOURCES,
            _field_sources(staging),
        ),
        "canonical/int_canonical__unmapped_fields.sql": sql.rows_sql(
            "One row per source column: mapped, unmapped (landed, but no rule row uses it) or\n"
            f"missing (a rule row uses it, but it has not landed).\n{generated}",
            UNMAPPED_FIELDS,
            report.column_status,
        ),
        "canonical/int_canonical__code_usage.sql": sql.union_sql(
            f"One row per system, field and raw code, with what became of it.\n{generated}",
            CODE_USAGE,
            code_parts,
        ),
        "canonical/int_canonical__unconverted_values.sql": sql.union_sql(
            "One row per raw value that could not be read as its field's type, and per table with\n"
            f"rows without a key.\n{generated}",
            UNCONVERTED_VALUES,
            value_parts,
        ),
    }


def _field_sources(staging: Sequence[StagingModel]) -> list[tuple[str, ...]]:
    rows = []
    for model in staging:
        group = model.group
        readable = sql.StagingSql(model).readable
        entries = [
            (entry.field.field, entry.inputs, entry.transform) for entry in group.fields.values()
        ] + [(FILTER, entry.inputs, entry.transform) for entry in group.filters]
        for name, inputs, transform in entries:
            known = {*model.source.columns, *readable, *PSEUDO_COLUMNS}
            status = "mapped" if all(column in known for column in inputs) else "missing"
            rows.append(
                (
                    model.source.system,
                    model.source.table,
                    group.object.object,
                    group.record,
                    name,
                    " + ".join(inputs),
                    transform.text,
                    status,
                )
            )
    return sorted(rows)


def _sources_yaml(system: str, tables: dict[str, bool]) -> str:
    location = (
        "read_parquet('{{ env_var('SMH_HOME', '../workspace') }}"
        f"/lake/raw/{system}/{{name}}/*.parquet', union_by_name = true)"
    )
    return _yaml(
        {
            "version": 2,
            "sources": [
                {
                    "name": system,
                    "schema": f"raw_{system}",
                    "description": f"Landed rows of {system}, as the source sent them.",
                    # At source level, because SQLMesh reads it only there.
                    "meta": {"external_location": location},
                    "tables": [
                        {"name": name, "config": {"meta": {"is_landed": is_landed}}}
                        for name, is_landed in tables.items()
                    ],
                }
            ],
        }
    )


def _models_yaml(registry: Registry, staging: Sequence[StagingModel]) -> str:
    present = {model.group.object.object for model in staging}
    models: list[dict[str, Any]] = []
    for entry in registry.objects.values():
        models.append(_canonical_yaml(entry, has_source=entry.object in present))
        if entry.object in HISTORY_OBJECTS:
            models.append(
                {
                    "name": f"int_history__{entry.object}_versions",
                    "description": f"Every landed version of each {entry.object}, current from "
                    "valid_from until valid_to (load times, UTC). / "
                    f"每个{entry.description_zh}的所有已加载版本。",
                    "config": {"tags": ["history"]},
                }
            )
    listings = {
        "int_canonical__field_sources": "Rule rows in force, one per filled field. / "
        "生效的字段映射。",
        "int_canonical__unmapped_fields": "Source columns: mapped, unmapped or missing. / "
        "源字段的映射状态。",
        "int_canonical__code_usage": "Raw codes and what became of them. / 源代码的使用情况。",
        "int_canonical__unconverted_values": "Raw values that could not be read. / "
        "无法转换的原始值。",
    }
    models += [
        # They read every landed row: a run of new log lines leaves them to the next whole one.
        {
            "name": name,
            "description": text,
            "config": {"materialized": "table", "tags": ["full_run"]},
        }
        for name, text in listings.items()
    ]
    return _yaml({"version": 2, "models": models})


def _canonical_yaml(entry: CanonicalObject, *, has_source: bool) -> dict[str, Any]:
    columns: list[dict[str, Any]] = []
    for item in entry.fields:
        column: dict[str, Any] = {"name": item.field}
        if item.role == "key":
            column["description"] = "Id: <system>:<id in the source>. / 标识：<系统>:<源标识>。"
            if has_source:
                column["data_tests"] = ["primary_key"]
        elif item.role == "reference":
            column["description"] = f"Id of {item.references}. / 引用 {item.references}。"
            column["config"] = {"meta": {"references": item.references}}
        elif item.role == "code":
            column["description"] = f"Code of list {item.code_list}. / 代码表 {item.code_list}。"
            column["config"] = {"meta": {"code_list": item.code_list}}
        columns.append(column)
    return {
        "name": entry.model,
        "description": f"{entry.object}: {entry.description_en}. One row per {entry.object}. / "
        f"{entry.description_zh}。",
        "config": {"meta": {"canonical_object": entry.object, "has_source": has_source}},
        "columns": columns,
    }


def _yaml(value: dict[str, Any]) -> str:
    text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=10_000)
    return f"# Generated by `python -m dagster_project.mapping`; do not edit.\n{text}"


def _write(folder: Path, files: dict[str, str], report: MappingReport) -> None:
    """Make the folder hold exactly these files, touching only what differs."""
    wanted = {folder / name for name in files}
    for path in sorted(_generated(folder)):
        if path not in wanted:
            path.unlink()
            report.removed.append(path)
    for name, content in sorted(files.items()):
        path = folder / name
        if path.exists() and path.read_text(encoding="utf-8") == content:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        report.written.append(path)


def _generated(folder: Path) -> Iterable[Path]:
    return [path for path in folder.rglob("*") if path.suffix in {".sql", ".yml"}]


__all__ = ["LANDED_METADATA", "MappingReport", "compile_mapping"]

"""SQL of the generated models. Explicit columns, portable macros, import → logic → final."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field

from dagster_project.mapping.landed import LANDED_METADATA, Kind
from dagster_project.mapping.registry import (
    METADATA_COLUMNS,
    CanonicalField,
    CanonicalObject,
)
from dagster_project.mapping.rules import MAIN_RECORD, LookedUp, MappingGroup
from dagster_project.mapping.transforms import (
    Expression,
    Input,
    after_earlier_steps,
    compile_transform,
    jinja_text,
    literal,
    macro,
    predicate,
)

INDENT = "    "


@dataclass(frozen=True)
class SourceTable:
    """A table of the sources file as the compiler needs it."""

    system: str
    table: str
    mapping_set: str
    time_zone: str
    currency: str | None
    load: str
    primary_key: tuple[str, ...]
    cursor: tuple[str, ...]
    columns: dict[str, Kind]
    """Landed columns; empty where nothing has landed."""
    siblings: Mapping[str, SourceTable] = dataclass_field(
        default_factory=dict, repr=False, compare=False
    )
    """All tables of the source by name: what rule rows may look up in."""

    @property
    def has_landed(self) -> bool:
        return bool(self.columns)

    @property
    def data_columns(self) -> list[str]:
        return [name for name in self.columns if name not in LANDED_METADATA]

    @property
    def is_keyed(self) -> bool:
        """Whether rows are versions of a primary key that is there."""
        return bool(self.primary_key) and all(name in self.columns for name in self.primary_key)


@dataclass(frozen=True)
class StagingModel:
    """One mapping group of one system: the model that fills one object from one table."""

    name: str
    source: SourceTable
    group: MappingGroup
    key_suffix: str = ""

    @property
    def path(self) -> str:
        return f"staging/{self.source.system}/{self.name}.sql"

    @property
    def lookup_fields(self) -> list[CanonicalField]:
        """Fields whose raw code is kept beside the value."""
        return [entry.field for entry in self.group.fields.values() if entry.lookup]


def staging_models(source: SourceTable, groups: Iterable[MappingGroup]) -> list[StagingModel]:
    """Staging models of one table, named after object and record."""
    groups = list(groups)
    return [
        StagingModel(f"stg_{source.system}__{group.object.plural}{_record(group)}", source, group)
        for group in groups
    ]


def _record(group: MappingGroup) -> str:
    return "" if group.record == MAIN_RECORD else f"_{group.record}"


def distinct_names(models: Sequence[StagingModel], referenced: Iterable[str]) -> list[StagingModel]:
    """Tell apart models of one name (by table), and records of one row (by a key suffix).

    Records that share the key of the same row get ``#<record>`` behind their id, unless other
    objects refer to ids of that object.
    """
    names = Counter(model.name for model in models)
    keys = Counter(_key_of(model) for model in models)
    result = []
    for model in models:
        group = model.group
        name = (
            f"{model.name}_from_{_slug(group.source_table)}"
            if names[model.name] > 1
            else (model.name)
        )
        shares = keys[_key_of(model)] > 1 and group.object.object not in referenced
        result.append(StagingModel(name, model.source, group, f"#{group.record}" if shares else ""))
    return result


def _key_of(model: StagingModel) -> tuple[object, ...]:
    key = model.group.fields[model.group.object.key.field]
    return (
        model.source.system,
        model.group.source_table,
        model.group.object.object,
        key.inputs,
        key.transform,
    )


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_") or "column"


class StagingSql:
    """Writes one staging model, or its variant with every landed version."""

    def __init__(self, model: StagingModel, *, versions: bool = False) -> None:
        self.model = model
        self.source = model.source
        self.group = model.group
        self.object = model.group.object
        self.versions = versions
        self.inputs = self._inputs()
        self.looked_up = self._looked_up()
        self.readable = {**self.inputs, **{key.text: item for key, item in self.looked_up.items()}}

    def _looked_up(self) -> dict[LookedUp, Input]:
        """Columns of other tables that have landed, with a name that no other column has."""
        found: dict[LookedUp, Input] = {}
        for number, wanted in enumerate(self.group.lookups, start=1):
            other = self.source.siblings.get(wanted.table)
            if other and other.is_keyed and wanted.key in self.inputs:
                kind = other.columns.get(wanted.field)
                if kind:
                    name = f"looked_up_{number}_{_slug(wanted.field)}"
                    found[wanted] = Input(name, kind)
        return found

    def _inputs(self) -> dict[str, Input]:
        """Safe names for the source columns in use; those that did not land are left out."""
        wanted = list(dict.fromkeys([*self.group.columns, *self._version_columns()]))
        taken: set[str] = set()
        inputs: dict[str, Input] = {}
        for column in wanted:
            if column not in self.source.columns or column in LANDED_METADATA:
                continue
            base = name = f"raw_{_slug(column)}"
            count = 2
            while name in taken:
                name, count = f"{base}_{count}", count + 1
            taken.add(name)
            inputs[column] = Input(name, self.source.columns[column])
        for column, sql_type in LANDED_METADATA.items():
            kind: Kind = {"string": "text", "bigint": "integer", "timestamp": "naive"}.get(
                sql_type, "boolean"
            )  # type: ignore[assignment]
            inputs[column] = Input(column, kind)
        # An append table lands each file once, so its rows are told apart by load as well.
        row_id = "_source_file || '#' || cast(_source_row as string)"
        if self.source.load == "append":
            row_id = f"_load_id || '/' || {row_id}"
        inputs["_row"] = Input(f"({row_id})", "text", is_ours=True)
        return inputs

    def _version_columns(self) -> list[str]:
        return [*self.source.primary_key, *self.source.cursor] if self.source.is_keyed else []

    def sql(self) -> str:
        """The whole file."""
        header = self._header()
        if not self.source.has_landed:
            return header + self._nothing_landed()
        steps = {"landed": self._landed()}
        steps |= self._current()
        steps |= self._joined()
        steps |= self._lookups()
        steps["converted"] = self._converted(list(steps))
        steps["mapped"] = self._mapped()
        last = "mapped"
        if self.versions:
            steps |= self._history()
            last = "history"
        elif self._may_repeat_key():
            steps["ranked"] = self._ranked()
            last = "ranked"
        ctes = ",\n\n".join(f"{name} as (\n{_indent(body)}\n)" for name, body in steps.items())
        final = _select(self._final_columns(), last)
        if last == "ranked":
            final += f"\nwhere {self.object.key.field} is null or key_rank = 1"
        if last == "history":
            final += "\nwhere is_change"
        return f"{header}with {ctes}\n\n{final}\n"

    def _header(self) -> str:
        group = self.group
        rows = ", ".join(str(line) for line in group.lines)
        grain = "landed version of a row" if self.versions else "row"
        tables = dict.fromkeys(
            [
                self.source.table,
                *(entry.table for entry in group.lookups if entry.table in self.source.siblings),
            ]
        )
        lookups = [
            f"-- depends_on: {{{{ source({jinja_text(self.source.system)}, "
            f"{jinja_text(table)}) }}}}"
            for table in tables
        ]
        if not self.source.has_landed:
            names = sorted(
                {
                    "stage_mapping" if entry.lookup == "stage" else "code_mapping"
                    for entry in group.fields.values()
                    if entry.lookup
                }
            )
            lookups += [f"-- depends_on: {{{{ ref('{name}') }}}}" for name in names]
        return (
            f"-- One row per {self.object.object} ({grain} of {self.source.system}."
            f"{self.source.table}, record {group.record}).\n"
            f"-- Generated by `python -m dagster_project.mapping` from seeds/field_mapping.csv, "
            f"mapping set {group.mapping_set},\n-- lines {rows}. Edit those rows, not this file.\n"
            + "\n".join(lookups)
            + "\n"
        )

    def _nothing_landed(self) -> str:
        return f"-- Nothing has landed yet.\n{_typed_nulls(self._all_columns())}"

    def _landed(self) -> str:
        columns = []
        for column, source in self.inputs.items():
            if column == "_row":
                continue
            if column not in LANDED_METADATA:
                columns.append(f"{{{{ adapter.quote({jinja_text(column)}) }}}} as {source.name}")
            elif column not in self.source.columns:
                columns.append(f"cast(null as {LANDED_METADATA[column]}) as {column}")
            elif column == "_loaded_at":
                value = macro("map_timestamp", column, self.source.columns[column])
                columns.append(f"{value} as {column}")
            else:
                columns.append(column)
        relation = (
            f"{{{{ source({jinja_text(self.source.system)}, {jinja_text(self.source.table)}) }}}}"
        )
        return _select(columns, relation)

    @property
    def _raw_columns(self) -> list[str]:
        return [source.name for column, source in self.inputs.items() if column != "_row"]

    def _current(self) -> dict[str, str]:
        """Steps from landed rows to the rows that count, by kind of table."""
        conditions = self._filters()
        if not self.source.is_keyed:
            columns = [*self._raw_columns, "_loaded_at as first_loaded_at"]
            if self.source.load != "append":
                conditions.insert(0, "_load_id = (select max(_load_id) from landed)")
            return {"current_rows": _select(columns, "landed", conditions)}
        keys = [self.inputs[column].name for column in self.source.primary_key]
        partition = f"partition by {', '.join(keys)}"
        cursors = [
            self.inputs[column].name for column in self.source.cursor if column in self.inputs
        ]
        newest = "coalesce(" + ", ".join(cursors) + ")" if len(cursors) > 1 else "".join(cursors)
        rest = [
            name
            for name in self._raw_columns
            if name not in {*keys, *cursors, "_load_id", "_loaded_at", "_is_deleted"}
        ]
        order = [
            f"{name} desc nulls last"
            for name in ["_load_id", *([newest] if newest else []), "_source_row", *rest]
        ]
        order = list(dict.fromkeys(order))
        if self.versions:
            ranked = [
                *self._raw_columns,
                f"min(_loaded_at) over ({partition}) as first_loaded_at",
                # Several versions in one load: only the last of them was ever current here.
                f"row_number() over (partition by {', '.join([*keys, '_load_id'])} "
                f"order by {', '.join(order[1:])}) as version_rank",
                f"row_number() over ({partition} order by {', '.join(_reversed(order))}) "
                "as version_order",
            ]
            versions = _select(ranked, "landed")
            columns = [*self._raw_columns, "first_loaded_at", "version_order"]
            return {
                "versions": versions,
                "current_rows": _select(columns, "versions", ["version_rank = 1"]),
            }
        ranked = [
            *self._raw_columns,
            f"min(_loaded_at) over ({partition}) as first_loaded_at",
            f"row_number() over ({partition} order by {', '.join(order)}) as version_rank",
        ]
        return {
            "versions": _select(ranked, "landed"),
            "current_rows": _select(
                [*self._raw_columns, "first_loaded_at"],
                "versions",
                ["version_rank = 1", "not coalesce(_is_deleted, false)", *conditions],
            ),
        }

    def _joined(self) -> dict[str, str]:
        """Steps that bring in columns of other tables: one per table and column that names its key.

        A row counts as loaded when the newest of its parts was.
        """
        if not self.looked_up:
            return {}
        steps: dict[str, str] = {}
        joins: list[str] = []
        loaded = ["current_rows._loaded_at"]
        pairs = dict.fromkeys((entry.table, entry.key) for entry in self.looked_up)
        for table, key in pairs:
            name = f"{_slug(table)}_by_{_slug(key)}"
            other = self.source.siblings[table]
            wanted = {
                entry.field: item.name
                for entry, item in self.looked_up.items()
                if (entry.table, entry.key) == (table, key)
            }
            steps |= _lookup_steps(name, other, wanted)
            joins.append(
                f"left join {name}\n{INDENT}on {self.inputs[key].text} = {name}.lookup_key"
            )
            loaded.append(f"coalesce({name}.looked_up_at, current_rows._loaded_at)")
        columns = [f"current_rows.{name}" for name in self._raw_columns if name != "_loaded_at"]
        columns += [item.name for item in self.looked_up.values()]
        # A version was current from its own load on, whatever is known of other tables now.
        newest = loaded[0] if self.versions else f"greatest({', '.join(loaded)})"
        columns += [f"{newest} as _loaded_at", "current_rows.first_loaded_at"]
        if self.versions:
            columns.append("current_rows.version_order")
        relation = "\n".join(["current_rows", *joins])
        conditions = self._filters(of_lookups=True)
        steps["joined_rows"] = _select(columns, relation, conditions)
        return steps

    def _filters(self, *, of_lookups: bool = False) -> list[str]:
        """Conditions on the table's own columns, or those on columns of other tables."""
        if self.versions:
            return []
        conditions = []
        for entry in self.group.filters:
            known = [self.readable[name] for name in entry.inputs if name in self.readable]
            if any(item in self.looked_up.values() for item in known) != of_lookups:
                continue
            transform = entry.transform
            unlike = "true" if transform.name.startswith("not_") else "false"
            if len(known) < len(entry.inputs) and transform.first.name not in SKIPPING:
                known = []
            if not known:
                keeps = transform.name in {"is_null", "not_equals", "not_starts_with"}
                conditions.append("true" if keeps else "false")
            else:
                (read,) = after_earlier_steps(transform, known, self.source.time_zone)
                conditions.append(predicate(transform, read, unknown=unlike))
        return conditions

    def _lookups(self) -> dict[str, str]:
        """One CTE per code list in use."""
        steps: dict[str, str] = {}
        mapping_set = literal(self.group.mapping_set)
        for field in self.model.lookup_fields:
            if self.group.fields[field.field].lookup == "stage":
                steps["stages"] = _select(
                    ["lower(source_stage) as source_code", "funnel_stage", "erp_readiness"],
                    "{{ ref('stage_mapping') }}",
                    [f"mapping_set = {mapping_set}"],
                )
                continue
            code_list = self.group.fields[field.field].code_list
            steps[f"{_slug(code_list)}_codes"] = _select(
                ["lower(source_code) as source_code", "canonical_code"],
                "{{ ref('code_mapping') }}",
                [f"mapping_set = {mapping_set}", f"code_list = {literal(code_list)}"],
            )
        return steps

    def _converted(self, steps: list[str]) -> str:
        columns: list[str] = []
        for field in self.object.fields:
            expression = self._expression(field)
            looked_up = field in self.model.lookup_fields
            name = f"{field.field}_source_code" if looked_up else field.field
            columns.append(f"{expression.value} as {name}")
            if field.role in {"code", "stage"} and not looked_up:
                columns.append(f"cast(null as string) as {field.field}_source_code")
            if expression.unconverted:
                columns.append(f"{expression.unconverted} as {field.field}_unconverted")
        columns += ["_loaded_at", "first_loaded_at", "_load_id", "_source_row"]
        if self.versions:
            columns += ["version_order", "_is_deleted", *self._key_names()]
        return _select(columns, "joined_rows" if self.looked_up else "current_rows")

    def _key_names(self) -> list[str]:
        return [
            f"{self.inputs[column].text} as version_key_{index}"
            for index, column in enumerate(self.source.primary_key, start=1)
        ]

    def _expression(self, field: CanonicalField) -> Expression:
        expression = self._ruled(field)
        if field.field == "currency" and self.source.currency:
            default = literal(self.source.currency)
            if field.field not in self.group.fields:
                return Expression(default)
            return Expression(f"coalesce({expression.value}, {default})")
        return expression

    def _ruled(self, field: CanonicalField) -> Expression:
        entry = self.group.fields.get(field.field)
        nothing = Expression(f"cast(null as {field.sql_type})")
        if entry is None:
            return nothing
        known = [self.readable[name] for name in entry.inputs if name in self.readable]
        missing = len(entry.inputs) - len(known)
        is_id = field.role in {"key", "reference"}
        first = entry.transform.first.name
        skips = first in SKIPPING and not (first == "concat" and is_id)
        if (missing and not skips) or (entry.inputs and not known):
            return nothing
        expression = compile_transform(
            entry.transform, known, field.type, zone=self.source.time_zone, is_id=is_id
        )
        if is_id and entry.transform.name != "alias":
            return Expression(self._id(field, expression.value))
        return expression

    def _id(self, field: CanonicalField, value: str) -> str:
        entry = self.group.fields[field.field]
        system = self.source.system
        if entry.transform.name == "key" and entry.transform.argument:
            system = entry.transform.argument
        suffix = (
            f" || {literal(self.model.key_suffix)}"
            if (field.role == "key" and self.model.key_suffix)
            else ""
        )
        return f"{literal(system + ':')} || {value}{suffix}"

    def _mapped(self) -> str:
        columns: list[str] = []
        joins: list[str] = []
        for field in self.object.fields:
            raw = f"{field.field}_source_code"
            if field in self.model.lookup_fields:
                entry = self.group.fields[field.field]
                alias = f"{field.field}_lookup"
                step = "stages" if entry.lookup == "stage" else f"{_slug(entry.code_list)}_codes"
                joins.append(
                    f"left join {step} as {alias}\n{INDENT}"
                    f"on lower(converted.{raw}) = {alias}.source_code"
                )
                if entry.lookup == "alias":
                    value = f"coalesce({alias}.canonical_code, converted.{raw})"
                    if field.role in {"key", "reference"}:
                        value = self._id(field, value)
                elif entry.lookup == "stage":
                    value = f"{alias}.funnel_stage"
                else:
                    value = f"{alias}.canonical_code"
                if field.role == "stage":
                    columns.append(f"converted.{raw} as {field.field}")
                    columns.append(f"{alias}.funnel_stage")
                    columns.append(f"{alias}.erp_readiness")
                else:
                    columns.append(f"{value} as {field.field}")
                columns.append(f"converted.{raw}")
            else:
                columns.append(f"converted.{field.field}")
                if field.role == "stage":
                    columns.append(f"{self._stated_stage(field)} as funnel_stage")
                    columns.append("cast(null as string) as erp_readiness")
                if field.role in {"code", "stage"}:
                    columns.append(f"converted.{raw}")
        columns += [f"converted.{name}" for name in self._unconverted_columns()]
        columns += [
            f"{literal(self.source.system)} as source_system",
            f"{literal(self.source.table)} as source_table",
            "converted._loaded_at as loaded_at",
            "converted.first_loaded_at",
            "converted._load_id",
            "converted._source_row",
        ]
        if self.versions:
            columns += ["converted.version_order", "converted._is_deleted"]
            columns += [f"converted.{name}" for name in self._version_keys()]
        return _select(columns, "converted") + "".join(f"\n{join}" for join in joins)

    def _stated_stage(self, field: CanonicalField) -> str:
        """A constant names the funnel stage itself, as a constant code is a canonical code."""
        entry = self.group.fields.get(field.field)
        if entry is not None and entry.transform.name == "constant":
            return literal(entry.transform.argument)
        return "cast(null as string)"

    def _version_keys(self) -> list[str]:
        return [f"version_key_{index}" for index, _ in enumerate(self.source.primary_key, start=1)]

    def _may_repeat_key(self) -> bool:
        """Whether several source rows may make one object (orders out of order lines)."""
        key = self.group.fields[self.object.key.field]
        if "_row" in key.inputs:
            return False
        plain = key.transform.name in {"key", "concat"} and not key.transform.earlier
        return not (
            plain and self.source.is_keyed and set(self.source.primary_key) <= set(key.inputs)
        )

    def _ranked(self) -> str:
        key = self.object.key.field
        columns = [name for name, _ in self._all_columns()]
        ties = [
            name
            for name, sql_type in self._all_columns()
            if name != key and name not in METADATA_COLUMNS and not name.endswith("_unconverted")
        ]
        order = ", ".join(
            ["_load_id desc", "_source_row nulls last", *(f"{name} nulls last" for name in ties)]
        )
        return _select(
            [*columns, f"row_number() over (partition by {key} order by {order}) as key_rank"],
            "mapped",
        )

    def _history(self) -> dict[str, str]:
        """Drop versions that changed nothing, and give each the time in which it was current."""
        keys = ", ".join(self._version_keys())
        fields = [name for name, _ in self.object.columns() if name not in METADATA_COLUMNS]
        columns = [name for name, _ in self._all_columns() if name not in HISTORY_COLUMNS]
        window = f"over (partition by {keys} order by version_order nulls last)"
        changes = [
            f"{name} is distinct from lag({name}) {window}" for name in [*fields, "_is_deleted"]
        ]
        compared = _select(
            [
                *columns,
                "version_order",
                "_is_deleted",
                *self._version_keys(),
                f"row_number() {window} = 1\n{INDENT * 2}or "
                + f"\n{INDENT * 2}or ".join(changes)
                + " as is_change",
            ],
            "mapped",
        )
        changed = _select(
            [
                *columns,
                "loaded_at as valid_from",
                f"lead(loaded_at) {window} as valid_to",
                f"row_number() {window} as version_number",
                "coalesce(_is_deleted, false) as is_deleted",
                "is_change",
            ],
            "compared",
            ["is_change"],
        )
        return {"compared": compared, "history": changed}

    def _unconverted_columns(self) -> list[str]:
        return [
            f"{field.field}_unconverted"
            for field in self.object.fields
            if self.source.has_landed and self._expression(field).unconverted
        ]

    @property
    def unconverted_fields(self) -> list[str]:
        """Fields whose raw value may be unreadable."""
        return [name.removesuffix("_unconverted") for name in self._unconverted_columns()]

    def _all_columns(self) -> list[tuple[str, str]]:
        """Name and type of what the model gives out."""
        columns: list[tuple[str, str]] = []
        lookups = {field.field for field in self.model.lookup_fields}
        roles = {field.field: field.role for field in self.object.fields}
        for name, sql_type in self.object.columns():
            if name in METADATA_COLUMNS:
                continue
            columns.append((name, sql_type))
            if name in lookups and roles[name] not in {"code", "stage"}:
                columns.append((f"{name}_source_code", "string"))
        columns += [(name, "string") for name in self._unconverted_columns()]
        columns += METADATA_COLUMNS.items()
        if self.versions:
            columns += HISTORY_COLUMNS.items()
        return columns

    def _final_columns(self) -> list[str]:
        return [name for name, _ in self._all_columns()]


# Transforms that make do with those of their source fields that have landed.
SKIPPING = ("coalesce", "concat")
HISTORY_COLUMNS = {
    "valid_from": "timestamp",
    "valid_to": "timestamp",
    "version_number": "bigint",
    "is_deleted": "boolean",
}


def _lookup_steps(name: str, other: SourceTable, wanted: Mapping[str, str]) -> dict[str, str]:
    """The present version of each row of a table, by its key as text.

    Args:
        wanted: columns of the table → the names that they get.
    """
    (key,) = other.primary_key
    cursors = {
        column: f"raw_cursor_{number}"
        for number, column in enumerate(other.cursor, start=1)
        if column in other.columns
    }
    named = [(key, "raw_key"), *cursors.items()]
    named += [(column, f"raw_{new}") for column, new in wanted.items()]
    landed = [
        *(f"{{{{ adapter.quote({jinja_text(column)}) }}}} as {new}" for column, new in named),
        "_load_id",
        f"{macro('map_timestamp', '_loaded_at', other.columns['_loaded_at'])} as _loaded_at",
        "_source_row",
        "_is_deleted",
    ]
    order = [
        "_load_id desc",
        *(f"{cursor} desc nulls last" for cursor in cursors.values()),
        "_source_row desc nulls last",
        *(f"raw_{new} nulls last" for new in wanted.values()),
    ]
    ranked = [
        f"{Input('raw_key', other.columns[key]).text} as lookup_key",
        *(f"raw_{new} as {new}" for new in wanted.values()),
        "_loaded_at as looked_up_at",
        "_is_deleted",
        f"row_number() over (partition by raw_key order by {', '.join(order)}) as version_rank",
    ]
    relation = f"{{{{ source({jinja_text(other.system)}, {jinja_text(other.table)}) }}}}"
    return {
        f"{name}_landed": _select(landed, relation),
        f"{name}_versions": _select(ranked, f"{name}_landed"),
        name: _select(
            ["lookup_key", *wanted.values(), "looked_up_at"],
            f"{name}_versions",
            ["version_rank = 1", "not coalesce(_is_deleted, false)"],
        ),
    }


def canonical_sql(
    entry: CanonicalObject, models: Sequence[StagingModel], *, versions: bool = False
) -> str:
    """The union of all systems that have the object; typed zero rows where none has it."""
    columns = list(entry.columns())
    if versions:
        columns += HISTORY_COLUMNS.items()
    grain = f"landed version of a {entry.object}" if versions else entry.object
    header = (
        f"-- One row per {grain}: {entry.description_en} / {entry.description_zh}.\n"
        "-- Generated by `python -m dagster_project.mapping`; edit seeds/field_mapping.csv "
        "instead.\n"
    )
    if not models:
        return f"{header}-- No source has this object.\n{_typed_nulls(columns)}"
    names = [name for name, _ in columns]
    suffix = "_versions" if versions else ""
    parts = [
        # A key made of file and line is always there; asking would build it at each reading.
        _select(
            names,
            f"{{{{ ref('{model.name}{suffix}') }}}}",
            []
            if "_row" in model.group.fields[entry.key.field].inputs
            else [f"{entry.key.field} is not null"],
        )
        for model in models
    ]
    return header + "\n\nunion all\n\n".join(parts) + "\n"


def rows_sql(header: str, columns: dict[str, str], rows: Sequence[Sequence[str]]) -> str:
    """A model that is a fixed list of text rows."""
    comment = "".join(f"-- {line}\n" for line in header.splitlines())
    if not rows:
        nulls = ",\n".join(
            f"{INDENT}cast(null as {kind}) as {name}" for name, kind in columns.items()
        )
        return f"{comment}select\n{nulls}\nwhere false\n"
    lines = ",\n".join(
        f"{INDENT * 2}({', '.join(literal(value) for value in row)})" for row in rows
    )
    names = ", ".join(columns)
    body = _select(list(columns), f"(\n{INDENT}values\n{lines}\n) as listed ({names})")
    return f"{comment}{body}\n"


def union_sql(header: str, columns: dict[str, str], parts: Sequence[str]) -> str:
    """A union of queries, or typed zero rows."""
    comment = "".join(f"-- {line}\n" for line in header.splitlines())
    if not parts:
        return rows_sql(header, columns, [])
    return comment + "\n\nunion all\n\n".join(parts) + "\n"


def code_usage_part(model: StagingModel) -> str | None:
    """Every raw code of a staging model with what became of it."""
    fields = model.lookup_fields
    if not fields or not model.source.has_landed:
        return None
    entries = model.group.fields
    listed = [
        f"({literal(field.field)}, {literal(entries[field.field].code_list)}, "
        f"{literal(entries[field.field].lookup)})"
        for field in fields
    ]
    raw = _cases(fields, lambda name: f"{name}_source_code")
    value = _cases(
        fields,
        lambda name: (
            "funnel_stage" if entries[name].lookup == "stage" else _without_system(model, name)
        ),
    )
    inner = _select(
        [
            "fields.field",
            "fields.code_list",
            "fields.lookup",
            f"{raw} as source_code",
            f"{value} as canonical_code",
        ],
        f"{{{{ ref('{model.name}') }}}} as mapped\n"
        f"cross join (\n{INDENT}values {', '.join(listed)}\n"
        ") as fields (field, code_list, lookup)",
    )
    return (
        _select(
            [
                f"{literal(model.source.system)} as system",
                f"{literal(model.group.object.object)} as object",
                "field",
                "code_list",
                "source_code",
                "canonical_code",
                "case\n"
                f"{INDENT * 2}when canonical_code is null then 'unmapped'\n"
                f"{INDENT * 2}when lookup = 'alias' then 'alias'\n"
                f"{INDENT * 2}else 'mapped'\n{INDENT}end as status",
                "count(*) as count_rows",
            ],
            f"(\n{_indent(inner)}\n) as codes",
            ["source_code is not null", "(lookup <> 'alias' or canonical_code <> source_code)"],
        )
        + "\ngroup by field, code_list, lookup, source_code, canonical_code"
    )


def _without_system(model: StagingModel, name: str) -> str:
    entry = model.group.fields[name]
    if entry.field.role in {"key", "reference"}:
        return f"substr({name}, {len(model.source.system) + 2})"
    return name


def _cases(fields: Sequence[CanonicalField], value: Callable[[str], str]) -> str:
    whens = "\n".join(
        f"{INDENT * 2}when {literal(field.field)} then mapped.{value(field.field)}"
        if "(" not in value(field.field)
        else f"{INDENT * 2}when {literal(field.field)} then {value(field.field)}"
        for field in fields
    )
    return f"case fields.field\n{whens}\n{INDENT}end"


def unconverted_part(model: StagingModel) -> str | None:
    """Raw values that could not be read, and rows without a key."""
    if not model.source.has_landed:
        return None
    names = StagingSql(model).unconverted_fields
    key = model.group.object.key.field
    if not names and "_row" in model.group.fields[key].inputs:
        return None  # every row has a number: nothing can be missing
    listed = ", ".join(f"({literal(name)})" for name in dict.fromkeys([key, *names]))
    whens = "\n".join(
        f"{INDENT * 2}when {literal(name)} then mapped.{name}_unconverted" for name in names
    )
    raw = f"case fields.field\n{whens}\n{INDENT}end" if names else "cast(null as string)"
    inner = _select(
        [
            "fields.field",
            f"mapped.{key} as object_id",
            f"{raw} as raw_value",
            "cast(mapped.first_loaded_at as date) as first_loaded_date",
        ],
        f"{{{{ ref('{model.name}') }}}} as mapped\n"
        f"cross join (\n{INDENT}values {listed}\n) as fields (field)",
    )
    return (
        _select(
            [
                f"{literal(model.source.system)} as system",
                f"{literal(model.source.table)} as table_name",
                f"{literal(model.group.object.object)} as object",
                "field",
                "raw_value",
                "case when raw_value is null then 'missing_key' else 'unreadable' end as reason",
                "first_loaded_date",
                "count(*) as count_rows",
            ],
            f"(\n{_indent(inner)}\n) as raw_values",
            [f"(raw_value is not null or (field = {literal(key)} and object_id is null))"],
        )
        + "\ngroup by field, raw_value, first_loaded_date"
    )


def _select(columns: Sequence[str], relation: str, conditions: Sequence[str] = ()) -> str:
    listed = ",\n".join(f"{INDENT}{column}" for column in columns)
    where = f"\nwhere {f'{chr(10)}{INDENT}and '.join(conditions)}" if conditions else ""
    return f"select\n{listed}\nfrom {relation}{where}"


def _indent(text: str) -> str:
    return "\n".join(f"{INDENT}{line}" if line else line for line in text.splitlines())


def _reversed(order: Sequence[str]) -> list[str]:
    """The opposite order: nulls go to the other end as well."""
    return [term.replace(" desc nulls last", " nulls first") for term in order]


def _typed_nulls(columns: Iterable[tuple[str, str]]) -> str:
    """A query with these columns and no row."""
    return _select([f"cast(null as {kind}) as {name}" for name, kind in columns], "").replace(
        "\nfrom ", "\nwhere false\n"
    )

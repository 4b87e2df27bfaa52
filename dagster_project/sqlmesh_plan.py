"""``make plan ENV=name``: what an edit of a model or rule changes, without touching the warehouse.

SQLMesh reads the same dbt project on a file of its own (<home>/sqlmesh). Its environment ``prod``
there is the state to compare with; any other name is a virtual environment that holds the edit.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import logging
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster_project.settings import (
    Settings,
    SettingsError,
    export_dbt_environment,
    load_settings,
    utc_now,
)

if TYPE_CHECKING:
    from sqlmesh.core.context import Context

BASELINE = "prod"
# Comparing every row of two larger tables takes longer than a look at a plan should.
COMPARED_ROWS_MAX = 5_000_000


class PlanFailed(RuntimeError):  # noqa: N818 - reads as what happened
    """SQLMesh could not build the environment; the message holds what it said."""


@dataclass(frozen=True)
class Columns:
    """Columns that differ between two states of a model, as ``name type``."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


@dataclass(frozen=True)
class ModelChange:
    """What an edit does to one model. Row counts are None where the model does not exist."""

    model: str
    reason: str
    """added, removed, edited (itself) or follows (from an edited model above it)."""
    columns: Columns = Columns()
    rows_before: int | None = None
    rows_after: int | None = None
    rows_gone: int | None = None
    """Rows of before that are not in after, over the common columns; None = not compared."""
    rows_new: int | None = None

    @property
    def changes_data(self) -> bool:
        """Whether anything a reader sees is different."""
        return (
            self.reason in {"added", "removed"}
            or self.columns != Columns()
            or self.rows_before != self.rows_after
            or bool(self.rows_gone)
            or bool(self.rows_new)
            or self.rows_gone is None
        )

    def text(self) -> str:
        """One line for people."""
        parts = [f"{self.model} ({self.reason})"]
        parts += [f"+ column {column}" for column in self.columns.added]
        parts += [f"- column {column}" for column in self.columns.removed]
        if self.rows_before is None or self.rows_after is None:
            count = self.rows_after if self.rows_before is None else self.rows_before
            parts.append(f"{count:,} rows" if count is not None else "no rows")
        elif self.rows_before != self.rows_after:
            parts.append(f"{self.rows_before:,} → {self.rows_after:,} rows")
        else:
            parts.append(f"{self.rows_after:,} rows as before")
        if self.rows_gone is not None and (self.rows_gone or self.rows_new):
            parts.append(f"{self.rows_gone:,} rows gone or changed, {self.rows_new:,} new")
        elif self.rows_gone is None and self.reason not in {"added", "removed"}:
            parts.append("rows not compared (too many)")
        return "; ".join(parts)


def plan(settings: Settings, environment: str) -> int:
    """Build the virtual environment and print what differs from production; 0 = done."""
    try:
        changes = build_plan(settings, environment)
    except PlanFailed as error:
        print(
            f"error: the plan failed; the warehouse was not touched.\n{error}\n"
            "Correct the model that is named and run the command again.",
            file=sys.stderr,
        )
        return 1
    where = settings.sqlmesh_home / "warehouse.duckdb"
    if changes is None:
        print(
            f"The present state is now SQLMesh's production ({where}); nothing was compared.\n"
            "Next: edit a model in dbt/models or a rule in seeds/, then run make plan ENV=name."
        )
        return 0
    visible = [change for change in changes if change.changes_data]
    print(f"Environment {environment!r} compared with production, in {where}:")
    for change in visible:
        print(f"  {change.text()}")
    same = len(changes) - len(visible)
    if same:
        print(f"  {same} more models were built again and came out as before")
    if not changes:
        print("  no model changes")
    print(
        f"The warehouse {settings.warehouse} was not touched. Next: make run to build and publish "
        f"the edit; make plan ENV={BASELINE} to make it the state to compare with."
    )
    return 0


def _plain_attribute(values: dict[str, Any], name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    return values.get(name)


def build_plan(settings: Settings, environment: str) -> list[ModelChange] | None:
    """Build ``environment`` and compare it with production, which the first call makes.

    Returns None where there was nothing to compare with, or production itself was built.

    Raises:
        PlanFailed: a model cannot be read or built.
    """
    logging.getLogger("sqlmesh").setLevel(logging.ERROR)
    # SQLMesh calls pandas in a way that pandas 2 warns about.
    warnings.filterwarnings("ignore", module="sqlmesh")
    from rich.console import Console as RichConsole
    from sqlmesh.core.console import CaptureTerminalConsole, set_console
    from sqlmesh.core.context import Context
    from sqlmesh.utils import AttributeDict
    from sqlmesh.utils.errors import SQLMeshError

    # SQLMesh's own asks itself for a missing special attribute until the stack is full, a thousand
    # calls deep, and pydantic asks for some at each of the many dictionaries of a snapshot.
    AttributeDict.__getattr__ = _plain_attribute  # type: ignore[method-assign]
    console = CaptureTerminalConsole(console=RichConsole(file=io.StringIO(), width=100))
    set_console(console)
    try:
        context = Context(paths=[str(settings.dbt_project)])
        try:
            landed = _landed_state(settings.raw)
            stamp = settings.sqlmesh_home / "landed.txt"
            known = context.state_reader.get_environment(BASELINE)
            if known is None or environment == BASELINE:
                _apply(context, BASELINE)
                stamp.write_text(landed, encoding="utf-8")
                return None
            if not stamp.exists() or stamp.read_text(encoding="utf-8") != landed:
                # Else new rows would look like an effect of the edit.
                _apply(context, BASELINE, restate=True)
                stamp.write_text(landed, encoding="utf-8")
            _apply(context, environment)
            return list(_changes(context, environment))
        finally:
            context.close()
    except SQLMeshError as error:
        _, mark, failed = console.captured_output.partition("Failed models")
        said = (f"{mark}{failed}", console.captured_errors, str(error))
        raise PlanFailed("\n".join(part for part in said if part.strip())) from error


def _landed_state(raw: Path) -> str:
    """A digest of names and sizes of all landed files; the lake is append-only."""
    digest = hashlib.sha256()
    for file in sorted(raw.rglob("*.parquet")):
        if file.relative_to(raw).parts[0] != "ops":
            digest.update(f"{file.relative_to(raw)} {file.stat().st_size}\n".encode())
    return digest.hexdigest()


def _apply(context: Context, environment: str, *, restate: bool = False) -> None:
    from sqlmesh.core.snapshot import SnapshotChangeCategory

    builder = context.plan_builder(
        environment,
        skip_tests=True,
        restate_models=["*"] if restate else None,
        include_unmodified=True,
        enable_preview=False,
    )
    for snapshot in builder.build().uncategorized:
        builder.set_choice(snapshot, SnapshotChangeCategory.BREAKING)
    context.apply(builder.build())


def _changes(context: Context, environment: str) -> Iterator[ModelChange]:
    before_environment = context.state_reader.get_environment(BASELINE)
    if before_environment is None:
        raise PlanFailed("SQLMesh has no production state. Run make plan ENV=prod once.")
    # dbt's singular tests are snapshots too, but have no rows of their own.
    before = {info.name: info for info in before_environment.snapshots if info.is_model}
    after = {name: snapshot for name, snapshot in context.snapshots.items() if snapshot.is_model}
    for name in sorted(before.keys() | after.keys()):
        shown = ".".join(part.strip('"') for part in name.split(".")[-2:])
        if name not in before:
            yield ModelChange(
                shown, "added", rows_after=_count(context, _relation(name, environment))
            )
        elif name not in after:
            yield ModelChange(
                shown, "removed", rows_before=_count(context, _relation(name, BASELINE))
            )
        else:
            old, new = before[name].fingerprint, after[name].fingerprint
            if old.data_hash != new.data_hash:
                yield _compared(context, name, shown, "edited", environment)
            elif old.parent_data_hash != new.parent_data_hash:
                yield _compared(context, name, shown, "follows", environment)


def _relation(name: str, environment: str) -> str:
    """A model's view: ``"warehouse"."marts"."mart_x"`` in an environment's schema."""
    catalog, schema, table = (part.strip('"') for part in name.split("."))
    suffix = "" if environment == BASELINE else f"__{environment}"
    return f'"{catalog}"."{schema}{suffix}"."{table}"'


def _compared(
    context: Context, name: str, shown: str, reason: str, environment: str
) -> ModelChange:
    relations = [_relation(name, BASELINE), _relation(name, environment)]
    old, new = (_columns(context, relation) for relation in relations)
    columns = Columns(
        added=tuple(f"{column} {new[column]}" for column in new if old.get(column) != new[column]),
        removed=tuple(
            f"{column} {old[column]}" for column in old if new.get(column) != old[column]
        ),
    )
    rows_before, rows_after = (_count(context, relation) for relation in relations)
    gone = fresh = None
    if max(rows_before, rows_after) <= COMPARED_ROWS_MAX:
        common = [column for column in old if old[column] == new.get(column)]
        gone = _count_missing(context, common, relations[0], relations[1])
        fresh = _count_missing(context, common, relations[1], relations[0])
    return ModelChange(shown, reason, columns, rows_before, rows_after, gone, fresh)


def _columns(context: Context, relation: str) -> dict[str, str]:
    rows = context.engine_adapter.fetchall(f"describe {relation}")
    return {str(row[0]): str(row[1]).lower() for row in rows}


def _count(context: Context, relation: str) -> int:
    return int(context.engine_adapter.fetchone(f"select count(*) from {relation}")[0])  # type: ignore[index]


def _count_missing(context: Context, columns: Sequence[str], left: str, right: str) -> int:
    if not columns:
        return 0
    listed = ", ".join(f'"{column}"' for column in columns)
    return _count(
        context,
        f"(select {listed} from {left} except all select {listed} from {right}) as missing",
    )


def main(arguments: Sequence[str] | None = None) -> int:
    from dagster_project.connectors.sources_file import SourcesFileError, as_of_date
    from dagster_project.mapping import MappingError, compile_mapping

    parser = argparse.ArgumentParser(prog="python -m dagster_project.sqlmesh_plan")
    parser.add_argument("--env", default="dev", help="name of the virtual environment")
    options = parser.parse_args(arguments)
    try:
        settings = load_settings()
        compile_mapping(settings)
        export_dbt_environment(settings, as_of_date(settings, utc_now()))
    except (SettingsError, MappingError, SourcesFileError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return plan(settings, options.env)


if __name__ == "__main__":
    sys.exit(main())

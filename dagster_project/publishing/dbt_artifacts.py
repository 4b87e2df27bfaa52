"""What dbt wrote about its last run: ``manifest.json``, ``run_results.json``, compiled SQL."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from dagster_project.publishing.storage import PublishingError, read_json
from dagster_project.settings import Settings

_CHINESE = re.compile(r"[\u4e00-\u9fff]")
MARTS_FOLDER = "models/marts/"
_LAYERS = ("staging", "canonical", "intermediate", "core", "marts")


@dataclass(frozen=True)
class Node:
    """A model, seed or source of the dbt project.

    Attributes:
        name: model or seed name; for a source ``<system>.<table>``.
        kind: ``model``, ``seed`` or ``source``.
        layer: ``staging``, ``canonical``, ``intermediate``, ``core``, ``mart``, ``rule``,
            ``landed`` or ``model``.
        relation: database, schema, identifier in the warehouse.
        columns: column name → its YAML record (description, data_type, meta).
        key: columns that name a row: a primary key or unique constraint, or a unique test.
        day_column: the day of a row, where a build replaces the days that have changed.
    """

    unique_id: str
    name: str
    kind: str
    layer: str
    relation: tuple[str, str, str]
    path: str
    description_en: str | None
    description_zh: str | None
    materialized: str
    raw_sql: str
    compiled_sql: str
    parents: tuple[str, ...]
    columns: dict[str, dict[str, Any]]
    key: tuple[str, ...] = ()
    day_column: str | None = None


@dataclass(frozen=True)
class TestNode:
    """A dbt test: what it checks, on what, and how much its failure matters."""

    unique_id: str
    name: str
    severity: str
    column_name: str | None
    attached_to: str | None
    parents: tuple[str, ...]
    description_en: str | None
    description_zh: str | None
    kind: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class RunResult:
    """One node's outcome in ``run_results.json``; ``status`` is dbt's own word.

    ``failures`` is the number of rows that a test found, None where it does not count.
    """

    unique_id: str
    status: str
    failures: int | None
    message: str


@dataclass(frozen=True)
class Project:
    """The dbt project as it was built last."""

    nodes: dict[str, Node]
    tests: dict[str, TestNode] = field(default_factory=dict)

    @property
    def marts(self) -> list[Node]:
        return [node for node in self.nodes.values() if node.layer == "mart"]

    @property
    def seeds(self) -> list[Node]:
        return [node for node in self.nodes.values() if node.kind == "seed"]

    def ancestors(self, unique_id: str) -> dict[str, int]:
        """Everything upstream of a node, with the length of the shortest way to it."""
        distances: dict[str, int] = {}
        level = [unique_id]
        distance = 0
        while level:
            distance += 1
            parents = [
                parent
                for child in level
                for parent in self.nodes[child].parents
                if parent in self.nodes and parent not in distances
            ]
            level = sorted(set(parents))
            distances |= dict.fromkeys(level, distance)
        return distances


def read_project(settings: Settings) -> Project:
    """Read the manifest in ``Settings.dbt_artifacts``.

    Raises:
        PublishingError: dbt has not run yet.
    """
    path = settings.dbt_artifacts / "manifest.json"
    manifest = read_json(path)
    if manifest is None:
        raise PublishingError(f"{path} does not exist: dbt has not run. Run `make run` first.")
    keys = _unique_keys(manifest)
    nodes = {
        unique_id: _node(settings, unique_id, record, keys)
        for unique_id, record in _records(manifest)
        if record["config"].get("materialized") != "ephemeral" or _is_mart(record)
    }
    layers = {unique_id: node.layer for unique_id, node in nodes.items()}
    tests = {
        unique_id: _test(record, layers)
        for unique_id, record in manifest["nodes"].items()
        if record["resource_type"] == "test"
    } | {
        # A unit test belongs to its model; it has no rows, so it can only pass or fail.
        unique_id: TestNode(
            unique_id=unique_id,
            name=record["name"],
            severity="error",
            column_name=None,
            attached_to=f"model.{record['package_name']}.{record['model']}",
            parents=tuple(record["depends_on"]["nodes"]),
            description_en=descriptions(record)[0],
            description_zh=descriptions(record)[1],
            kind="unit_test",
            arguments={},
        )
        for unique_id, record in manifest.get("unit_tests", {}).items()
    }
    return Project(nodes=nodes, tests=tests)


def read_run_results(settings: Settings) -> tuple[datetime | None, list[RunResult]]:
    """When dbt ran last (UTC), and the outcome of every node; (None, []) if never."""
    record = read_json(settings.dbt_artifacts / "run_results.json")
    if record is None:
        return None, []
    generated = datetime.fromisoformat(record["metadata"]["generated_at"].replace("Z", "+00:00"))
    return generated, [
        RunResult(
            unique_id=result["unique_id"],
            status=result["status"],
            failures=result.get("failures"),
            message=result.get("message") or "",
        )
        for result in record["results"]
    ]


def _records(manifest: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for unique_id, record in manifest["nodes"].items():
        if record["resource_type"] in ("model", "seed"):
            yield unique_id, record
    yield from manifest["sources"].items()


def _is_mart(record: dict[str, Any]) -> bool:
    return bool(record["original_file_path"].replace("\\", "/").startswith(MARTS_FOLDER))


def _layer(record: dict[str, Any]) -> str:
    kind = record["resource_type"]
    if kind == "seed":
        return "rule"
    if kind == "source":
        return "landed"
    if _is_mart(record):
        return "mart"
    return next((part for part in _LAYERS if part in record["fqn"][:-1]), "model")


def _node(
    settings: Settings, unique_id: str, record: dict[str, Any], keys: dict[str, tuple[str, ...]]
) -> Node:
    kind = record["resource_type"]
    name = f"{record['source_name']}.{record['name']}" if kind == "source" else record["name"]
    identifier = record["identifier"] if kind == "source" else record["alias"]
    materialized = record["config"].get("materialized", "")
    meta = record["config"].get("meta") or {}
    return Node(
        unique_id=unique_id,
        name=name,
        kind=kind,
        layer=_layer(record),
        relation=(record["database"] or "", record["schema"], identifier),
        path=record["original_file_path"],
        description_en=descriptions(record)[0],
        description_zh=descriptions(record)[1],
        materialized=materialized,
        raw_sql=record.get("raw_code") or "",
        compiled_sql=_compiled(settings, record),
        parents=tuple(sorted(set(record.get("depends_on", {}).get("nodes", ())))),
        columns=record.get("columns") or {},
        key=keys.get(unique_id, ()),
        day_column=meta.get("day_column") if materialized == "replaced_days" else None,
    )


def _compiled(settings: Settings, record: dict[str, Any]) -> str:
    """SQL that dbt compiled last: its file, for a build of the pipeline writes no manifest."""
    if record["resource_type"] != "model":
        return ""
    # dbt keeps the way from the project to the file, which for generated models leads out of both.
    folder = settings.dbt_artifacts / "compiled" / record["package_name"]
    path = Path(os.path.normpath(folder / record["original_file_path"]))
    if path.is_file():
        return path.read_text(encoding="utf-8")
    return str(record.get("compiled_code") or "")


def _unique_keys(manifest: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    keys: dict[str, tuple[str, ...]] = {}
    for unique_id, record in manifest["nodes"].items():
        for constraint in record.get("constraints") or ():
            if constraint["type"] in ("primary_key", "unique") and constraint.get("columns"):
                keys.setdefault(unique_id, tuple(constraint["columns"]))
    for record in manifest["nodes"].values():
        test = record.get("test_metadata") or {}
        attached = record.get("attached_node")
        if not attached:
            continue
        name, arguments = test.get("name", ""), test.get("kwargs", {})
        if name in ("primary_key", "unique") and arguments.get("column_name"):
            keys.setdefault(attached, (arguments["column_name"],))
        elif "unique" in name:
            combination = arguments.get("combination_of_columns") or arguments.get("columns")
            if combination:
                keys.setdefault(attached, tuple(combination))
    return keys


def _test(record: dict[str, Any], layers: dict[str, str]) -> TestNode:
    parents = tuple(record["depends_on"]["nodes"])
    attached = record.get("attached_node")
    if attached is None and parents:
        # A singular test belongs to the model that its meta names, else to the last that it reads.
        reference = (record["config"].get("meta") or {}).get("dagster", {}).get("ref", {})
        wanted = reference.get("name")
        last = min(parents, key=lambda parent: (-_depth(layers.get(parent)), parent))
        attached = next((p for p in parents if p.split(".")[-1] == wanted), last)
    english, chinese = descriptions(record)
    test = record.get("test_metadata") or {}
    return TestNode(
        unique_id=record["unique_id"],
        name=record["name"],
        severity=str(record["config"]["severity"]).lower(),
        column_name=record.get("column_name"),
        attached_to=attached,
        parents=parents,
        description_en=english,
        description_zh=chinese,
        kind=test.get("name", "singular"),
        arguments=test.get("kwargs", {}),
    )


def _depth(layer: str | None) -> int:
    order = ("landed", "rule", "staging", "canonical", "model", "intermediate", "core", "mart")
    return order.index(layer) if layer in order else -1


def descriptions(record: dict[str, Any]) -> tuple[str | None, str | None]:
    """English and Chinese description of a manifest record (node, column or test).

    Either `meta.description_en` and `meta.description_zh`, or one text whose paragraphs are English
    and Chinese, as in the project's docs blocks.
    """
    meta = {**(record.get("meta") or {}), **((record.get("config") or {}).get("meta") or {})}
    paragraphs = [part.strip() for part in re.split(r"\n\s*\n", record.get("description") or "")]
    chinese = [part for part in paragraphs if part and _CHINESE.search(part)]
    english = [part for part in paragraphs if part and not _CHINESE.search(part)]
    return (
        meta.get("description_en") or "\n\n".join(english) or None,
        meta.get("description_zh") or "\n\n".join(chinese) or None,
    )

"""Columns of the marts as their contracts state them."""

from __future__ import annotations

from pathlib import Path

import yaml

from dagster_project.mapping.rows import MappingError


def mart_columns(marts: Path) -> dict[str, dict[str, str]]:
    """Column → SQL type of each mart, as its contract in ``marts/**/*.yml`` states them.

    Raises:
        MappingError: a contract is no YAML; the message names the file and the place.
    """
    columns: dict[str, dict[str, str]] = {}
    for path in sorted(marts.rglob("*.yml")):
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        except yaml.YAMLError as error:
            raise MappingError(f"{path.name} is not valid YAML: {error}. Correct it.") from error
        for model in content.get("models", []):
            columns[model["name"]] = {
                column["name"]: column["data_type"]
                for column in model.get("columns", [])
                if "data_type" in column
            }
    return columns

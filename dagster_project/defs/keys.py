"""Names that several definitions share."""

from __future__ import annotations

import dagster as dg

OPERATIONS = "ops"
"""dbt source, and folder of the lake, of what the pipeline writes about itself."""

WAREHOUSE_POOL = "warehouse"
"""Steps that open the warehouse file: one at a time."""

PUBLISHED_VERSION = dg.AssetKey(["serving", "published_version"])


def landed_key(system: str, table: str) -> dg.AssetKey:
    """Key of a landed table: equal to dbt's source and table."""
    return dg.AssetKey([system, table])


def model_key(model: str) -> dg.AssetKey:
    """Key of a dbt model or seed: its name, which is unique in the project."""
    return dg.AssetKey([model])


def checked_key(table_name: str) -> dg.AssetKey:
    """Key of the table that a check result names: ``<system>.<table>`` or a model."""
    return dg.AssetKey(table_name.split(".", 1))

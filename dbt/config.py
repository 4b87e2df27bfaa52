"""SQLMesh's view of this dbt project. It works on a file of its own.

A production plan on dbt's file would replace its tables by views and break the next dbt build, so
database, state and cache live in <home>/sqlmesh. Run it by `make plan ENV=name`, which sets the
variables that are read here; they are the ones of dbt_project.yml.
"""

import os
from pathlib import Path

from sqlmesh.core.config import DuckDBConnectionConfig, ModelDefaultsConfig
from sqlmesh.dbt.loader import sqlmesh_config

project = Path(__file__).parent
home = Path(
    os.environ.get("SMH_HOME", project.parent / "workspace")  # noqa: TID251
).resolve()
folder = home / "sqlmesh"
folder.mkdir(parents=True, exist_ok=True)

config = sqlmesh_config(
    project,
    dbt_target_name="sqlmesh",
    state_connection=DuckDBConnectionConfig(database=str(folder / "state.duckdb")),
    model_defaults=ModelDefaultsConfig(dialect="duckdb", start="2020-01-01"),
    cache_dir=str(folder / "cache"),
    disable_anonymized_analytics=True,
)

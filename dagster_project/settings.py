"""The only reader of the environment.

Every other module receives a frozen :class:`Settings`. All paths are absolute, because DuckDB and
SQLMesh silently create a new, empty file for a relative path seen from another folder.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

REPO_ROOT = Path(__file__).resolve().parent.parent


class SettingsError(ValueError):
    """A setting has a value that cannot be used; the message names it and the remedy."""


def _absolute(value: object) -> Path:
    return Path(str(value)).expanduser().resolve()


AbsolutePath = Annotated[Path, BeforeValidator(_absolute)]


class Settings(BaseModel):
    """What differs between installations. Field ``x`` is read from ``SMH_X``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    home: AbsolutePath = Field(default=REPO_ROOT / "workspace", description="All data live here.")
    sources: AbsolutePath | None = Field(
        default=None, description="The sources file; by default <home>/sources.toml."
    )
    seeds: AbsolutePath = Field(default=REPO_ROOT / "seeds", description="Folder of rule tables.")
    as_of: date | None = Field(
        default=None,
        description="The day that counts as today, UTC. By default the sources file's `as_of`, "
        "else the day on which the run starts.",
    )
    dbt_target: Literal["duckdb", "ducklake", "spark"] = Field(
        default="duckdb", description="Engine: a target of dbt/profiles.yml."
    )
    keep_versions: int = Field(default=10, ge=2, description="Published versions to keep.")
    lease_minutes: int = Field(
        default=60, ge=1, description="A version read within this time is never pruned."
    )
    dagster_postgres_url: str | None = Field(
        default=None, description="PostgreSQL URL for Dagster's storage; by default SQLite."
    )
    worklist_url: str | None = Field(
        default=None,
        description="PostgreSQL URL for what people do on the worklists; by default SQLite.",
    )
    dashboard_host: str = "127.0.0.1"
    dashboard_port: int = Field(default=8501, ge=1, le=65535)
    language: Literal["en", "zh"] = Field(default="en", description="First language of the pages.")
    time_zone: str = Field(default="UTC", description="IANA zone in which the pages show times.")

    @property
    def sources_file(self) -> Path:
        return self.sources or self.home / "sources.toml"

    @property
    def raw(self) -> Path:
        """Landed Parquet: ``raw/<system>/<table>/*.parquet``; append-only."""
        return self.home / "lake" / "raw"

    @property
    def quarantine(self) -> Path:
        """Rejected rows with their reason: ``quarantine/<system>/<table>/*.parquet``."""
        return self.home / "lake" / "quarantine"

    @property
    def operations(self) -> Path:
        """What the pipeline writes about itself: ``ops/<table>/*.parquet``."""
        return self.home / "lake" / "raw" / "ops"

    @property
    def warehouse(self) -> Path:
        """The file that dbt, and only dbt, writes."""
        return self.home / "warehouse" / "warehouse.duckdb"

    @property
    def published(self) -> Path:
        return self.home / "published"

    @property
    def worklist_file(self) -> Path:
        """What people do on the worklists, where no PostgreSQL is set; append-only."""
        return self.home / "worklists" / "actions.sqlite"

    @property
    def dbt_project(self) -> Path:
        return REPO_ROOT / "dbt"

    @property
    def generated_models(self) -> Path:
        """Staging and canonical models that the rule rows are compiled to."""
        return self.home / "dbt" / "models"

    @property
    def generated_macros(self) -> Path:
        """Macros that the rule rows of the web log are compiled to."""
        return self.home / "dbt" / "macros"

    @property
    def dbt_artifacts(self) -> Path:
        """dbt's target folder: manifest, run results, compiled SQL.

        dbt writes the SQL of a model as many folders up from there as the model lies up from the
        project. The folder is deep enough for that not to lead out of `target`: from a project deep
        down to a home near the root it would lead to the generated model itself.
        """
        way = Path(os.path.relpath(self.generated_models, self.dbt_project))
        # dbt's own folders `compiled` and that of the project are two.
        deeper = max(0, way.parts.count(os.pardir) - 2)
        return self.home.joinpath("dbt", "target", *["deeper"] * deeper)

    @property
    def dagster_home(self) -> Path:
        return self.home / "dagster"

    @property
    def sqlmesh_home(self) -> Path:
        return self.home / "sqlmesh"

    def dbt_environment(self, as_of: date) -> dict[str, str]:
        """Environment variables that dbt/dbt_project.yml, profiles.yml and config.py read.

        dbt wants its folders relative to the project, hence names of their own for two of them.
        """
        return {
            "SMH_HOME": str(self.home),
            "SMH_DBT_SEEDS": os.path.relpath(self.seeds, self.dbt_project),
            "SMH_GENERATED_MODELS": os.path.relpath(self.generated_models, self.dbt_project),
            "SMH_GENERATED_MACROS": os.path.relpath(self.generated_macros, self.dbt_project),
            "SMH_WAREHOUSE": str(self.warehouse),
            "SMH_AS_OF": as_of.isoformat(),
            "DBT_TARGET_PATH": str(self.dbt_artifacts),
            "DBT_LOG_PATH": str(self.home / "dbt" / "logs"),
            "DBT_PROFILES_DIR": str(self.dbt_project),
            # Debug records of every statement cost a quarter of a build's time.
            "DBT_LOG_LEVEL_FILE": "info",
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        }


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read ``SMH_*`` variables.

    Raises:
        SettingsError: a variable has an unusable value.
    """
    environment = os.environ if environment is None else environment  # noqa: TID251
    values = {
        name: environment[f"SMH_{name.upper()}"]
        for name in Settings.model_fields
        if environment.get(f"SMH_{name.upper()}")
    }
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        problems = "; ".join(
            f"SMH_{str(problem['loc'][0]).upper()}: {problem['msg']} (got {problem['input']!r})"
            for problem in error.errors()
        )
        raise SettingsError(f"Environment: {problems}. Correct or unset it.") from error


def program(name: str) -> str:
    """A command of this virtual environment, also where its folder is not on the PATH."""
    return str(Path(sys.executable).with_name(name))


def process_environment() -> dict[str, str]:
    """A copy of this process's environment, to extend for a child process."""
    return dict(os.environ)  # noqa: TID251


def secret(variable: str) -> str | None:
    """Value of an environment variable that a sources file names, or None where it is unset."""
    return os.environ.get(variable)  # noqa: TID251


def utc_now() -> datetime:
    """The clock for receipts and run records. Models use ``as_of`` instead."""
    return datetime.now(UTC)


def export_dbt_environment(settings: Settings, as_of: date) -> None:
    """Hand the dbt project's variables to the processes that this one starts (dbt, SQLMesh)."""
    os.environ.update(settings.dbt_environment(as_of))  # noqa: TID251

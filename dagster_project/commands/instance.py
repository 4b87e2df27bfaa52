"""Dagster's own storage and limits, written from the settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import yaml

from dagster_project.event_log import PooledSqliteEventLogStorage
from dagster_project.settings import Settings


def prepare_dagster_home(settings: Settings) -> Path:
    """Write ``dagster.yaml``: one warehouse writer at a time; SQLite, or PostgreSQL by setting."""
    home = settings.dagster_home
    home.mkdir(parents=True, exist_ok=True)
    (home / "dagster.yaml").write_text(
        yaml.safe_dump(instance_configuration(settings), sort_keys=True), encoding="utf-8"
    )
    return home


def instance_configuration(settings: Settings) -> dict[str, Any]:
    configuration: dict[str, Any] = {
        "telemetry": {"enabled": False},
        # One run at a time in the daemon and one step at a time per pool: the warehouse file has
        # one writer, and a source is never loaded twice at once.
        "concurrency": {
            "pools": {"default_limit": 1, "granularity": "op"},
            "runs": {"max_concurrent_runs": 1},
        },
        # New log lines are to be on the page within a minute: a run must not wait for its start.
        "run_queue": {"dequeue_interval_seconds": 1},
        # A sensor that looks every few seconds finds nothing most of the time.
        "retention": {"sensor": {"purge_after_days": {"skipped": 1, "success": 30, "failure": 30}}},
        # Steps tell what they did in metadata; the terminal shows the command's own progress.
        "python_logs": {"python_log_level": "WARNING"},
        "run_monitoring": {"enabled": True},
    }
    if settings.dagster_postgres_url:
        # The URL stays in the environment; the file only names the variable.
        configuration["storage"] = {
            "postgres": {"postgres_url": {"env": "SMH_DAGSTER_POSTGRES_URL"}}
        }
    else:
        configuration["event_log_storage"] = {
            "module": PooledSqliteEventLogStorage.__module__,
            "class": PooledSqliteEventLogStorage.__name__,
            "config": {"base_dir": str(settings.dagster_home / "history" / "runs")},
        }
    return configuration


def open_instance(settings: Settings) -> dg.DagsterInstance:
    """Dagster's instance in ``<home>/dagster``."""
    return dg.DagsterInstance.from_config(str(prepare_dagster_home(settings)))

"""Checks web logs: `python -m dagster_project.connectors.access_log --check`."""

from dagster_project.connectors.check import main

raise SystemExit(main("access_log"))

"""Checks sources of kind "sql": `python -m dagster_project.connectors.sql_database --check`."""

from dagster_project.connectors.check import main

raise SystemExit(main("sql"))

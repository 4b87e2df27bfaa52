"""Checks sources of kind "tryton": `python -m dagster_project.connectors.tryton --check`."""

from dagster_project.connectors.check import main

raise SystemExit(main("tryton"))

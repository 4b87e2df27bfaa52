"""Checks sources of kind "files": `python -m dagster_project.connectors.files --check`."""

from dagster_project.connectors.check import main

raise SystemExit(main("files"))

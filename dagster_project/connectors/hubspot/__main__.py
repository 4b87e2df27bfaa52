"""``python -m dagster_project.connectors.hubspot --check``."""

from dagster_project.connectors.check import main

raise SystemExit(main("hubspot"))

"""``python -m dagster_project.connectors.rest_api --check``."""

from dagster_project.connectors.check import main

raise SystemExit(main("rest"))

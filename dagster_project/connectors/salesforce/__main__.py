"""``python -m dagster_project.connectors.salesforce --check``."""

from dagster_project.connectors.check import main

raise SystemExit(main("salesforce"))

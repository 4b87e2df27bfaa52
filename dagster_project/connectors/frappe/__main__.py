"""``python -m dagster_project.connectors.frappe --check``."""

from dagster_project.connectors.check import main

raise SystemExit(main("frappe"))

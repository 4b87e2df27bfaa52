"""``python -m dagster_project.connectors.frappe_crm --check``."""

from dagster_project.connectors.check import main

raise SystemExit(main("frappe_crm"))

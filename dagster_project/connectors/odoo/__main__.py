"""``python -m dagster_project.connectors.odoo --check``."""

from dagster_project.connectors.check import main

raise SystemExit(main("odoo"))

"""Checks sources of kind "odoo_database".

`python -m dagster_project.connectors.odoo_database --check`
"""

from dagster_project.connectors.check import main

raise SystemExit(main("odoo_database"))

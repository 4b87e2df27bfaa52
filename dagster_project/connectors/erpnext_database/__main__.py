"""Checks sources of kind "erpnext_database".

`python -m dagster_project.connectors.erpnext_database --check`
"""

from dagster_project.connectors.check import main

raise SystemExit(main("erpnext_database"))

"""``python -m dagster_project.connectors.sap_odata --check``."""

from dagster_project.connectors.check import main

raise SystemExit(main("sap_odata"))

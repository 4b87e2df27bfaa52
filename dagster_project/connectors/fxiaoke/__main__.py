"""``python -m dagster_project.connectors.fxiaoke --check``."""

from dagster_project.connectors.check import main

raise SystemExit(main("fxiaoke"))

"""``python -m dagster_project.connectors.wecom --check``."""

from dagster_project.connectors.check import main

raise SystemExit(main("wecom"))

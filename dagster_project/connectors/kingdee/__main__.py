"""``python -m dagster_project.connectors.kingdee --check``."""

from dagster_project.connectors.check import main

raise SystemExit(main("kingdee"))

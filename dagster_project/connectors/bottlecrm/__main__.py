"""``python -m dagster_project.connectors.bottlecrm --check``."""

from dagster_project.connectors.check import main

raise SystemExit(main("bottlecrm"))

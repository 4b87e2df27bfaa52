"""``python -m dagster_project.rule_tables``: check the rule tables; exit code 1 for problems."""

from __future__ import annotations

import sys

from dagster_project.rule_tables import RuleTableError, check_rule_tables
from dagster_project.settings import SettingsError, load_settings


def main() -> int:
    try:
        settings = load_settings()
        check_rule_tables(settings.seeds, settings.dbt_project / "models" / "marts")
    except (SettingsError, RuleTableError) as error:
        print(f"error: the rule tables cannot be used.\n{error}", file=sys.stderr)
        return 1
    print(f"The rule tables in {settings.seeds} are in order.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

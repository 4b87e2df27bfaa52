"""``python -m dagster_project.mapping``: check the rule tables and compile them."""

from __future__ import annotations

import sys

from dagster_project.connectors.sources_file import SourcesFileError
from dagster_project.mapping import MappingError, compile_mapping
from dagster_project.settings import SettingsError, load_settings


def main() -> int:
    try:
        settings = load_settings()
        report = compile_mapping(settings)
    except (SettingsError, SourcesFileError, MappingError) as error:
        print(f"error: the rule tables cannot be compiled.\n{error}", file=sys.stderr)
        return 1
    print(report.summary())
    print(f"Models: {settings.generated_models}. Next: dbt build.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

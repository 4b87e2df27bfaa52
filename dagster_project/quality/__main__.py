"""``python -m dagster_project.quality --layer landed|mart``: run the expectations and print them.

Nothing is written. Exit code 0: no check of severity error failed; 1: some did; 2: the checks could
not be run (the reason and the remedy are on standard error).
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence

from dagster_project.connectors.sources_file import SourcesFileError
from dagster_project.publishing import PublishingError
from dagster_project.quality import QualityError, gate, run_expectations
from dagster_project.settings import Settings, SettingsError, load_settings, utc_now
from expectations import DefinitionError


def main(arguments: Sequence[str] | None = None, settings: Settings | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m dagster_project.quality",
        description="Check landed tables or marts with the suites in expectations/suites.",
    )
    parser.add_argument("--layer", choices=("landed", "mart"), required=True)
    parser.add_argument("--table", action="append", help="only this table; may be repeated")
    options = parser.parse_args(arguments)
    try:
        settings = settings or load_settings()
        results = run_expectations(settings, options.layer, "", utc_now(), tables=options.table)
    except (
        DefinitionError,
        PublishingError,
        QualityError,
        SettingsError,
        SourcesFileError,
    ) as error:
        print(error, file=sys.stderr)
        return 2
    for result in results:
        if result.status != "passed":
            print(
                f"{result.status:<7} {result.severity:<5} {result.table_name}: "
                f"{result.description_en} / {result.description_zh}\n"
                f"        {result.check_id}: {result.detail}"
            )
    counts = Counter(result.status for result in results)
    print(
        f"{counts['passed']} passed, {counts['failed']} failed, {counts['not_run']} not run. "
        + (
            "Next: correct what failed with severity error, then `make run`."
            if not gate(results).is_open
            else "Nothing stops publishing."
        )
    )
    return 0 if gate(results).is_open else 1


if __name__ == "__main__":
    sys.exit(main())

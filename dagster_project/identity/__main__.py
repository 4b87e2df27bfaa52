"""``python -m dagster_project.identity train``: estimate the match weights with Splink."""

from __future__ import annotations

import argparse
import sys

from dagster_project.connectors.sources_file import SourcesFileError, as_of_date
from dagster_project.identity.comparisons import SUBJECTS
from dagster_project.identity.training import FILE_NAME, TrainingError, train, write_rows
from dagster_project.settings import SettingsError, load_settings, utc_now


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m dagster_project.identity", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    training = commands.add_parser("train", help="estimate the match weights of what was loaded")
    training.add_argument("--subject", choices=SUBJECTS, action="append", help="default: both")
    training.add_argument(
        "--recall", type=float, default=0.9, help="share of true pairs that exact keys find"
    )
    training.add_argument("--seed", type=int, default=1, help="of the random sample")
    training.add_argument(
        "--write", action="store_true", help="put the rows into the rule table itself"
    )
    options = parser.parse_args(arguments)
    try:
        settings = load_settings()
        report = train(
            settings.warehouse,
            settings.seeds,
            as_of_date(settings, utc_now()),
            options.subject or SUBJECTS,
            options.recall,
            options.seed,
        )
    except (SettingsError, SourcesFileError, TrainingError) as error:
        print(f"error: the match weights cannot be estimated.\n{error}", file=sys.stderr)
        return 1
    path = (settings.seeds if options.write else settings.home / "identity") / FILE_NAME
    write_rows(path, report.rows)
    print("\n".join(report.lines))
    print(f"Rows: {path}")
    if not options.write:
        print(
            f"To use them, look at the difference to {settings.seeds / FILE_NAME}, copy them there "
            "(or run again with --write) and build: dbt build"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())

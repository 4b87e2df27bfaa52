"""``python -m dagster_project.publishing list|status|rollback``.

Exit code 0: done; 1: not possible, with the reason and the remedy on standard error;
3 (``status`` only): the newest run is held back, or nothing has been published.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from dagster_project.publishing import (
    PublishingError,
    current_version,
    list_versions,
    publishing_status,
    rollback,
)
from dagster_project.settings import Settings, SettingsError, load_settings

NOT_PUBLISHED = 3
_TIME = "%Y-%m-%d %H:%M:%S UTC"


def main(arguments: Sequence[str] | None = None, settings: Settings | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m dagster_project.publishing", description="Published versions."
    )
    parser.add_argument(
        "command",
        choices=("list", "status", "rollback"),
        help="list: kept versions; status: what is shown and why; rollback: show the one before",
    )
    command = parser.parse_args(arguments).command
    try:
        settings = settings or load_settings()
        return {"list": _list, "status": _status, "rollback": _rollback}[command](settings)
    except (PublishingError, SettingsError) as error:
        print(error, file=sys.stderr)
        return 1


def _list(settings: Settings) -> int:
    versions = list_versions(settings)
    if not versions:
        print("Nothing has been published yet. Next: `make run`.")
        return 0
    for entry in versions:
        mark = "*" if entry.state == "current" else " "
        print(
            f"{mark} {entry.version_id}  {entry.state:<11}  as of {entry.as_of}  "
            f"{entry.tables} tables  {entry.rows:,} rows  run {entry.run_id}"
        )
    print("* is shown. Next: `make rollback` goes one back.")
    return 0


def _status(settings: Settings) -> int:
    status = publishing_status(settings)
    version = current_version(settings)
    if version is not None:
        checks = ", ".join(f"{count} {name}" for name, count in version.checks.items())
        print(
            f"Shown: {version.version_id}, published {version.published_at:{_TIME}}, "
            f"as of {version.as_of}; checks: {checks}."
        )
    if status is None:
        print("Nothing has been published yet. Next: `make run`.")
        return NOT_PUBLISHED
    if status.state == "published":
        print("The newest run is published. Next: `make dashboard`.")
        return 0
    for reason in status.reasons:
        place = f" in {reason.table}" if reason.table else ""
        print(f"- {reason.check_en}{place}: {reason.detail}")
    if status.state == "rolled_back":
        print("Next: correct what was wrong, then `make run` publishes a new version.")
        return 0
    print(
        f"Held back since {status.since:{_TIME}} (run {status.run_id}). "
        "Next: correct the data or the model named above, then `make run`."
    )
    return NOT_PUBLISHED


def _rollback(settings: Settings) -> int:
    left, shown = rollback(settings)
    print(
        f"Rolled back: {left} → {shown}; pages show it from their next load on. "
        "Next: correct what was wrong, then `make run` publishes a new version."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Command line: ``python -m dagster_project <command>``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import date

from dagster_project.settings import SettingsError, load_settings


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m dagster_project", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    demo = commands.add_parser("demo", help="demo company → pipeline → published version → page")
    demo.add_argument("--size", choices=["tiny", "small", "medium", "large"], default="small")
    demo.add_argument("--no-serve", action="store_true", help="end after publishing")
    run = commands.add_parser("run", help="run the whole pipeline on the sources file")
    run.add_argument("--job", default="refresh", help="a job of the Dagster project")
    run.add_argument(
        "--in-process",
        action="store_true",
        help="one process for all steps: cheaper where no source makes the others wait",
    )
    backfill = commands.add_parser("backfill", help="compute days of the web models again")
    backfill.add_argument("--from", dest="first", type=date.fromisoformat, required=True)
    backfill.add_argument("--to", dest="last", type=date.fromisoformat, required=True)
    commands.add_parser("prepare", help="compile the rule rows and parse the dbt project")
    commands.add_parser("dev", help="Dagster UI with schedules and sensors")
    commands.add_parser("dashboard", help="serve the last published version")
    plan = commands.add_parser("plan", help="what an edit changes, without touching the warehouse")
    plan.add_argument("--env", default="dev", help="name of the virtual environment")
    commands.add_parser("rollback", help="serve the version before the current one")
    commands.add_parser("doctor", help="check versions, paths, locks and stale files")
    options = parser.parse_args(arguments)

    try:
        settings = load_settings()
    except SettingsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2

    # Imported per command: none needs the others' libraries.
    if options.command == "demo":
        from dagster_project.commands.demo import demo as command

        return command(settings, size=options.size, serve=not options.no_serve)
    if options.command == "run":
        from dagster_project.commands.run import run as run_command

        return run_command(settings, job_name=options.job, in_process=options.in_process)
    if options.command == "backfill":
        from dagster_project.commands.backfill import backfill as backfill_command

        return backfill_command(settings, options.first, options.last)
    if options.command == "prepare":
        from dagster_project.commands.prepare import prepare_command

        return prepare_command(settings)
    if options.command == "dev":
        from dagster_project.commands.serve import serve_dagster

        return serve_dagster(settings)
    if options.command == "dashboard":
        from dagster_project.commands.serve import serve_dashboard

        return serve_dashboard(settings)
    if options.command == "plan":
        from dagster_project.commands.prepare import prepare_command
        from dagster_project.sqlmesh_plan import plan as plan_command

        return prepare_command(settings) or plan_command(settings, options.env)
    if options.command == "rollback":
        from dagster_project.publishing.__main__ import main as publishing

        return publishing(["rollback"])
    from dagster_project.commands.doctor import doctor

    return doctor(settings)


if __name__ == "__main__":
    sys.exit(main())

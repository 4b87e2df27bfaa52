"""Load sources from the command line: ``python -m dagster_project.connectors --help``."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

from dagster_project.connectors import commands, load_source
from dagster_project.connectors.check import check_all
from dagster_project.connectors.kinds import Window
from dagster_project.connectors.problems import SourceError
from dagster_project.connectors.receipts import Receipt
from dagster_project.connectors.sources_file import (
    Source,
    SourcesFile,
    SourcesFileError,
    load_sources,
)
from dagster_project.settings import Settings, SettingsError, load_settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say; 1 where a load failed or was held back, 2 for bad input."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logging.getLogger("dagster_project.connectors").setLevel(logging.INFO)
    try:
        settings = load_settings()
        sources = load_sources(settings)
        selected = _select(sources, options.system, getattr(options, "table", None))
    except (SettingsError, SourcesFileError, LookupError) as error:
        print(error.args[0] if isinstance(error, LookupError) else error, file=sys.stderr)
        return 2
    if options.check:
        return _check(settings, selected)
    if options.command:
        return _command(options, selected[0], settings)
    receipts: list[Receipt] = []
    for source in selected:
        receipts += load_source(
            source,
            settings,
            tables=[options.table] if options.table else None,
            accept_shrink=options.accept_shrink,
            full=options.full,
        )
    return _told(receipts, settings, dry_run=False)


def _told(receipts: Sequence[Receipt], settings: Settings, *, dry_run: bool) -> int:
    _print(receipts)
    bad = [receipt for receipt in receipts if not receipt.is_good]
    if bad:
        print(f"\n{len(bad)} of {len(receipts)} tables were not loaded; see the remedies above.")
        return 1
    if dry_run:
        print("\nDry run: nothing was landed. / 试运行：未入湖。")
        return 0
    print(f"\nAll {len(receipts)} tables are in {settings.raw}. Next: make run")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dagster_project.connectors",
        description="Load the sources of the sources file into the raw lake.",
    )
    parser.add_argument("--system", help="only this source")
    parser.add_argument("--table", help="only this table; needs --system")
    parser.add_argument(
        "--accept-shrink", action="store_true", help="land snapshots that have shrunk"
    )
    parser.add_argument("--full", action="store_true", help="read everything again")
    parser.add_argument(
        "--check", action="store_true", help="say whether every source can be read; load nothing"
    )
    parser.set_defaults(command=None)
    by_hand = parser.add_subparsers(
        title="by hand", metavar="", description="each with --dry-run, which changes nothing"
    )
    for name, text in (
        ("resync", "read one table whole and land what differs"),
        ("backfill", "read a span of the cursor again"),
        ("confirm", "land what was held back"),
        ("reset", "forget a source or a table; the next load starts from the beginning"),
    ):
        command = by_hand.add_parser(name, help=text, description=text)
        command.set_defaults(command=name)
        command.add_argument("--system", required=True, help="the source")
        command.add_argument("--dry-run", action="store_true", help="say what would be done")
        command.add_argument("--table", required=name == "resync", help="only this table")
        if name == "backfill":
            command.add_argument(
                "--from", dest="first", required=True, help="first cursor value: 2026-01-31"
            )
            command.add_argument(
                "--to", dest="last", required=True, help="the value to stop before"
            )
    return parser


def _command(options: argparse.Namespace, source: Source, settings: Settings) -> int:
    dry_run: bool = options.dry_run
    try:
        if options.command == "reset":
            return _reset(source, options.table, settings, dry_run=dry_run)
        if options.command == "resync":
            receipts = [commands.resync(source, options.table, settings, dry_run=dry_run)]
        elif options.command == "confirm":
            receipts = commands.confirm(source, options.table, settings, dry_run=dry_run)
        else:
            window = Window(options.first, options.last)
            tables = [options.table] if options.table else None
            receipts = commands.backfill(source, tables, window, settings, dry_run=dry_run)
    except SourceError as problem:
        for text in (problem.message.en, problem.message.zh):
            print(text, file=sys.stderr)
        print(f"→ {problem.remedy.en}\n→ {problem.remedy.zh}", file=sys.stderr)
        return 2
    return _told(receipts, settings, dry_run=dry_run)


def _reset(source: Source, table: str | None, settings: Settings, *, dry_run: bool) -> int:
    done = commands.reset(source, settings, table=table, dry_run=dry_run)
    for one in done.tables:
        print(
            f"{source.system}.{one.table}: rows {one.count_rows}, files {one.count_files}, "
            f"bytes {one.count_bytes}"
        )
    again = f"python -m dagster_project.connectors --system {source.system}"
    if dry_run:
        print(f"\nDry run: these would be moved to {done.folder}, and the cursors forgotten.")
        print(f"试运行：将移至 {done.folder}，并清除游标。")
    else:
        print(f"\nMoved to {done.folder}; remove that folder when the source is loaded again:")
        print(f"已移至 {done.folder}；重新加载后可删除该文件夹：")
        print(f"  {again}")
    return 0


def _select(sources: SourcesFile, system: str | None, table: str | None) -> list[Source]:
    if system is None:
        if table is not None:
            raise LookupError("--table needs --system")
        return list(sources.sources)
    try:
        source = sources.source(system)
    except KeyError as error:
        names = ", ".join(source.system for source in sources.sources)
        raise LookupError(
            f'No source "{system}" in the sources file; there are: {names}'
        ) from error
    if table is not None and table not in {t.name for t in source.tables}:
        names = ", ".join(t.name for t in source.tables)
        raise LookupError(f'Source {system} has no table "{table}"; there are: {names}')
    return [source]


def _check(settings: Settings, sources: Sequence[Source]) -> int:
    code = check_all(sources, sys.stdout)
    print(f"{settings.sources_file}: {len(sources)} sources")
    return code


def _print(receipts: Sequence[Receipt]) -> None:
    columns = ("table", "status", "received", "loaded", "rejected", "deleted", "up to")
    rows = [
        (
            f"{r.system}.{r.table_name}",
            r.status,
            str(r.rows_received),
            str(r.rows_loaded),
            str(r.rows_rejected),
            str(r.rows_deleted),
            r.newest_at.isoformat(sep=" ", timespec="seconds") if r.newest_at else "",
        )
        for r in receipts
    ]
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    for row in (columns, *rows):
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )
    for receipt in receipts:
        if receipt.message_en:
            print(f"\n{receipt.system}.{receipt.table_name}: {receipt.message_en}")
            print(f"  {receipt.message_zh}")
        if receipt.remedy_en:
            print(f"  → {receipt.remedy_en}\n  → {receipt.remedy_zh}")


if __name__ == "__main__":
    raise SystemExit(main())

"""Load sources from the command line: ``python -m dagster_project.connectors --help``."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

from dagster_project.connectors import load_source
from dagster_project.connectors.receipts import Receipt
from dagster_project.connectors.sources_file import (
    Source,
    SourcesFile,
    SourcesFileError,
    load_sources,
    missing_variables,
)
from dagster_project.settings import Settings, SettingsError, load_settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Load what the arguments select; 1 where a load failed or was held back, 2 for bad input."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logging.getLogger("dagster_project.connectors").setLevel(logging.INFO)
    try:
        settings = load_settings()
        sources = load_sources(settings)
        selected = _select(sources, options.system, options.table)
    except (SettingsError, SourcesFileError, LookupError) as error:
        print(error.args[0] if isinstance(error, LookupError) else error, file=sys.stderr)
        return 2
    if options.check:
        return _check(settings, sources)
    receipts: list[Receipt] = []
    for source in selected:
        receipts += load_source(
            source,
            settings,
            tables=[options.table] if options.table else None,
            accept_shrink=options.accept_shrink,
            full=options.full,
        )
    _print(receipts)
    bad = [receipt for receipt in receipts if not receipt.is_good]
    if bad:
        print(f"\n{len(bad)} of {len(receipts)} tables were not loaded; see the remedies above.")
        return 1
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
    parser.add_argument("--check", action="store_true", help="only check the sources file")
    return parser


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


def _check(settings: Settings, sources: SourcesFile) -> int:
    code = 0
    for source in sources.sources:
        print(f"{source.system}: {source.kind}, {len(source.tables)} tables, {source.schedule}")
        for key, variable in missing_variables(source):
            print(f"  {key}: the environment variable {variable} is not set; set it before loading")
            code = 1
    print(f"{settings.sources_file}: {len(sources.sources)} sources")
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

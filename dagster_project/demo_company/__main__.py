"""Command line: ``python -m dagster_project.demo_company --size small --home workspace``."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from dagster_project.settings import SettingsError, load_settings

from .advance import advance
from .build import DEFAULT_SEED, build
from .sizes import SIZES


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dagster_project.demo_company",
        description="Write the source systems of a demo company. / 生成演示公司的源系统。",
    )
    parser.add_argument("--size", choices=list(SIZES), default="small")
    parser.add_argument("--home", type=Path, help="folder to write to; default: SMH_HOME")
    parser.add_argument("--answer-key", type=Path, help="default: <home>/demo_answer_key.json")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED)
    parser.add_argument(
        "--second-load",
        action="store_true",
        help="move an existing demo company forward instead of making a new one",
    )
    parser.add_argument("--days", type=int, default=1, help="days to move forward (default 1)")
    return parser


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    started = time.perf_counter()

    def progress(text: str) -> None:
        print(f"  {time.perf_counter() - started:6.1f} s  {text}", flush=True)

    try:
        home = (options.home or load_settings().home).expanduser().resolve()
        if options.second_load:
            moved = advance(home, options.days, answer_key=options.answer_key)
            print(f"Moved {home / 'demo'} forward by {options.days} day(s) / 已前移:")
            for name, count in moved.changes.items():
                print(f"  {name}: {count:,}")
            print("Next: load the sources again. / 下一步：再次加载数据源。")
            return 0
        built = build(options.size, home, options.answer_key, options.seed, progress)
    except (ValueError, OSError, SettingsError) as error:
        print(f"Demo company: {error}", file=sys.stderr)
        return 1
    print(f"Wrote the demo company ({options.size}) to {built.folder} / 已生成演示公司:")
    for system, tables in built.rows.items():
        print(f"  {system}: " + ", ".join(f"{name} {rows:,}" for name, rows in tables.items()))
    print(f"  sources file / 数据源配置: {built.sources_file}")
    print(f"  answer key, for tests only / 答案（仅供测试）: {built.answer_key}")
    print(f"  took {time.perf_counter() - started:.1f} s")
    print("Next: run the pipeline, for example `make run`. / 下一步：运行流水线，例如 `make run`。")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Says whether what a source was given is enough to read it, and what is missing.

Every kind has ``check(source) -> list[Finding]``; the command prints its findings in English and
Chinese: ``python -m dagster_project.connectors.<name> --check``. It changes nothing and loads
nothing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TextIO

from dagster_project.connectors.problems import SourceError, Words, one_line
from dagster_project.connectors.secrets import masked, problems_of
from dagster_project.connectors.source_models import Source

Level = Literal["ok", "limited", "missing"]

LEVELS = {
    "ok": Words("ok", "正常"),
    "limited": Words("limited", "受限"),
    "missing": Words("missing", "缺少"),
}


@dataclass(frozen=True)
class Finding:
    """One thing that was checked.

    ``ok``: it is enough. ``limited``: loads work, but bring less than all. ``missing``: loads
    fail. ``remedy`` says what to do, None where there is nothing to do.
    """

    level: Level
    message: Words
    remedy: Words | None = None


def ok(en: str, zh: str) -> Finding:
    """A finding that asks for nothing."""
    return Finding("ok", Words(en, zh))


def limited(message: Words, remedy: Words) -> Finding:
    """Loads work, but bring less than all that is there."""
    return Finding("limited", message, remedy)


def missing(message: Words, remedy: Words) -> Finding:
    """Loads fail until this is remedied."""
    return Finding("missing", message, remedy)


def from_problem(problem: SourceError, level: Level = "missing") -> Finding:
    """The finding that a problem of a source amounts to."""
    return Finding(level, problem.message, problem.remedy)


def check_source(source: Source) -> list[Finding]:
    """Findings about ``source``: its secrets, then what its kind can tell. No secret is in them."""
    from dagster_project.connectors.kinds import kind_of

    absent = problems_of(source)
    if absent:
        return [_masked(from_problem(problem), source) for problem in absent]
    try:
        findings = list(kind_of(source).checks(source))
    except SourceError as problem:
        findings = [from_problem(problem)]
    except Exception as error:
        # Each kind has its own client; whatever it says must reach people, without a traceback.
        told = one_line(error)
        findings = [
            missing(
                Words(
                    f"{source.system}: it cannot be checked: {type(error).__name__}: {told}",
                    f"{source.system}：无法检查：{type(error).__name__}：{told}",
                ),
                Words(
                    "Check address and credentials in the sources file, and that the system runs.",
                    "请检查源文件中的地址和凭据，以及该系统是否在运行。",
                ),
            )
        ]
    if not findings:
        findings = [
            ok(
                f"The settings are valid: {len(source.tables)} tables.",
                f"配置有效：{len(source.tables)} 张表。",
            )
        ]
    return [_masked(finding, source) for finding in findings]


def exit_code(findings: Iterable[Finding]) -> int:
    """0: all is there; 1: loads bring less than all; 2: loads fail."""
    codes = {"ok": 0, "limited": 1, "missing": 2}
    return max((codes[finding.level] for finding in findings), default=0)


def show(source: Source, findings: Iterable[Finding], out: TextIO) -> None:
    """Print the findings of one source, each in English and then in Chinese."""
    print(f"{source.system} ({source.kind}, {len(source.tables)} tables)", file=out)
    for finding in findings:
        words = LEVELS[finding.level]
        for level, text in ((words.en, finding.message.en), (words.zh, finding.message.zh)):
            print(f"  {level}: {text}", file=out)
        if finding.remedy:
            print(f"    → {finding.remedy.en}\n    → {finding.remedy.zh}", file=out)


def main(kind: str, arguments: Sequence[str] | None = None) -> int:
    """The command of one kind: check its sources; 0, 1 or 2 as :func:`exit_code` says."""
    from dagster_project.connectors.kinds import KINDS
    from dagster_project.connectors.sources_file import SourcesFileError, load_sources
    from dagster_project.settings import SettingsError, load_settings

    folder = KINDS[kind].folder
    parser = argparse.ArgumentParser(
        prog=f"python -m dagster_project.connectors.{folder}",
        description=f'Check the sources of kind "{kind}" in the sources file. '
        "Load them with: python -m dagster_project.connectors --system NAME",
    )
    parser.add_argument("--check", action="store_true", required=True, help="say what is missing")
    parser.add_argument("--system", help="only this source")
    options = parser.parse_args(arguments)
    try:
        settings = load_settings()
        sources = [s for s in load_sources(settings).sources if s.kind == kind]
    except (SettingsError, SourcesFileError) as error:
        print(error, file=sys.stderr)
        return 2
    chosen = [s for s in sources if options.system in (None, s.system)]
    if not chosen:
        _nothing_to_check(kind, options.system, settings.sources_file, folder)
        return 2
    return check_all(chosen, sys.stdout)


def check_all(sources: Iterable[Source], out: TextIO) -> int:
    """Check and show each source; the worst of their exit codes."""
    code = 0
    for source in sources:
        findings = check_source(source)
        show(source, findings, out)
        code = max(code, exit_code(findings))
    return code


def _nothing_to_check(kind: str, system: str | None, file: Path, folder: str) -> None:
    named = f' named "{system}"' if system else ""
    named_zh = f"名为“{system}”的" if system else ""
    readme = f"dagster_project/connectors/{folder}/README.md"
    print(f'{file}: no source of kind "{kind}"{named}. {readme} shows one.', file=sys.stderr)
    print(f"{file}：没有{named_zh}“{kind}”类型的数据源。示例见 {readme}。", file=sys.stderr)


def _masked(finding: Finding, source: Source) -> Finding:
    def words(value: Words) -> Words:
        return Words(masked(value.en, source), masked(value.zh, source))

    return Finding(
        finding.level, words(finding.message), words(finding.remedy) if finding.remedy else None
    )

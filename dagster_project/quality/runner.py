"""Run the expectation suites on landed tables and on marts.

DuckDB measures every number over all rows, one scan per table, less what ``measured`` remembers of
rows that have stayed; Great Expectations judges the numbers. (It cannot read DuckDB through
SQLAlchemy, and frames of raw rows would not fit.) Importing it costs 7-10 seconds, so only
:func:`run_expectations` does, after the measuring.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import duckdb

from dagster_project.connectors.sources_file import as_of_date, load_sources
from dagster_project.publishing.dbt_artifacts import Project, read_project
from dagster_project.publishing.publisher import open_warehouse
from dagster_project.publishing.written_months import written_months
from dagster_project.quality.measured import Measured, MeasuredMonths
from dagster_project.quality.results import CheckResult
from dagster_project.settings import Settings
from expectations import Check, DefinitionError, Suite, load_suites
from expectations.definitions import Layer

CHECKER = "great_expectations"
EXAMPLES = 3
ZERO = {"min_value": 0, "max_value": 0}
_PLACEHOLDER = re.compile(r"\{([a-z_][a-z0-9_.]*(?::[a-z0-9_]+)?)\}")

_MISSING_COLUMN = re.compile(r'Referenced column "(.+?)" not found')


class QualityError(RuntimeError):
    """The checks could not be run; the message says why and what to do."""


class _NotAvailableError(Exception):
    """Something that a check reads is not there in this installation."""

    def __init__(self, english: str, chinese: str) -> None:
        super().__init__(english)
        self.english = english
        self.chinese = chinese


@dataclass(frozen=True)
class RegisteredCheck:
    """A check that belongs to a table of this installation, whether it can run or not."""

    layer: str
    check_id: str
    table_name: str
    column_name: str | None
    severity: str
    description_en: str
    description_zh: str


@dataclass(frozen=True)
class _Target:
    """A table with the checks of one suite that belong to it."""

    suite: Suite
    table_name: str
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass
class _Measured:
    """A check with what was measured; ``problem`` (English, Chinese) where nothing could be."""

    suite: Suite
    check: Check
    table_name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    value: float | int | None = None
    rows: int = 0
    examples: str = ""
    files: list[str] | None = None
    """Files that hold all rows that break the rule, where that is known."""
    problem: tuple[str, str] | None = None
    is_broken: bool = False


def registered_checks(settings: Settings, layer: Layer) -> list[RegisteredCheck]:
    """Checks of the layer for the tables of the sources file, or for the marts.

    Light: it reads the suites and the sources file only, so definitions may call it.

    Raises:
        DefinitionError, SourcesFileError: a file is not valid.
    """
    return [
        RegisteredCheck(
            layer=layer,
            check_id=target.suite.check_id(check),
            table_name=target.table_name,
            column_name=check.column,
            severity=check.severity,
            description_en=check.description.en,
            description_zh=check.description.zh,
        )
        for target in _targets(settings, layer, load_suites())
        for check in target.suite.checks
    ]


def not_run_results(
    settings: Settings, layer: Layer, run_id: str, now: datetime, reason_en: str, reason_zh: str
) -> list[CheckResult]:
    """Every registered check as ``not_run``: for a step that something before it has stopped."""
    return [
        CheckResult(
            run_id=run_id,
            checked_at=now,
            checker=CHECKER,
            layer=layer,
            check_id=check.check_id,
            table_name=check.table_name,
            column_name=check.column_name,
            severity=check.severity,
            status="not_run",
            count_failed=None,
            detail=reason_en,
            description_en=check.description_en,
            description_zh=check.description_zh,
            detail_zh=reason_zh,
        )
        for check in registered_checks(settings, layer)
    ]


def run_expectations(
    settings: Settings,
    layer: Layer,
    run_id: str,
    now: datetime,
    *,
    as_of: date | None = None,
    tables: Collection[str] | None = None,
    suites: Collection[Suite] | None = None,
    is_part: bool = False,
) -> list[CheckResult]:
    """Measure and judge.

    Args:
        layer: ``landed`` (before dbt) or ``mart`` (after dbt, before publishing; nobody may be
            writing the warehouse).
        now: UTC; becomes ``checked_at`` and the limit for timestamps that cannot be later.
        as_of: the day that counts as today; by default as in publishing.
        tables: check only these (``<system>.<table>`` or model names).
        suites: instead of the project's own.
        is_part: the run repeats a part of the checks. Of marts it then measures only the months
            that dbt has written since, where a number adds up by month.

    Returns:
        One result per check and table, also those that are ``not_run`` because the table is not
        there. A check that cannot be evaluated has failed.

    Raises:
        DefinitionError, SourcesFileError: a suite or the sources file is not valid.
        PublishingError: layer ``mart``, and dbt has not run.
    """
    chosen = load_suites() if suites is None else list(suites)
    targets = [
        target
        for target in _targets(settings, layer, chosen)
        if tables is None or target.table_name in tables
    ]
    as_of = as_of or as_of_date(settings, now)
    with _reader(settings, layer) as (connection, project):
        surroundings = _Surroundings(settings, connection, project, layer, now, as_of, is_part)
        measured = [result for target in targets for result in surroundings.measure(target)]
    verdicts = iter(_judge([result for result in measured if result.problem is None]))
    return [
        _result(result, run_id, now, layer, result.problem is None and next(verdicts))
        for result in measured
    ]


# Which tables ----------------------------------------------------------------------------------


def _targets(settings: Settings, layer: Layer, suites: Collection[Suite]) -> list[_Target]:
    suites = [suite for suite in suites if suite.layer == layer]
    if layer == "mart":
        return [_Target(suite, model) for suite in suites for model in suite.tables.models]
    targets = [
        _Target(suite, f"ops.{table}") for suite in suites for table in suite.tables.operations
    ]
    for source in load_sources(settings).sources:
        for table in source.tables:
            columns = [_quoted(column) for column in table.primary_key]
            values = {
                "system": _literal(source.system),
                "name": _literal(table.name),
                "key": f"({', '.join(columns)})",
                "key_is_null": f"({' or '.join(f'{column} is null' for column in columns)})",
            }
            targets += [
                _Target(suite, f"{source.system}.{table.name}", values)
                for suite in suites
                if not suite.tables.operations
                and (not suite.tables.kinds or source.kind in suite.tables.kinds)
                and (not suite.tables.loads or table.load in suite.tables.loads)
                and suite.tables.has_key in (None, bool(columns))
            ]
    return targets


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _parquet(paths: Collection[str]) -> str:
    return f"read_parquet([{', '.join(map(_literal, paths))}], union_by_name = true)"


# Measuring -------------------------------------------------------------------------------------


@contextmanager
def _reader(
    settings: Settings, layer: Layer
) -> Iterator[tuple[duckdb.DuckDBPyConnection, Project | None]]:
    if layer == "mart":
        project = read_project(settings)
        with open_warehouse(settings, project) as connection:
            yield connection, project
    else:
        with duckdb.connect(":memory:") as connection:
            connection.execute("set TimeZone = 'UTC'")
            connection.execute("set autoinstall_known_extensions = false")
            yield connection, None


class _Surroundings:
    """What the SQL of a check may refer to."""

    def __init__(
        self,
        settings: Settings,
        connection: duckdb.DuckDBPyConnection,
        project: Project | None,
        layer: Layer,
        now: datetime,
        as_of: date,
        is_part: bool,
    ) -> None:
        self.settings = settings
        self.connection = connection
        self.layer = layer
        self.as_of = as_of
        self.is_part = is_part
        self.marts = {node.name: node for node in (project.marts if project is not None else ())}
        self.models = {
            node.name: ".".join(_quoted(part) for part in node.relation)
            for node in (project.nodes.values() if project is not None else ())
            if node.kind != "source"
        }
        utc = now.astimezone(UTC).replace(tzinfo=None)
        self.values = {
            "now": f"timestamp '{utc.isoformat(sep=' ')}'",
            "as_of": f"date '{as_of.isoformat()}'",
        }

    def measure(self, target: _Target) -> list[_Measured]:
        """All checks of the target in one scan."""
        found = [_Measured(target.suite, check, target.table_name) for check in target.suite.checks]
        try:
            relation = self.relation(target.table_name)
        except _NotAvailableError as error:
            for result in found:
                result.problem = (error.english, error.chinese)
            return found
        ready: list[tuple[_Measured, str]] = []
        for result in found:
            try:
                sql = self.resolve(self.aggregate(result.check), target, relation)
                result.arguments = {
                    name: self.argument(value) for name, value in result.check.arguments.items()
                }
            except _NotAvailableError as error:
                result.problem = (error.english, error.chinese)
            else:
                ready.append((result, sql))
        if self.layer == "landed":
            rest = self.recall(ready, target)
        else:
            rest = self.recall_months(ready, target, relation)
        try:
            self.scan(rest, relation)
        except duckdb.Error:
            # One of them cannot be evaluated: find out which, and let the others count.
            for result, sql in rest:
                self.scan_alone(result, sql, relation)
        for result, _ in ready:
            if result.problem is None and result.check.failing is not None and result.value:
                place = relation if result.files is None else _parquet(result.files)
                result.examples = self.examples(result.check, target, place)
        return found

    def recall(
        self, ready: list[tuple[_Measured, str]], target: _Target
    ) -> list[tuple[_Measured, str]]:
        """Fill in what can be added up file by file; returns what needs the whole table."""
        system, dot, table = target.table_name.partition(".")
        additive = {
            self.resolve(str(result.check.failing), target, ""): result
            for result, _ in ready
            if result.check.failing is not None
            and set(_PLACEHOLDER.findall(result.check.failing)) <= target.values.keys()
        }
        if not dot or not target.values or not additive:
            return ready
        measured = Measured(self.settings, system, target.suite.suite, table)
        try:
            rows, found = measured.count(self.connection, list(additive))
        except duckdb.Error:  # the whole table tells which of them cannot be evaluated
            return ready
        for condition, result in additive.items():
            result.value, result.rows = sum(found[condition].values()), rows
            result.files = measured.paths(list(found[condition]))
        recalled = {id(result) for result in additive.values()}
        return [(result, sql) for result, sql in ready if id(result) not in recalled]

    def recall_months(
        self, ready: list[tuple[_Measured, str]], target: _Target, relation: str
    ) -> list[tuple[_Measured, str]]:
        """Fill in what can be added up by month; returns what needs the whole table.

        A whole run needs it for everything, and only remembers the months anew.
        """
        node = self.marts.get(target.table_name)
        written = None if node is None else written_months(self.connection, node)
        if written is None or not written.months:
            return ready
        additive = [
            (result, sql) for result, sql in ready if _adds_up(result.check, written.column)
        ]
        if not additive:
            return ready
        measured = MeasuredMonths(self.settings, target.suite.suite, target.table_name)
        try:
            found = measured.measure(
                self.connection,
                relation,
                written,
                sorted({sql for _, sql in additive}),
                anew=not self.is_part,
            )
        except duckdb.Error:  # the whole table tells which of them cannot be evaluated
            return ready
        if found is None or not self.is_part:
            return ready
        for result, sql in additive:
            result.value = found[sql]
            result.rows = sum(month.rows for month in written.months.values())
        recalled = {id(result) for result, _ in additive}
        return [(result, sql) for result, sql in ready if id(result) not in recalled]

    @staticmethod
    def aggregate(check: Check) -> str:
        if check.measure is not None:
            return check.measure
        return f"count(*) filter (where ({check.failing}))"

    def scan(self, ready: list[tuple[_Measured, str]], relation: str) -> None:
        if not ready:
            return
        columns = "".join(f", ({sql})" for _, sql in ready)
        (row,) = self.connection.execute(f"select count(*){columns} from {relation}").fetchall()
        for (result, _), value in zip(ready, row[1:], strict=True):
            result.value = _number(value)
            result.rows = row[0]

    def scan_alone(self, result: _Measured, sql: str, relation: str) -> None:
        try:
            self.scan([(result, sql)], relation)
        except duckdb.ParserException as error:
            raise DefinitionError(
                f"Suite {result.suite.suite}, check {result.check.check}: {error}. Correct its SQL "
                "in expectations/suites."
            ) from error
        except duckdb.Error as error:
            missing = _MISSING_COLUMN.search(str(error))
            if missing is not None:
                result.problem = (
                    f"The table has no column {missing.group(1)}.",
                    f"该表没有列 {missing.group(1)}。",
                )
                return
            line = str(error).splitlines()[0]
            result.problem = (f"Could not be evaluated: {line}", f"无法计算：{line}")
            result.is_broken = True

    def examples(self, check: Check, target: _Target, relation: str) -> str:
        condition = self.resolve(str(check.failing), target, relation)
        shown = self.resolve(", ".join(check.show), target, relation) if check.show else "1"
        try:
            cursor = self.connection.execute(
                f"select {shown} from {relation} where {condition} order by all limit {EXAMPLES}"
            )
        except duckdb.BinderException:  # a column to show is not in this table: no examples
            return ""
        if not check.show:
            return ""
        names = [column[0] for column in cursor.description or ()]
        return "; ".join(
            ", ".join(f"{name}={value}" for name, value in zip(names, row, strict=True))
            for row in cursor.fetchall()
        )

    def relation(self, table_name: str) -> str:
        """SQL for a landed table (``system.table``) or a model."""
        system, dot, table = table_name.partition(".")
        if dot:
            folder = self.settings.raw / system / table
            if not any(folder.glob("*.parquet")):
                raise _NotAvailableError(
                    f"Nothing has been landed for {table_name} yet.", f"{table_name} 尚未入湖。"
                )
            return _parquet([str(folder / "*.parquet")])
        if table_name not in self.models:
            raise _NotAvailableError(
                f"The dbt project has no model {table_name}.",
                f"dbt 项目中没有模型 {table_name}。",
            )
        relation = self.models[table_name]
        try:
            self.connection.execute(f"describe {relation}")
        except duckdb.CatalogException:
            raise _NotAvailableError(
                f"{table_name} has not been built in this installation.",
                f"本环境尚未构建 {table_name}。",
            ) from None
        return relation

    def resolve(self, sql: str, target: _Target, relation: str) -> str:
        def replace(match: re.Match[str]) -> str:
            name = match.group(1)
            if name == "table":
                return relation
            if name in target.values:
                return target.values[name]
            if name in self.values:
                return self.values[name]
            if name.startswith("threshold:"):
                return repr(self.threshold(name.removeprefix("threshold:")))
            return self.relation(name)

        return _PLACEHOLDER.sub(replace, sql)

    def argument(self, value: Any) -> Any:
        if isinstance(value, str) and (match := _PLACEHOLDER.fullmatch(value)):
            return self.threshold(match.group(1).removeprefix("threshold:"))
        return value

    def threshold(self, threshold_id: str) -> float:
        """Value of a rule row on the day ``as_of``."""
        path = self.settings.seeds / "thresholds.csv"
        try:
            with path.open(encoding="utf-8", newline="") as file:
                rows = [
                    row
                    for row in csv.DictReader(file)
                    if row["threshold_id"] == threshold_id
                    and date.fromisoformat(row["valid_from"]) <= self.as_of
                ]
        except FileNotFoundError:
            rows = []
        if not rows:
            raise _NotAvailableError(
                f"{path.name} has no row {threshold_id} valid on {self.as_of}; add one.",
                f"{path.name} 中没有在 {self.as_of} 有效的 {threshold_id}，请补充。",
            )
        return float(max(rows, key=lambda row: row["valid_from"])["value"])


def _adds_up(check: Check, day_column: str) -> bool:
    """Whether the check's measure of a table is the sum of those of its months."""
    if check.failing is None:
        return check.adds_up_by == day_column
    # What stands for a value of the day is text like any other; `now` never is the same twice.
    names = _PLACEHOLDER.findall(check.failing)
    return all(name == "as_of" or name.startswith("threshold:") for name in names)


def _number(value: Any) -> float | int | None:
    if value is None or isinstance(value, (int, float)):
        return value
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise QualityError(f"A measure must be a number, got {value!r}. Correct it in its suite.")


# Judging ---------------------------------------------------------------------------------------


def _judge(measured: list[_Measured]) -> list[bool]:
    """What Great Expectations says of each measure: whether the expectation is met.

    An unknown measure (NULL, for example a ratio without rows) is not against any expectation.
    """
    if not measured:
        return []
    import great_expectations as gx
    import pandas as pd
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    # Nothing is left on disk (by default a folder for a site of documents), sent or drawn.
    configuration = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        progress_bars=ProgressBarsConfig(globally=False),
        analytics_enabled=False,
    )
    context = gx.get_context(mode="ephemeral", project_config=configuration)
    definition = (
        context.data_sources.add_pandas("measures")
        .add_dataframe_asset("measures")
        .add_batch_definition_whole_dataframe("measures")
    )
    # One row per check and one validation for all with equal limits: each costs some 15 ms.
    groups: dict[tuple[str, str], list[int]] = {}
    for place, result in enumerate(measured):
        limits = json.dumps(result.arguments or ZERO, sort_keys=True)
        groups.setdefault((result.check.expectation, limits), []).append(place)
    is_met = [True] * len(measured)
    for (expectation, limits), places in groups.items():
        suite = gx.ExpectationSuite(name="measures")
        suite.add_expectation_configuration(
            ExpectationConfiguration(
                type=expectation, kwargs={"column": "measure", **json.loads(limits)}
            )
        )
        frame = pd.DataFrame({"measure": [measured[place].value for place in places]})
        batch = definition.get_batch({"dataframe": frame})
        (verdict,) = batch.validate(suite, result_format="COMPLETE").results
        rows = verdict.result.get("unexpected_index_list")
        if rows is None:  # it could not be evaluated; the reason is kept per metric
            names = {measured[place].suite.check_id(measured[place].check) for place in places}
            raise QualityError(
                f"{', '.join(sorted(names))}: {verdict.exception_info}. "
                "Correct `expectation` or `arguments` in expectations/suites."
            )
        for row in rows:
            is_met[places[row]] = False
    return is_met


def _result(result: _Measured, run_id: str, now: datetime, layer: str, is_met: bool) -> CheckResult:
    check = result.check
    count: int | None = None
    if result.problem is not None:
        status = "failed" if result.is_broken else "not_run"
        detail, detail_zh = result.problem
    else:
        status = "passed" if is_met else "failed"
        if check.failing is not None:
            count = int(result.value or 0)
            detail = f"{count:,} / {result.rows:,}"
        else:
            if check.counts_rows:
                count = int(result.value or 0)
            limits = ", ".join(f"{name} {value}" for name, value in result.arguments.items())
            detail = f"{result.value} ({limits})"
        if result.examples:
            detail += f" · {result.examples}"
        detail_zh = detail
    return CheckResult(
        run_id=run_id,
        checked_at=now,
        checker=CHECKER,
        layer=layer,
        check_id=result.suite.check_id(check),
        table_name=result.table_name,
        column_name=check.column,
        severity=check.severity,
        status=status,
        count_failed=count,
        detail=detail,
        description_en=check.description.en,
        description_zh=check.description.zh,
        detail_zh=detail_zh,
    )

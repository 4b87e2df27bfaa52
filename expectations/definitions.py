"""What a suite file may say, checked when it is read.

A suite names the tables it is about and lists checks. A check measures one number over **all** rows
of a table, in SQL, and states what Great Expectations expects of that number:

```yaml
suite: access_log
layer: landed
description: {en: Lines of web logs, zh: 网站日志}
tables: {kinds: [access_log]}
checks:
  - check: status_is_http
    failing: status not between 100 and 599      # rows that break the rule; NULL does not
    show: [_source_file, _source_row]            # columns that point to the first of them
    column: status
    severity: error
    description: {en: …, zh: …}
  - check: rows_add_up
    measure: count(*) - (select count(*) from {fct_lead})     # any aggregate or sub-select
    arguments: {min_value: 0, max_value: 0}      # of expect_column_values_to_be_between
    …
```

Braces in SQL: ``{table}`` this table; ``{key}`` its key columns, ``{key_is_null}`` whether one is
NULL (landed tables with a primary key); ``{now}`` and ``{as_of}``; ``{system}`` and ``{name}`` of a
landed table as text; ``{threshold:id}`` the value in ``seeds/thresholds.csv`` on the day; any other
name a dbt model or ``ops.<table>``.

``adds_up_by: period_date`` says that a ``measure`` of wrong rows, taken of the whole table, is the
sum of those taken of each day: of a key that holds the day, for example. A run of a part then
measures only the months that dbt has written since, and adds what it remembers of the others. What
is ``failing`` adds up anyway, unless it reads another table or ``{now}``.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic import model_validator as validator

SUITES = Path(__file__).resolve().parent / "suites"

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Text = Annotated[str, StringConstraints(min_length=3, strip_whitespace=True)]
Layer = Literal["landed", "mart"]


class DefinitionError(ValueError):
    """A suite file cannot be used; the message names file, key and remedy."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Description(_Record):
    """One sentence that is true when the check passes."""

    en: Text
    zh: Annotated[str, StringConstraints(min_length=2, strip_whitespace=True)]


class Tables(_Record):
    """Which tables: dbt models by name, or landed tables by what the sources file says of them.

    ``kinds`` of source (sql, files, access_log), ``loads`` (incremental, snapshot, append),
    ``has_key``: empty or None means any. ``operations``: tables the pipeline writes about itself.
    """

    models: tuple[Name, ...] = ()
    kinds: tuple[Literal["sql", "files", "access_log"], ...] = ()
    loads: tuple[Literal["incremental", "snapshot", "append"], ...] = ()
    has_key: bool | None = None
    operations: tuple[Name, ...] = ()


class Check(_Record):
    """One check; see the module's text.

    ``counts_rows`` says that ``measure`` is a number of wrong rows, to be shown as such.
    ``adds_up_by`` names the column by whose days such a number adds up; see the module's text.
    ``reason`` says why a failure only warns, or where an argument comes from.
    """

    check: Name
    severity: Literal["error", "warn"]
    description: Description
    column: str | None = None
    failing: Text | None = None
    measure: Text | None = None
    counts_rows: bool = False
    adds_up_by: Name | None = None
    expectation: Annotated[str, StringConstraints(pattern=r"^expect_column_values_[a-z_]+$")] = (
        "expect_column_values_to_be_between"
    )
    arguments: dict[str, Any] = Field(default_factory=dict)
    show: tuple[str, ...] = ()
    reason: Text | None = None

    @validator(mode="after")
    def _complete(self) -> Check:
        if (self.failing is None) == (self.measure is None):
            raise ValueError("give either `failing` (a condition on a row) or `measure`")
        if self.failing is not None and self.arguments:
            raise ValueError(
                "`failing` expects 0 rows and takes no `arguments`; use `measure` for other limits"
            )
        if self.measure is not None and not self.arguments:
            raise ValueError("`measure` needs `arguments`, for example {max_value: 0}")
        if self.adds_up_by is not None and (
            self.measure is None or not self.counts_rows or "{" in self.measure
        ):
            raise ValueError(
                "`adds_up_by` is for a `measure` with `counts_rows` that reads no other table"
            )
        if self.severity == "warn" and self.reason is None:
            raise ValueError("a warning needs a `reason` why it does not stop publishing")
        return self


class Suite(_Record):
    """Checks of one kind of table."""

    suite: Name
    layer: Layer
    description: Description
    tables: Tables
    checks: tuple[Check, ...] = Field(min_length=1)

    @validator(mode="after")
    def _consistent(self) -> Suite:
        repeated = [n for n, count in Counter(c.check for c in self.checks).items() if count > 1]
        if repeated:
            raise ValueError(f"checks must differ; rename one of: {', '.join(repeated)}")
        if (self.layer == "mart") != bool(self.tables.models):
            raise ValueError("`tables.models` belongs to suites of layer mart, and only there")
        return self

    def check_id(self, check: Check) -> str:
        """Unique among all suites; a Dagster check name."""
        return f"{self.suite}__{check.check}"


def load_suites(folder: Path = SUITES) -> list[Suite]:
    """All suites below ``folder``, by path.

    Raises:
        DefinitionError: a file is not YAML or a key is missing, unknown or wrong.
    """
    suites = []
    for path in sorted(folder.glob("*/*.yml")):
        try:
            suite = Suite.model_validate(yaml.load(path.read_text("utf-8"), yaml.CSafeLoader))
        except yaml.YAMLError as error:
            raise DefinitionError(f"{path}: not valid YAML: {error}. Correct the line.") from error
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(map(str, problem['loc'])) or 'suite'}: {problem['msg']}"
                for problem in error.errors()
            )
            raise DefinitionError(f"{path}: {problems}. Correct these keys.") from error
        suites.append(suite)
    repeated = [n for n, count in Counter(suite.suite for suite in suites).items() if count > 1]
    if repeated:
        raise DefinitionError(f"{folder}: two files name the suite {repeated[0]}; rename one.")
    return suites

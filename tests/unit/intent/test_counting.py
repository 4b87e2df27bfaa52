"""Counting in a moving window: the model's running sum against a slow and obvious reference."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator

import duckdb
import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagster_project.settings import REPO_ROOT

MODEL = REPO_ROOT / "dbt" / "models" / "intermediate" / "intent" / "int_intent__raised.sql"
MACROS = REPO_ROOT / "dbt" / "macros" / "portable.sql"
DAY = 86_400

Row = tuple[str, int, str]  # subject, second, unit
# Few moments, so that many evidences are exactly a window apart, or a second more.
SECONDS = st.builds(
    lambda days, rest: days * DAY + rest, st.integers(0, 4), st.sampled_from([0, 0, 1])
)
ROWS = st.lists(
    st.tuples(st.sampled_from(["a", "a", "b"]), SECONDS, st.sampled_from(["x", "y", "z"])),
    max_size=12,
)
WINDOWS = st.sampled_from([None, DAY, 2 * DAY])


class _Adapter:
    """Dispatches every macro to its default version, as dbt does for DuckDB."""

    def __init__(self, module: Callable[[], object]) -> None:
        self._module = module

    def dispatch(self, name: str, _package: str) -> Callable[..., str]:
        macro: Callable[..., str] = getattr(self._module(), f"default__{name}")
        return macro


def rendered(model: str) -> str:
    """The model's SQL for DuckDB, without a run of dbt."""
    environment = jinja2.Environment(extensions=["jinja2.ext.do"])
    template = environment.from_string(MACROS.read_text(encoding="utf-8"))
    modules: list[object] = []
    names = {
        "adapter": _Adapter(lambda: modules[0]),
        "return": lambda value: value,
        "config": lambda **_: "",
        "ref": lambda name: name,
    }
    module = template.make_module(names)
    modules.append(module)
    macros = {name: getattr(module, name) for name in dir(module) if not name.startswith("_")}
    return environment.from_string(model).render(**names, **macros)


@pytest.fixture(scope="module")
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(
            "create table int_intent__rules (signal_id text, signal_version bigint, "
            "valid_from date, min_count bigint, window_seconds bigint, cooldown_seconds bigint)"
        )
        connection.execute(
            "create table int_intent__evidence (signal_id text, signal_version bigint, "
            "subject_key text, unit_key text, evidence_id text, evidence_at timestamp, "
            "account_id text, contact_id text, visitor_id text, opportunity_id text, lead_id text)"
        )
        connection.execute(f"create view raised as {rendered(MODEL.read_text(encoding='utf-8'))}")
        yield connection


def reference(rows: list[Row], count: int, window: int | None) -> set[str]:
    """Raised where the count is reached and was not at the evidence before."""
    raised = set()
    subjects: dict[str, list[tuple[int, str, str]]] = defaultdict(list)
    for number, (subject, second, unit) in enumerate(rows):
        subjects[subject].append((second, f"e{number:02d}", unit))
    for evidence in subjects.values():
        evidence.sort()
        was_reached = False
        for second, name, _ in evidence:
            units = {
                unit
                for other, _, unit in evidence
                if other <= second and (window is None or second - other <= window)
            }
            is_reached = len(units) >= count
            if count == 1 or (is_reached and not was_reached):
                raised.add(name)
            was_reached = is_reached
    return raised


@settings(max_examples=100, deadline=None)
@given(rows=ROWS, count=st.integers(1, 3), window=WINDOWS)
def test_signals_are_raised_where_the_count_is_first_reached(
    warehouse: duckdb.DuckDBPyConnection, rows: list[Row], count: int, window: int | None
) -> None:
    warehouse.execute("truncate int_intent__rules")
    warehouse.execute("truncate int_intent__evidence")
    warehouse.execute(
        "insert into int_intent__rules values ('s', 1, date '2025-01-01', ?, ?, 0)",
        [count, window],
    )
    values = ", ".join(
        f"('s', 1, '{subject}', '{unit}', 'e{number:02d}', "
        f"timestamp '2026-01-01' + to_seconds({second}))"
        for number, (subject, second, unit) in enumerate(rows)
    )
    if rows:
        warehouse.execute(
            "insert into int_intent__evidence (signal_id, signal_version, subject_key, unit_key, "
            f"evidence_id, evidence_at) values {values}"
        )
    found = warehouse.execute("select evidence_id from raised").fetchall()
    assert sorted(name for (name,) in found) == sorted(reference(rows, count, window))

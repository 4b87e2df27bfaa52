"""A part's checks read only the months that a build has written since, and find what a measurement
of everything finds."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import duckdb
import pytest

from dagster_project.quality import CheckResult, run_expectations
from dagster_project.settings import REPO_ROOT, Settings
from expectations import Suite, load_suites
from tests.unit.publishing import sample_home
from tests.unit.quality.sample_quality_home import NOW

SESSIONS = "mart_web_session"
TODAY = NOW.date()
TABLES = (SESSIONS, "mart_web_visitor_day", "mart_web_day")
CREATED = {
    SESSIONS: "select null::varchar as session_id, null::varchar as visitor_id, null::date as "
    "period_date, null::timestamp as started_at, null::timestamp as ended_at, null::double as "
    "engaged_seconds, false as has_account, false as is_bot, false as is_staff limit 0",
    "mart_web_visitor_day": "select null::varchar as source_system, null::date as period_date, "
    "null::varchar as visitor_address, null::varchar as user_agent, null::timestamp as "
    "first_seen_at, null::timestamp as last_seen_at limit 0",
    "mart_web_day": "select null::varchar as source_system, null::date as period_date, 200 as "
    "status, 0 as count_requests, 0 as count_bytes limit 0",
    "fct_web_session": "select 1 limit 0",
    "fct_web_event": "select 1 limit 0",
}
SUITES = [suite for suite in load_suites() if set(suite.tables.models) & set(TABLES)]


class Home:
    """Marts whose months builds have written, beside a copy that remembers nothing."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(home=folder / "home", seeds=folder)
        self.copy = Settings(home=folder / "copy", seeds=folder)
        by_day = {"materialized": "replaced_days", "meta": {"day_column": "period_date"}}
        sample_home.write_manifest(
            self.settings,
            [
                *(sample_home.model(table, config=by_day) for table in TABLES),
                *(sample_home.model(table, "core") for table in CREATED if table not in TABLES),
            ],
        )
        sample_home.write_warehouse(self.settings, CREATED)
        self.count_builds = 0
        self.builds: dict[str, str] = {}
        self.build([])

    def build(self, months: list[str], *statements: str) -> None:
        """A build that writes these months, or with none of them all anew."""
        self.count_builds += 1
        name = f"b{self.count_builds}"
        self.builds = self.builds | dict.fromkeys(months, name) if months else {"other": name}
        self.by_hand(*statements)
        written = ",".join(f"{month}={build}" for month, build in self.builds.items())
        self.by_hand(*(f"comment on table {table} is 'v {written} c'" for table in TABLES))

    def by_hand(self, *statements: str) -> None:
        with duckdb.connect(str(self.settings.warehouse)) as connection:
            for statement in statements:
                connection.execute(statement)

    def part(self, as_of: date = TODAY, suites: list[Suite] = SUITES) -> list[CheckResult]:
        return run_expectations(
            self.settings, "mart", "run", NOW, as_of=as_of, suites=suites, is_part=True
        )

    def whole(self) -> list[CheckResult]:
        return run_expectations(self.settings, "mart", "run", NOW, as_of=TODAY, suites=SUITES)

    def everything(self, as_of: date = TODAY) -> list[CheckResult]:
        """What somebody finds who remembers nothing."""
        shutil.rmtree(self.copy.home, ignore_errors=True)
        shutil.copytree(self.settings.home, self.copy.home, ignore=lambda *_: ["lake"])
        return run_expectations(self.copy, "mart", "run", NOW, as_of=as_of, suites=SUITES)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def day(text: str | None, name: str, *, seconds: int = 60, copies: int = 1) -> list[str]:
    """Statements that add one visit on a day; with ``seconds`` below 0 a wrong one."""
    at = f"timestamp '{text or '2026-01-01'} 10:00'"
    ended = f"{at} + to_seconds({seconds})"
    of_day = f"'{text}'::date" if text else "null"
    return [
        f"insert into {SESSIONS} select '{name}', 'v', {of_day}, {at}, {ended}, {seconds}, false, "
        f"false, false from range({copies})",
        f"insert into mart_web_visitor_day select 'web', {of_day}, '{name}', 'agent', {at}, "
        f"{ended} from range({copies})",
        f"insert into mart_web_day select 'web', {of_day}, {len(name)}, {seconds}, 1 "
        f"from range({copies})",
    ]


def failed(results: list[CheckResult]) -> dict[str, int | None]:
    return {r.check_id: r.count_failed for r in results if r.status == "failed"}


def test_increments_with_wrong_rows_in_old_and_new_months(home: Home) -> None:
    def same(message: str) -> dict[str, int | None]:
        found = home.part()
        assert found == home.everything(), message
        return failed(found)

    uncounted = {"mart_web_session__rows_equal_core", "mart_web_day__requests_equal_core"}
    assert same("empty tables") == {}
    home.build([], *day("2026-04-03", "a"), *day("2026-05-03", "b"), *day("2026-06-03", "c"))
    assert same("built").keys() == uncounted
    home.build(["2026-06-01"], *day("2026-06-04", "d"))
    assert same("one more day").keys() == uncounted
    home.build(
        ["2026-06-01"], *day("2026-06-05", "e", copies=3), *day("2026-06-05", "f", seconds=-1)
    )
    wrong = same("wrong rows in the newest month")
    assert wrong["mart_web_session__key_unique"] == 2
    assert wrong["mart_web_visitor_day__seen_in_order"] == 1
    assert wrong["mart_web_day__counts_not_negative"] == 1
    home.build(["2026-04-01", "null"], *day("2026-04-04", "g", seconds=-5, copies=2))
    assert same("wrong rows in an old month")["mart_web_session__ends_after_its_start"] == 3
    home.build(["null"], *day(None, "h", seconds=-5))
    assert same("a wrong row without a day")["mart_web_session__ends_after_its_start"] == 4
    home.build(["2026-07-01"], *day("2026-07-01", "i"))
    wrong = same("wrong rows of before fail on")
    assert wrong["mart_web_session__ends_after_its_start"] == 4
    assert wrong["mart_web_session__key_unique"] == 3
    (result,) = [r for r in home.part() if r.check_id == "mart_web_session__ends_after_its_start"]
    assert result.detail.startswith("4 / 12 · session_id=f,")
    home.build(
        ["2026-04-01"], *(f"delete from {t} where period_date = '2026-04-04'" for t in TABLES)
    )
    assert same("an old month repaired")["mart_web_session__ends_after_its_start"] == 2
    early = f"update {SESSIONS} set ended_at = started_at - interval 1 second"
    home.build(["2026-04-01"], f"{early} where session_id = 'a'")
    assert same("as many rows as before")["mart_web_session__ends_after_its_start"] == 3
    home.by_hand(f"delete from {SESSIONS} where session_id = 'f'")
    assert same("a row removed by hand")["mart_web_session__ends_after_its_start"] == 2
    # Another day of reporting is another condition.
    yesterday = date(2026, 6, 30)
    assert home.part(yesterday) == home.everything(yesterday)
    assert "mart_web_day__not_after_as_of" in failed(home.part(yesterday))
    home.build([], *(f"delete from {table}" for table in TABLES))
    assert same("made anew without rows") == {}


@pytest.fixture
def spoiled(home: Home) -> Home:
    """A home whose old month somebody has changed since it was measured, row by row."""
    home.build([], *day("2026-04-03", "a"), *day("2026-06-03", "b"))
    home.part()
    home.by_hand(f"update {SESSIONS} set engaged_seconds = -1 where session_id = 'a'")
    return home


WRONG = "mart_web_session__engaged_within_its_time"


def test_months_that_no_build_has_written_are_not_read_until_a_whole_run(spoiled: Home) -> None:
    spoiled.build(["2026-06-01"], *day("2026-06-04", "c"))
    assert WRONG not in failed(spoiled.part())
    assert failed(spoiled.whole())[WRONG] == 1
    assert failed(spoiled.part())[WRONG] == 1


def test_another_engine_rule_or_record_measures_everything(
    spoiled: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    (suite,) = [suite for suite in SUITES if suite.suite == SESSIONS]
    (check,) = [check for check in suite.checks if check.check == "engaged_within_its_time"]
    other = check.model_copy(update={"failing": "engaged_seconds < -0.5"})
    changed = suite.model_copy(update={"checks": (other,)})
    assert failed(spoiled.part(suites=[changed])) == {WRONG: 1}
    # What was remembered for the rule as it was has gone with it.
    assert failed(spoiled.part())[WRONG] == 1
    spoiled.by_hand(f"update {SESSIONS} set engaged_seconds = 1")
    assert failed(spoiled.part())[WRONG] == 1
    with monkeypatch.context() as patch:
        patch.setattr(duckdb, "__version__", "another")
        assert WRONG not in failed(spoiled.part())
    for record in (spoiled.settings.home / "lake" / "measured").rglob("*.json"):
        record.write_text("{", encoding="utf-8")
    spoiled.by_hand(f"update {SESSIONS} set engaged_seconds = -1")
    assert failed(spoiled.part())[WRONG] == 2


def test_what_does_not_add_up_is_measured_over_everything(spoiled: Home) -> None:
    (suite,) = [suite for suite in SUITES if suite.suite == SESSIONS]
    unique = suite.checks[0].model_copy(update={"adds_up_by": None})
    whole = suite.model_copy(update={"checks": (unique,)})
    assert failed(spoiled.part(suites=[whole])) == {}
    spoiled.by_hand(f"update {SESSIONS} set session_id = 'b'")
    assert failed(spoiled.part(suites=[whole])) == {"mart_web_session__key_unique": 1}


def test_a_rule_that_cannot_be_evaluated_stops_no_other(home: Home) -> None:
    home.build([], *day("2026-04-03", "a", seconds=-1))
    home.by_hand(f"alter table {SESSIONS} drop column engaged_seconds")
    for _ in range(2):
        found = home.part()
        assert found == home.everything()
        assert {r.check_id for r in found if r.status == "not_run"} == {WRONG}
        assert failed(found)["mart_web_session__ends_after_its_start"] == 1


def test_a_number_that_may_be_unknown_is_left_to_the_whole_table(home: Home) -> None:
    home.build([], *day("2026-04-03", "a"), *day("2026-05-03", "b", seconds=-1))
    (suite,) = [suite for suite in SUITES if suite.suite == SESSIONS]
    measure = "sum(case when engaged_seconds < 0 then 1 end)"
    sometimes = suite.checks[0].model_copy(update={"measure": measure})
    found = home.part(suites=[suite.model_copy(update={"checks": (sometimes,)})])
    assert failed(found) == {"mart_web_session__key_unique": 1}


def test_what_adds_up_by_a_day_does_so_by_the_day_that_builds_replace() -> None:
    models = {path.stem: path for path in (REPO_ROOT / "dbt/models/marts").rglob("*.sql")}
    declared = {
        (model, check.adds_up_by)
        for suite in load_suites()
        for check in suite.checks
        if check.adds_up_by is not None
        for model in suite.tables.models
    }
    assert {model for model, _ in declared} >= {*TABLES, "mart_web_address_day", "mart_bot_day"}
    for model, column in declared:
        assert f"'day_column': '{column}'" in models[model].read_text(encoding="utf-8"), model

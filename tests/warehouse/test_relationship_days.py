"""Relationship indices day by day: what many builds replace is what one full build makes.

A small company of its own lives through random changes of everything that the indices rest on, some
of its builds break off, and after every build all tables are compared with those of a full one.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dagster_project.settings import Settings
from tests.benchmarks.relationship_indices import AS_OF, MODELS, write_tables

CUSTOMERS, TOUCHES, EDGES, DAYS = 30, 900, 60, 40
FIRST_AS_OF = AS_OF - timedelta(days=8)
COUNT_BUILDS = 6
# Builds that end early: by number, the models that they do not come to.
BROKEN_OFF = {
    1: ("int_relationship__kept_parts", "fct_relationship_index_day+"),
    2: ("fct_relationship_index_day+",),
    4: ("int_relationship__built_customers",),
}
# Builds after which little has changed, which many other changes would hide.
ALONE: dict[int, list[str]] = {
    4: [],
    5: ["an opportunity comes late", "an opportunity closes", "an opportunity is planned"] * 4,
}
INCREMENTS = (
    "fct_relationship_index_day",
    "int_relationship__customer_channels",
    "int_relationship__customer_records",
    "int_relationship__kept_parts",
    "int_relationship__open_lines",
)
# What tables say of the build that made a row is another after every build.
OF_THE_BUILD = {"written_in", "gone_in"}
COMPARED = {
    "core.fct_relationship_index_day": "relationship_index_day_id",
    "intermediate.int_relationship__touches": "touch_id",
    "intermediate.int_relationship__customer_channels": "customer_id || '|' || channel",
    "intermediate.int_relationship__customer_records": "source_object || '|' || source_id",
    "intermediate.int_relationship__kept_parts": "part_kind || '|' || part_key",
    "intermediate.int_relationship__open_lines": (
        "concat_ws('|', customer_id, coalesce(product_line, ''), first_date)"
    ),
}
# The day of the latest touch before the last build is another where there was none.
IGNORED = {"last_date_before"}


class Company:
    """A warehouse with what the indices are made from, and dbt parsed once."""

    def __init__(self, folder: Path) -> None:
        from dbt.cli.main import dbtRunner

        folder.mkdir(parents=True)
        self.settings = Settings(home=folder)
        write_tables(self.settings, CUSTOMERS, TOUCHES, EDGES, DAYS)
        parsed = dbtRunner().invoke(["--quiet", "parse", "--project-dir", self.project])
        assert parsed.success, parsed.exception
        self.runner = dbtRunner(manifest=parsed.result)
        self.dbt("seed")
        # Channels of this short history also fall silent.
        self.execute(
            "update rules.relationship_parameter set value = 9 "
            "where parameter_id = 'coverage_window_days'"
        )

    @property
    def project(self) -> str:
        return str(self.settings.dbt_project)

    def dbt(self, command: str, *arguments: str) -> None:
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager

        result = self.runner.invoke(["--quiet", command, "--project-dir", self.project, *arguments])
        # dbt keeps the file open for as long as the process lives.
        DuckDBConnectionManager.close_all_connections()
        assert result.success, result.exception or [
            f"{entry.node.name}: {entry.message}"
            for entry in result.result  # type: ignore[union-attr]
            if str(entry.status) not in {"success", "pass"}
        ]

    def build(self, as_of: date, *arguments: str, named_customers: int = 5000) -> None:
        variables = {"as_of": str(as_of), "relationship_named_customers": named_customers}
        self.dbt("run", "--vars", json.dumps(variables), *arguments, "--select", *MODELS)

    def execute(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.settings.warehouse)) as connection:
            return connection.execute(sql).fetchall()

    def tables(self) -> dict[str, dict[str, tuple[Any, ...]]]:
        """Table → key → columns; sums of fractions rounded, as the order of adding up decides."""
        found = {}
        with duckdb.connect(str(self.settings.warehouse), read_only=True) as connection:
            for table, key in COMPARED.items():
                described = connection.execute(f"describe {table}").fetchall()
                columns = [
                    f"round({name}, 9)" if kind == "DOUBLE" else name
                    for name, kind, *_ in described
                    if name not in OF_THE_BUILD | IGNORED
                ]
                alive = "where gone_in is null" if table.endswith("records") else ""
                found[table] = {
                    row[0]: row[1:]
                    for row in connection.execute(
                        f"select {key}, {', '.join(columns)} from {table} {alive}"
                    ).fetchall()
                }
        return found


Change = Callable[[random.Random, date], str]


def _account(chance: random.Random) -> str:
    return f"'a:{chance.randrange(CUSTOMERS * 5 // 4)}'"


def _customer(chance: random.Random) -> str:
    return f"'c:{chance.randrange(CUSTOMERS)}'"


def _contact(chance: random.Random) -> str:
    return f"'p:{chance.randrange(CUSTOMERS * 2)}'"


def _opportunity(chance: random.Random) -> str:
    return f"'o:{chance.randrange(CUSTOMERS * 2)}'"


def _some(chance: random.Random, table: str, key: str, share: int = 40) -> str:
    """Rows of a table by chance: about one of ``share``, another choice each time."""
    return f"{table} where hash({key} || '{chance.random()}') % {share} = 0"


CHANGES: dict[str, Change] = {
    "activities come late": lambda chance, day: (
        "insert into core.fct_activity by name select * replace ("
        f"activity_id || '|{chance.random()}' as activity_id, "
        f"timestamp '{day}' - to_days({chance.randrange(20)}) as occurred_at, "
        f"timestamp '{day}' - to_days({chance.randrange(10)}) as recorded_at) "
        f"from {_some(chance, 'core.fct_activity', 'activity_id', 300)}"
    ),
    "activities vanish": lambda chance, day: (
        f"delete from {_some(chance, 'core.fct_activity', 'activity_id', 200)}"
    ),
    "activities are edited": lambda chance, day: (
        f"update core.fct_activity set channel = 'visit', account_id = {_account(chance)}, "
        f"opportunity_id = {_opportunity(chance)} where hash(activity_id || '{chance.random()}') "
        "% 200 = 0"
    ),
    "texts are read otherwise": lambda chance, day: (
        "update intermediate.int_intent__keyword_matches set keyword_group = 'security' "
        f"where hash(text_id || '{chance.random()}') % 60 = 0"
    ),
    "an account moves": lambda chance, day: (
        f"update core.bridge_account_customer set customer_id = {_customer(chance)} "
        f"where account_id = {_account(chance)}"
    ),
    "an account is unknown": lambda chance, day: (
        f"delete from core.bridge_account_customer where account_id = {_account(chance)}"
    ),
    "a contact moves": lambda chance, day: (
        f"update core.bridge_contact_person set customer_id = {_customer(chance)} "
        f"where contact_id = {_contact(chance)}"
    ),
    "a contact has an address": lambda chance, day: (
        "update core.dim_contact set email = 'x', phone = null "
        f"where contact_id = {_contact(chance)}"
    ),
    "an opportunity is about something else": lambda chance, day: (
        f"update core.fct_opportunity set product_line = 'Cloud platform', "
        f"account_id = {_account(chance)} where opportunity_id = {_opportunity(chance)}"
    ),
    "an opportunity closes": lambda chance, day: (
        f"update core.fct_opportunity set closed_at = greatest(created_at, timestamp '{day}') "
        f"where opportunity_id = {_opportunity(chance)}"
    ),
    "an opportunity is gone": lambda chance, day: (
        f"delete from core.fct_opportunity where opportunity_id = {_opportunity(chance)}"
    ),
    "an opportunity is planned": lambda chance, day: (
        f"update core.fct_opportunity set created_at = timestamp '{day}' + to_hours(30), "
        f"closed_at = null where opportunity_id = {_opportunity(chance)}"
    ),
    "a visitor is named": lambda chance, day: (
        f"update intermediate.int_intent__visits set account_id = {_account(chance)}, "
        f"known_at = greatest(occurred_at, timestamp '{day}') "
        f"where hash(session_id || '{chance.random()}') % 60 = 0"
    ),
    "a session has another page": lambda chance, day: (
        "insert into intermediate.int_intent__visits by name select * replace ("
        "occurred_at + to_hours(5) as occurred_at, known_at + to_hours(5) as known_at, "
        "'pricing' as page_group) from "
        + _some(chance, "intermediate.int_intent__visits", "session_id", 60)
    ),
    "a content is about something else": lambda chance, day: (
        "update intermediate.int_canonical__contents set topic = 'cost', industry = 'retail' "
        f"where content_id = 'k:{chance.randrange(40)}'"
    ),
    "shares vanish": lambda chance, day: (
        "delete from "
        + _some(chance, "intermediate.int_canonical__content_shares", "content_share_id", 30)
    ),
    "an attendance is recorded": lambda chance, day: (
        "insert into intermediate.int_canonical__event_attendances by name select * replace ("
        f"event_attendance_id || '|{chance.random()}' as event_attendance_id, "
        f"timestamp '{day}' - to_days({chance.randrange(9)}) as attended_at) from "
        + _some(chance, "intermediate.int_canonical__event_attendances", "event_attendance_id", 4)
    ),
    "a post comes from another system": lambda chance, day: (
        "insert into intermediate.int_canonical__community_posts by name select * replace ("
        f"'{chance.random()}' as community_post_id, 'forum' as source_system, "
        f"{_account(chance)} as account_id, "
        f"timestamp '{day}' - to_days({chance.randrange(30)}) as posted_at) "
        "from intermediate.int_canonical__community_posts limit 1"
    ),
    "a customer is in another industry": lambda chance, day: (
        f"update core.dim_customer set industry = 'retail', segment = 'retail' "
        f"where customer_id = {_customer(chance)}"
    ),
    "a customer is gone": lambda chance, day: (
        f"delete from core.dim_customer where customer_id = {_customer(chance)}"
    ),
    "a customer is new": lambda chance, day: (
        f"insert into core.dim_customer by name select * replace ('c:new{chance.random()}' "
        f"as customer_id, timestamp '{day}' as created_at) from core.dim_customer limit 1; "
        "update core.bridge_account_customer set customer_id = "
        "(select max(customer_id) from core.dim_customer where customer_id like 'c:new%') "
        f"where account_id = {_account(chance)}"
    ),
    "an opportunity comes late": lambda chance, day: (
        "insert into core.fct_opportunity by name select * replace ("
        f"'o:{chance.random()}' as opportunity_id, timestamp '{day}' as created_at, "
        f"cast(null as timestamp) as closed_at, {_account(chance)} as account_id, "
        f"{_account(chance)} as referred_by_account_id) from core.fct_opportunity limit 1"
    ),
}


def rare_touch(name: str, day: date) -> str:
    """A touch where this customer is touched by nothing else."""
    return (
        "insert into core.fct_activity by name select * replace ("
        f"'{name}' as activity_id, 'a:3' as account_id, 'community' as channel, "
        f"timestamp '{day}' as occurred_at, timestamp '{day}' as recorded_at) "
        "from core.fct_activity limit 1"
    )


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("relationship") / "home"
        for name, value in Settings(home=folder).dbt_environment(AS_OF).items():
            patch.setenv(name, value)
        yield Company(folder)


def test_increments_make_what_one_build_makes(company: Company, tmp_path: Path) -> None:
    chance = random.Random(20260630)
    as_of = FIRST_AS_OF
    company.execute(
        "insert into core.fct_activity by name select * replace ('of nobody' as activity_id, "
        "'a:nobody' as account_id, null as contact_id, null as opportunity_id) "
        "from core.fct_activity order by occurred_at limit 1"
    )
    company.execute(rare_touch("long ago", as_of - timedelta(days=25)))
    company.build(as_of)
    for number in range(COUNT_BUILDS):
        names = ALONE.get(number, chance.sample(sorted(CHANGES), 7))
        for name in names:
            company.execute(CHANGES[name](chance, as_of))
        built = as_of
        as_of += timedelta(days=(1, 0, 2)[number % 3] if number else 0)
        if number in BROKEN_OFF:
            if as_of > built + timedelta(days=1):
                company.execute(rare_touch("seen by a build that breaks off", as_of))
            # What this build has seen is gone again when the next one makes up for it.
            saved = ("fct_activity", "dim_contact", "fct_opportunity", "bridge_account_customer")
            for table in saved:
                company.execute(f"create or replace table core.saved_{table} as from core.{table}")
            for name in (
                "activities vanish",
                "an account moves",
                "an opportunity is about something else",
            ):
                company.execute(CHANGES[name](chance, as_of))
            company.execute("update core.dim_contact set email = null")
            company.execute("insert into core.bridge_account_customer values ('a:nobody', 'c:1')")
            company.build(as_of, "--exclude", *BROKEN_OFF[number])
            for table in saved:
                company.execute(
                    f"delete from core.{table}; insert into core.{table} from core.saved_{table}"
                )
            if as_of > built + timedelta(days=1):
                company.execute(rare_touch("come since", as_of))
        company.build(as_of, named_customers=(0, 5000)[number % 2])
        assert all(is_increment(company, model) for model in INCREMENTS)
        found = company.tables()

        kept = tmp_path / "kept.duckdb"
        shutil.copy(company.settings.warehouse, kept)
        company.build(as_of, "--full-refresh")
        expected = company.tables()
        shutil.copy(kept, company.settings.warehouse)
        for table, rows in expected.items():
            others = found[table]
            wrong = {key for key in rows.keys() | others.keys() if rows.get(key) != others.get(key)}
            key = min(wrong, default="")
            assert not wrong, (
                f"build {number} of {as_of} after {names}: {len(wrong)} of {len(rows)} rows of "
                f"{table}, as {key}: {others.get(key)}, not {rows.get(key)}"
            )


def is_increment(company: Company, model: str) -> bool:
    """Whether the last build replaced some rows of a model instead of making it whole."""
    (made,) = (
        path for path in company.settings.dbt_artifacts.rglob(f"{model}.sql") if "run" in path.parts
    )
    return "create table" not in made.read_text(encoding="utf-8")

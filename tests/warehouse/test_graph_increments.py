"""The graph build by build: what many builds replace is what one full build makes.

Many small worlds stand side by side, so that each build finds some changed and some not; a world is
a few firms with people who share, meet, refer, supply and move. Nobody passes on to more than two,
so that firms often begin and cease to.
"""

from __future__ import annotations

import csv
import random
import shutil
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dagster_project.mapping import compile_mapping
from dagster_project.settings import REPO_ROOT, Settings

COUNT_WORLDS = 80
COUNT_CUSTOMERS = 7
FIRST_DAY = datetime.fromisoformat("2026-01-01")
AS_OF = date(2026, 4, 1)
DAYS = (0, 1, 4, 5, 6, 4, 4, 5, 8, 9, 10, 12)
"""Of each build, days since the first: most often one day later, or several, or earlier."""
RULE_DAYS = {date(2026, 2, 15): "0.4", AS_OF + timedelta(days=7): "0.3"}
"""First days on which less is handed on; the last comes in build 8."""
BROKEN_OFF = {3: "int_graph__edges", 6: "fct_influence_reach_day", 10: "int_graph__acts"}
"""Builds that first break off before this model."""
LEVELS = (None, "executive", "director", "manager", "practitioner")
INDUSTRIES = (None, "retail", "saas", "manufacturing")
# Table, columns with their types.
TABLES = {
    "core.dim_customer": "customer_id varchar, industry varchar",
    "core.bridge_account_customer": "account_id varchar, customer_id varchar",
    "core.bridge_contact_person": "contact_id varchar, person_id varchar, customer_id varchar",
    "core.dim_contact": "contact_id varchar, account_id varchar",
    "core.dim_person": "person_id varchar, decision_level varchar",
    "core.fct_opportunity": "opportunity_id varchar, account_id varchar, contact_id varchar, "
    "referred_by_account_id varchar, created_at timestamp, engaged_at timestamp, "
    "closed_at timestamp, first_loaded_at timestamp",
    "intermediate.int_canonical__content_shares": "content_share_id varchar, account_id varchar, "
    "contact_id varchar, to_contact_id varchar, shared_at timestamp, source_system varchar, "
    "content_id varchar",
    "intermediate.int_canonical__event_attendances": "event_attendance_id varchar, "
    "source_system varchar, event_name varchar, account_id varchar, contact_id varchar, "
    "attended_at timestamp",
    "intermediate.int_canonical__account_relationships": "account_relationship_id varchar, "
    "kind varchar, account_id varchar, other_account_id varchar, since timestamp, "
    "first_loaded_at timestamp",
    "intermediate.int_canonical__contact_job_changes": "contact_job_change_id varchar, "
    "contact_id varchar, from_account_id varchar, to_account_id varchar, changed_at timestamp",
}
# What else the days of shares are told together with: none of them are there.
EMPTY_TABLES = {
    "core.fct_activity": "activity_id varchar, source_system varchar, account_id varchar, "
    "contact_id varchar, opportunity_id varchar, lead_id varchar, rep_id varchar, "
    "channel varchar, direction varchar, occurred_at timestamp, recorded_at timestamp",
    "intermediate.int_canonical__community_posts": "community_post_id varchar, "
    "source_system varchar, account_id varchar, contact_id varchar, topic varchar, "
    "posted_at timestamp",
    "intermediate.int_canonical__contents": "content_id varchar, topic varchar, "
    "industry varchar, url_path varchar",
    "intermediate.int_intent__visits": "session_id varchar, source_system varchar, "
    "account_id varchar, contact_id varchar, occurred_at timestamp, session_date date, "
    "known_at timestamp, page_group varchar, url_path varchar",
}
# Of tables of acts the columns with the key and the time.
ACTS = {
    "core.fct_opportunity": ("opportunity_id", "created_at"),
    "intermediate.int_canonical__content_shares": ("content_share_id", "shared_at"),
    "intermediate.int_canonical__event_attendances": ("event_attendance_id", "attended_at"),
    "intermediate.int_canonical__account_relationships": ("account_relationship_id", "since"),
    "intermediate.int_canonical__contact_job_changes": ("contact_job_change_id", "changed_at"),
}
CHANGING = ("contact_id", "account_id", "_at", "since")
"""How the columns of acts end that a load may bring otherwise."""
MODELS = (
    "int_graph__rules",
    "int_graph__employments",
    "int_graph__edge_types",
    "int_graph__build",
    "int_graph__changed_customers",
    "int_graph__customers",
    "int_relationship__source_days",
    "int_graph__changed_parts",
    "int_graph__parts",
    "int_graph__found_acts",
    "int_graph__changed_acts",
    "int_graph__acts",
    "int_graph__found_attendances",
    "int_graph__changed_attendances",
    "int_graph__attendances",
    "int_graph__changed_pairs",
    "int_graph__found_edges",
    "int_graph__changed_edges",
    "int_graph__changed_ways",
    "int_graph__changed_sources",
    "int_graph__edges",
    "int_graph__paths",
    "int_graph__pairs",
    "fct_influence_edge",
    "fct_influence_reach_day",
    "int_graph__reach_numbers",
    "fct_customer_influence",
)
CUSTOMERS = "intermediate.int_graph__customers"
STATE = {
    "customers": f"select customer_id, industry from {CUSTOMERS}",
    "acts": f"""
        select sources.customer_id, targets.customer_id as joined_customer_id,
            acts.* exclude (from_customer_number, to_customer_number)
        from intermediate.int_graph__acts as acts
        left join {CUSTOMERS} as sources on acts.from_customer_number = sources.customer_number
        left join {CUSTOMERS} as targets on acts.to_customer_number = targets.customer_number""",
    "attendances": f"""
        select customers.customer_id as numbered_id, attendances.* exclude (customer_number)
        from intermediate.int_graph__attendances as attendances
        left join {CUSTOMERS} as customers using (customer_number)""",
    "edges": f"""
        select sources.customer_id, targets.customer_id as to_customer_id,
            edges.* exclude (from_customer_number, to_customer_number)
        from intermediate.int_graph__edges as edges
        left join {CUSTOMERS} as sources on edges.from_customer_number = sources.customer_number
        left join {CUSTOMERS} as targets on edges.to_customer_number = targets.customer_number""",
    "paths": f"""
        select sources.customer_id, targets.customer_id as target_id,
            firsts.customer_id as first_id, seconds.customer_id as second_id,
            paths.* exclude (source_customer_number, target_customer_number,
                over_1_customer_number, over_2_customer_number)
        from intermediate.int_graph__paths as paths
        left join {CUSTOMERS} as sources on paths.source_customer_number = sources.customer_number
        left join {CUSTOMERS} as targets on paths.target_customer_number = targets.customer_number
        left join {CUSTOMERS} as firsts on paths.over_1_customer_number = firsts.customer_number
        left join {CUSTOMERS} as seconds on paths.over_2_customer_number = seconds.customer_number
        """,
    "pairs": f"""
        select sources.customer_id, targets.customer_id as target_id,
            pairs.* exclude (source_customer_number, target_customer_number)
        from intermediate.int_graph__pairs as pairs
        left join {CUSTOMERS} as sources on pairs.source_customer_number = sources.customer_number
        left join {CUSTOMERS} as targets on pairs.target_customer_number = targets.customer_number
        """,
    "fct_influence_edge": "from core.fct_influence_edge",
    "fct_influence_reach_day": "from core.fct_influence_reach_day",
    "reach_numbers": "from intermediate.int_graph__reach_numbers",
    "fct_customer_influence": "from core.fct_customer_influence",
}

Row = dict[str, Any]


class World:
    """A few firms and what their people did."""

    def __init__(self, number: int, chance: random.Random) -> None:
        self.name = f"w{number}"
        self.chance = chance
        self.count = 0
        self.rows: dict[str, list[Row]] = {table: [] for table in TABLES}
        self.gone: list[Row] = []
        for _ in range(COUNT_CUSTOMERS):
            self.new_customer()
        for _ in range(12):
            self.new_act()
        for _ in range(6):
            self.act_again()

    def add(self, table: str, **values: Any) -> None:
        self.rows[table].append(values)

    def named(self, kind: str) -> str:
        self.count += 1
        return f"{self.name}:{kind}{self.count}"

    def one(self, table: str, column: str) -> Any:
        return self.chance.choice(self.rows[table])[column]

    def account(self) -> str:
        return self.one("core.bridge_account_customer", "account_id")

    def contact(self) -> str:
        return self.one("core.dim_contact", "contact_id")

    def at(self) -> datetime:
        """A time long ago as often as of these days, or not yet come."""
        days = self.chance.choice([self.chance.randrange(90), 85 + self.chance.randrange(20)])
        return FIRST_DAY + timedelta(days=days, hours=self.chance.randrange(24))

    def new_customer(self) -> None:
        customer, account = self.named("c"), self.named("a")
        contact, person = self.named("p"), self.named("q")
        self.add(
            "core.dim_customer",
            customer_id=customer,
            industry=self.chance.choice(INDUSTRIES),
        )
        self.add("core.bridge_account_customer", account_id=account, customer_id=customer)
        # Some only have a customer.
        workplace = self.chance.choice([None, account])
        self.add("core.dim_contact", contact_id=contact, account_id=workplace)
        self.add(
            "core.bridge_contact_person",
            contact_id=contact,
            person_id=person,
            customer_id=customer,
        )
        self.add("core.dim_person", person_id=person, decision_level=self.chance.choice(LEVELS))

    def act_again(self) -> None:
        """Another act of the same people, so that edges have several."""
        shares = ("intermediate.int_canonical__content_shares",) * 3
        table = self.chance.choice([table for table in (*ACTS, *shares) if self.rows[table]])
        act = self.chance.choice(self.rows[table])
        column, time = ACTS[table]
        again = act | {column: self.named("again"), time: self.at()}
        if table.endswith("shares") and self.chance.random() < 0.5:
            # To nobody that is known: it counts for whoever shared it all the same.
            again["to_contact_id"] = None
        self.add(table, **again)

    def new_act(self) -> None:
        kind = self.chance.choice(["referral", "referral", "share", "meeting", "supply", "move"])
        if kind == "referral":
            self.add(
                "core.fct_opportunity",
                opportunity_id=self.named("o"),
                account_id=self.account(),
                contact_id=self.chance.choice([None, self.contact()]),
                referred_by_account_id=self.account(),
                created_at=self.at(),
            )
        elif kind == "share":
            self.add(
                "intermediate.int_canonical__content_shares",
                content_share_id=self.named("s"),
                account_id=self.chance.choice([None, self.account()]),
                contact_id=self.chance.choice([None, self.contact(), self.contact()]),
                to_contact_id=self.chance.choice([None, self.contact(), self.contact()]),
                shared_at=self.at(),
            )
        elif kind == "meeting":
            event, at = self.named("e"), self.at()
            for _ in range(self.chance.choice([2, 3, 4])):
                self.add(
                    "intermediate.int_canonical__event_attendances",
                    event_attendance_id=self.named("v"),
                    source_system="s",
                    event_name=event,
                    account_id=self.chance.choice([None, self.account()]),
                    contact_id=self.contact(),
                    attended_at=at,
                )
        elif kind == "supply":
            self.add(
                "intermediate.int_canonical__account_relationships",
                account_relationship_id=self.named("r"),
                kind="supplier",
                account_id=self.account(),
                other_account_id=self.account(),
                since=self.at(),
            )
        else:
            self.add(
                "intermediate.int_canonical__contact_job_changes",
                contact_job_change_id=self.named("j"),
                contact_id=self.contact(),
                from_account_id=self.account(),
                to_account_id=self.account(),
                changed_at=self.at(),
            )

    def change(self) -> None:
        """One thing that a load may bring."""
        table = self.chance.choice([*TABLES, *("core.dim_customer",) * 3])
        rows = self.rows[table]
        if not rows or self.chance.random() < 0.2:
            self.new_act()
        elif self.chance.random() < 0.2:
            self.act_again()
        elif table == "core.dim_customer":
            customer = self.chance.choice(rows)
            what = self.chance.randrange(6)
            if what == 0:
                self.new_customer()
            elif what == 1 and len(rows) > 3:
                self.merge(customer["customer_id"], self.one(table, "customer_id"))
            elif what == 2:
                self.split(customer["customer_id"])
            elif what == 3 and len(rows) > 3:
                rows.remove(customer)
                self.gone.append(customer)
            elif what == 4 and self.gone:
                rows.append(self.gone.pop())
            else:
                customer["industry"] = self.chance.choice(INDUSTRIES)
        elif table == "core.bridge_account_customer":
            self.chance.choice(rows)["customer_id"] = self.one("core.dim_customer", "customer_id")
        elif table == "core.dim_contact":
            self.chance.choice(rows)["account_id"] = self.chance.choice([None, self.account()])
        elif table == "core.bridge_contact_person":
            contact = self.chance.choice(rows)
            contact["person_id"] = self.one("core.dim_person", "person_id")
            contact["customer_id"] = self.one("core.dim_customer", "customer_id")
        elif table == "core.dim_person":
            self.chance.choice(rows)["decision_level"] = self.chance.choice(LEVELS)
        elif self.chance.random() < 0.5:
            rows.remove(self.chance.choice(rows))
        else:
            act = self.chance.choice(rows)
            column = self.chance.choice([name for name in act if name.endswith(CHANGING)])
            if column.endswith("contact_id"):
                act[column] = self.contact()
            elif column.endswith("account_id"):
                act[column] = self.account()
            else:
                act[column] = self.at()

    def merge(self, gone: str, kept: str) -> None:
        if gone == kept:
            return
        for table in ("core.bridge_account_customer", "core.bridge_contact_person"):
            for row in self.rows[table]:
                if row["customer_id"] == gone:
                    row["customer_id"] = kept
        self.rows["core.dim_customer"] = [
            row for row in self.rows["core.dim_customer"] if row["customer_id"] != gone
        ]

    def split(self, customer: str) -> None:
        part = self.named("c")
        self.add("core.dim_customer", customer_id=part, industry=self.chance.choice(INDUSTRIES))
        account = self.chance.choice(self.rows["core.bridge_account_customer"])
        account["customer_id"] = part if account["customer_id"] == customer else customer


class Warehouse:
    """A home with nothing but what the graph reads, and dbt parsed once."""

    def __init__(self, folder: Path) -> None:
        from dbt.cli.main import dbtRunner

        home = folder / "home"
        home.mkdir(parents=True)
        (home / "sources.toml").write_text("source = []\n", encoding="utf-8")
        shutil.copytree(REPO_ROOT / "seeds", folder / "seeds")
        write_rules(folder / "seeds")
        self.settings = Settings(home=home, seeds=folder / "seeds")
        self.copy = folder / "copy.duckdb"
        compile_mapping(self.settings)
        self.settings.warehouse.parent.mkdir(parents=True)
        parsed = dbtRunner().invoke(["--quiet", "parse", "--project-dir", self.project])
        assert parsed.success, parsed.exception
        self.runner = dbtRunner(manifest=parsed.result)

    @property
    def project(self) -> str:
        return str(self.settings.dbt_project)

    def dbt(self, *arguments: str) -> None:
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager

        result = self.runner.invoke(
            [
                "--quiet",
                arguments[0],
                *("--no-write-json", "--project-dir", self.project),
                *arguments[1:],
            ]
        )
        # dbt keeps the file open for as long as the process lives.
        DuckDBConnectionManager.close_all_connections()
        assert result.success, result.exception or [
            f"{entry.node.name}: {entry.message}"
            for entry in result.result  # type: ignore[union-attr]
            if str(entry.status) not in {"success", "pass"}
        ]

    def build(self, as_of: date, *arguments: str, models: Sequence[str] = MODELS) -> None:
        self.dbt("run", "--vars", f"{{as_of: '{as_of}'}}", *arguments, "--select", *models)

    def write(self, worlds: Sequence[World]) -> None:
        with duckdb.connect(str(self.settings.warehouse)) as connection:
            connection.execute("create schema if not exists core")
            connection.execute("create schema if not exists intermediate")
            for table, columns in EMPTY_TABLES.items():
                connection.execute(f"create table if not exists {table} ({columns})")
            for table, columns in TABLES.items():
                names = [column.split()[0] for column in columns.split(", ")]
                rows = [
                    tuple(row.get(name) for name in names)
                    for world in worlds
                    for row in world.rows[table]
                ]
                connection.execute(f"create or replace table {table} ({columns})")
                marks = ", ".join("?" * len(names))
                connection.execute("begin")
                connection.executemany(f"insert into {table} values ({marks})", rows)
                connection.execute("commit")

    def state(self) -> dict[str, list[tuple[Any, ...]]]:
        with duckdb.connect(str(self.settings.warehouse), read_only=True) as connection:
            return {
                name: connection.execute(f"from ({sql}) order by all").fetchall()
                for name, sql in STATE.items()
            }

    def full_state(self, as_of: date) -> dict[str, list[tuple[Any, ...]]]:
        """What a full build makes of the same rows; the tables stay as they are."""
        shutil.copy(self.settings.warehouse, self.copy)
        self.build(as_of, "--full-refresh")
        state = self.state()
        shutil.move(self.copy, self.settings.warehouse)
        return state

    def made_anew(self) -> bool:
        with duckdb.connect(str(self.settings.warehouse), read_only=True) as connection:
            found = connection.execute("select is_anew from intermediate.int_graph__build")
            ((is_anew,),) = found.fetchall()
        return bool(is_anew)


def write_rules(seeds: Path) -> None:
    """The project's kinds of edges from fewer acts, and rules of handing on one after another."""
    changes = {"share": {"min_events": "2"}, "co_attendance": {"min_events": "2"}}
    file = seeds / "graph_edge_rule.csv"
    with file.open(encoding="utf-8", newline="") as text:
        rules = [row | changes.get(row["edge_type"], {}) for row in csv.DictReader(text)]
    steps_file = seeds / "graph_propagation.csv"
    with steps_file.open(encoding="utf-8", newline="") as text:
        steps = [row | {"max_pass_on_accounts": "2"} for row in csv.DictReader(text)]
    for version, (day, damping) in enumerate(RULE_DAYS.items(), start=2):
        later = {"version": str(version), "valid_from": str(day), "damping_ratio": damping}
        steps.append(steps[0] | later)
    for path, rows in ((file, rules), (steps_file, steps)):
        with path.open("w", encoding="utf-8", newline="") as text:
            writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("graph")
        home = Settings(home=folder / "home", seeds=folder / "seeds")
        for name, value in home.dbt_environment(AS_OF).items():
            patch.setenv(name, value)
        built = Warehouse(folder)
        built.dbt("seed", "--select", "graph_edge_rule", "graph_propagation")
        yield built


@pytest.mark.timeout(300)
def test_replaced_rows_are_those_of_a_full_build(warehouse: Warehouse) -> None:
    chance = random.Random(20260630)
    worlds = [World(number, chance) for number in range(COUNT_WORLDS)]
    anew = []
    for build, days in enumerate(DAYS):
        as_of = AS_OF + timedelta(days=days)
        if build:
            for world in chance.sample(worlds, COUNT_WORLDS // 2):
                world.change()
        warehouse.write(worlds)
        if build in BROKEN_OFF:
            models = MODELS[: MODELS.index(BROKEN_OFF[build])]
            warehouse.build(as_of, models=models)
            for world in chance.sample(worlds, 5):
                world.change()
            warehouse.write(worlds)
        warehouse.build(as_of)
        anew.append(warehouse.made_anew())
        found, expected = warehouse.state(), warehouse.full_state(as_of)
        for name, rows in expected.items():
            assert rows, f"{name} is empty: nothing is compared"
            assert found[name] == rows, f"{name} after build {build}"
    # The first, those after one that broke off, and the first under other rules.
    assert [build for build, is_anew in enumerate(anew) if is_anew] == sorted([0, 8, *BROKEN_OFF])

"""Relationship indices once more, slowly and obviously, from objects and rule rows."""

from __future__ import annotations

import csv
import math
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.settings import Settings, process_environment, program

MODELS = (
    "path:models/intermediate/relationship",
    "path:models/core/relationship",
)
FACTORS = ("frequency", "relevance", "coverage", "accounts", "industries", "levels")
Rules = Mapping[str, Sequence[Mapping[str, str]]]


@dataclass(frozen=True)
class Touch:
    """A touch of a customer: what it is about, when it happened, when it was known."""

    channel: str
    topic: str | None
    industry: str | None
    product_line: str | None
    occurred: date
    known: date


@dataclass(frozen=True)
class Deal:
    """Time in which an opportunity was open; ``closed`` is its last day."""

    product_line: str
    created: date
    closed: date | None


@dataclass
class Customer:
    """Everything that a customer's indices rest on."""

    industry: str | None
    segment: str | None
    has: set[str] = field(default_factory=set)
    touches: list[Touch] = field(default_factory=list)
    deals: list[Deal] = field(default_factory=list)
    reach: list[tuple[date, int, int | None, int | None]] = field(default_factory=list)


def rules_of(seeds: Path) -> Rules:
    """The rule rows as they stand in the files."""
    names = ("parameter", "channel", "topic")
    found = {}
    for name in names:
        with (seeds / f"relationship_{name}.csv").open(encoding="utf-8", newline="") as file:
            found[name] = list(csv.DictReader(file))
    return found


def parameter(rules: Rules, name: str, day: date, segment: str | None = None) -> float:
    """Value of a parameter on a day: the segment's own, else the default."""
    for wanted in (segment or "", ""):
        rows = [
            row
            for row in rules["parameter"]
            if row["parameter_id"] == name
            and row["segment"] == wanted
            and date.fromisoformat(row["valid_from"]) <= day
        ]
        if rows:
            return float(max(rows, key=lambda row: row["valid_from"])["value"])
    raise KeyError(name)


def customers_of(connection: duckdb.DuckDBPyConnection) -> dict[str, Customer]:
    """Customers with their touches, read object by object."""

    def rows(sql: str) -> list[tuple[Any, ...]]:
        return connection.execute(sql).fetchall()

    firms = dict(rows("select account_id, customer_id from core.bridge_account_customer"))
    people = dict(rows("select contact_id, customer_id from core.bridge_contact_person"))
    found = {
        customer: Customer(industry, segment)
        for customer, industry, segment in rows(
            "select customer_id, industry, segment from core.dim_customer"
        )
    }
    for contact, email, phone, chat in rows(
        "select contact_id, email, phone, external_chat_id from core.dim_contact"
    ):
        owner = found.get(people.get(contact) or "")
        if owner is not None:
            ways = {"email": email, "phone": phone, "external_chat_id": chat}
            owner.has |= {name for name, value in ways.items() if value is not None}

    def add(account: str | None, contact: str | None, touch: Touch) -> None:
        customer = firms.get(account or "") or people.get(contact or "")
        if customer is not None:
            found[customer].touches.append(touch)

    deals = {}
    for deal, account, line, created, closed in rows(
        "select opportunity_id, account_id, product_line, created_at, closed_at "
        "from core.fct_opportunity"
    ):
        deals[deal] = (account, line)
        if line is not None and created is not None and (closed is None or closed >= created):
            found[firms[account]].deals.append(
                Deal(line, created.date(), closed.date() if closed else None)
            )
    leads = {
        lead: (account, line)
        for lead, account, line in rows(
            "select lead_id, account_id, product_line from core.fct_lead"
        )
    }
    words: dict[str, str] = {}
    for activity, group in rows(
        "select texts.activity_id, keyword_group from intermediate.int_intent__keyword_matches "
        "join intermediate.int_canonical__activity_texts as texts on text_id = activity_text_id "
        "where text_object = 'activity_text'"
    ):
        words[activity] = min(group, words.get(activity, group))
    for activity, account, contact, deal, lead, channel, occurred, recorded in rows(
        "select activity_id, account_id, contact_id, opportunity_id, lead_id, channel, "
        "occurred_at, recorded_at from core.fct_activity where occurred_at is not null"
    ):
        of_deal, of_lead = deals.get(deal, (None, None)), leads.get(lead, (None, None))
        known = max(occurred, recorded or occurred)
        add(
            account or of_deal[0] or of_lead[0],
            contact,
            Touch(
                channel or "other",
                words.get(activity),
                None,
                of_deal[1] or of_lead[1],
                occurred.date(),
                known.date(),
            ),
        )

    contents = {
        content: (topic, industry, path)
        for content, topic, industry, path in rows(
            "select content_id, topic, industry, url_path from intermediate.int_canonical__contents"
        )
    }
    pages = {path: (topic, industry) for topic, industry, path in contents.values() if path}
    sessions: dict[str, list[tuple[Any, ...]]] = {}
    for row in rows(
        "select session_id, account_id, contact_id, occurred_at, known_at, url_path, page_group "
        "from intermediate.int_intent__visits"
    ):
        sessions.setdefault(row[0], []).append(row[1:])
    for views in sessions.values():
        counts: dict[str, int] = {}
        industries: dict[str, str | None] = {}
        for *_, path, group in views:
            topic, industry = pages.get(path, (group, None))
            if topic is not None:
                counts[topic] = counts.get(topic, 0) + 1
                industries[topic] = industry or industries.get(topic)
        best = min(counts, key=lambda name: (-counts[name], name), default=None)
        add(
            max((view[0] for view in views if view[0]), default=None),
            max((view[1] for view in views if view[1]), default=None),
            Touch(
                "web",
                best,
                industries.get(best) if best else None,
                None,
                min(view[2] for view in views).date(),
                min(view[3] for view in views).date(),
            ),
        )
    for account, contact, content, at in rows(
        "select account_id, contact_id, content_id, shared_at "
        "from intermediate.int_canonical__content_shares"
    ):
        topic, industry, _ = contents.get(content, (None, None, None))
        add(account, contact, Touch("share", topic, industry, None, at.date(), at.date()))
    for account, contact, topic, at in rows(
        "select account_id, contact_id, topic, posted_at "
        "from intermediate.int_canonical__community_posts"
    ):
        add(account, contact, Touch("community", topic, None, None, at.date(), at.date()))
    for account, contact, at in rows(
        "select account_id, contact_id, attended_at "
        "from intermediate.int_canonical__event_attendances"
    ):
        add(account, contact, Touch("event", None, None, None, at.date(), at.date()))

    for customer, at, accounts, industries_reached, levels in rows(
        "select customer_id, reach_date, count_accounts, count_industries, count_levels "
        "from core.fct_influence_reach_day where basis = 'as_defined' order by reach_date"
    ):
        found[customer].reach.append((at, accounts, industries_reached, levels))
    return found


def overlap(rules: Rules, customer: Customer, touch: Touch, day: date) -> float | None:
    """Mean of the comparisons of a touch that can be made; None where none can."""
    known: list[float] = []
    topics = [
        row
        for row in rules["topic"]
        if row["topic"] == touch.topic and date.fromisoformat(row["valid_from"]) <= day
    ]
    for industry in (customer.industry, ""):
        rows = [row for row in topics if row["industry"] == industry]
        if rows:
            known.append(float(max(rows, key=lambda row: row["valid_from"])["overlap_ratio"]))
            break
    if touch.industry is not None and customer.industry is not None:
        known.append(1.0 if touch.industry == customer.industry else 0.0)
    lines = {
        deal.product_line
        for deal in customer.deals
        if deal.created <= touch.known and (deal.closed is None or deal.closed >= touch.known)
    }
    if touch.product_line is not None and lines:
        known.append(1.0 if touch.product_line in lines else 0.0)
    return sum(known) / len(known) if known else None


def reference(
    rules: Rules, customer: Customer, day: date, delivered: set[str]
) -> dict[str, float | None]:
    """The six factors of a customer on a day.

    Args:
        delivered: channels of which some system had delivered a record by that day; none of them
            silent.
    """
    half_life = parameter(rules, "half_life_days", day)
    window = timedelta(days=parameter(rules, "coverage_window_days", day))
    tau = parameter(rules, "frequency_tau_touches", day, customer.segment)
    channels = {
        row["channel"]: row
        for row in sorted(rules["channel"], key=lambda row: row["valid_from"])
        if date.fromisoformat(row["valid_from"]) <= day
    }
    touches = [touch for touch in customer.touches if touch.known <= day]
    decayed = total = hits = 0.0
    for touch in touches:
        weight = float(channels[touch.channel]["weight"])
        weight *= 0.5 ** ((day - touch.occurred).days / half_life)
        decayed += weight
        share = overlap(rules, customer, touch, day)
        if share is not None:
            total += weight
            hits += weight * share
    available = {
        name
        for name, row in channels.items()
        if row["is_covered"] == "true"
        and name in delivered
        and (row["needs_field"] in {"", *customer.has} or any(t.channel == name for t in touches))
    }
    active = {touch.channel for touch in touches if touch.occurred > day - window} & available
    reached = [row[1:] for row in customer.reach if row[0] <= day] or [(0, 0, 0)]

    def saturated(name: str, count: int | None) -> float | None:
        return (
            None
            if count is None
            else 1 - math.exp(-count / parameter(rules, f"breadth_tau_{name}", day))
        )

    return {
        "frequency": 1 - math.exp(-decayed / tau) if available else None,
        "relevance": hits / total if total else None,
        "coverage": len(active) / len(available) if available else None,
        "accounts": saturated("accounts", reached[-1][0]),
        "industries": saturated("industries", reached[-1][1]),
        "levels": saturated("levels", reached[-1][2]),
    }


def differences(warehouse: Path, seeds: Path, days: Sequence[date]) -> tuple[int, list[str]]:
    """Rows compared, and those whose factors are not the reference's to the fourth digit."""
    rules = rules_of(seeds)
    wrong = []
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        customers = customers_of(connection)
        first_seen: dict[str, date] = {}
        for customer in customers.values():
            for touch in customer.touches:
                seen = first_seen.get(touch.channel, touch.known)
                first_seen[touch.channel] = min(seen, touch.known)
        rows = connection.execute(
            "select customer_id, index_date, "
            + ", ".join(f"{name}_ratio" for name in FACTORS)
            + ", depth_points, breadth_points from core.fct_relationship_index_day "
            "where basis = 'as_defined' and list_contains($1, index_date)",
            [list(days)],
        ).fetchall()
    for customer_id, day, *values in rows:
        delivered = {name for name, at in first_seen.items() if at <= day}
        wanted = reference(rules, customers[customer_id], day, delivered)
        for name, value in zip(FACTORS, values, strict=False):
            expected = wanted[name]
            if (value is None) != (expected is None) or (
                value is not None
                and expected is not None
                and abs(float(value) - expected) > 0.000051
            ):
                wrong.append(f"{customer_id} {day} {name}: {value}, not {expected}")
        for product, factors in ((values[6], values[:3]), (values[7], values[3:6])):
            known = all(factor is not None for factor in factors)
            if product != (100 * factors[0] * factors[1] * factors[2] if known else None):
                wrong.append(f"{customer_id} {day}: {product} is no product of {factors}")
    return len(rows), wrong


@dataclass(frozen=True)
class Rebuilt:
    """A copy of a warehouse in which the indices are built again."""

    settings: Settings
    folder: Path
    warehouse: Path

    def build(self, as_of: date, *arguments: str) -> None:
        """Build the relationship models as of a day, with further arguments of ``dbt run``."""
        self.dbt(as_of, "run", *arguments, "--select", *MODELS)

    def has_made_all_days(self, model: str = "fct_relationship_index_day") -> bool:
        """Whether the last build made all days anew, instead of those that had changed."""
        (made,) = (path for path in self.folder.rglob(f"{model}.sql") if "run" in path.parts)
        return "create table" in made.read_text(encoding="utf-8")

    def seed(self, as_of: date) -> None:
        """Load the rule rows once more."""
        tables = sorted(path.stem for path in self.settings.seeds.glob("relationship_*.csv"))
        self.dbt(as_of, "seed", "--select", *tables)

    def dbt(self, as_of: date, *arguments: str) -> None:
        """Run a command of dbt on the copy, as of a day."""
        result = subprocess.run(
            [program("dbt"), *arguments, "--project-dir", str(self.settings.dbt_project)],
            env={
                **process_environment(),
                **self.settings.dbt_environment(as_of),
                "SMH_WAREHOUSE": str(self.warehouse),
                "DBT_TARGET_PATH": str(self.folder / "target"),
                "DBT_LOG_PATH": str(self.folder / "logs"),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr

    def execute(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.warehouse)) as connection:
            return connection.execute(sql).fetchall()

    def indices(self) -> dict[tuple[Any, ...], tuple[Any, ...]]:
        """Customer, day, basis → factors, indices and unknown factors."""
        return {
            row[:4]: row[4:]
            for row in self.execute(
                "select customer_id, index_date, basis, definition_version, "
                + ", ".join(f"{name}_ratio" for name in FACTORS)
                + ", depth_unknown_factor, breadth_unknown_factor, quadrant, "
                "count_channels_active, count_channels_available, count_channels_silent, "
                "round(touch_points, 9), round(topic_points, 9), round(overlap_points, 9) "
                "from core.fct_relationship_index_day"
            )
        }


@contextmanager
def rebuilt(settings: Settings, folder: Path, seeds: Path | None = None) -> Iterator[Rebuilt]:
    """A copy of the warehouse to build in; with other rule rows where ``seeds`` says so."""
    folder.mkdir(parents=True, exist_ok=True)
    # Views name their database, which is called like its file.
    warehouse = folder / settings.warehouse.name
    shutil.copy(settings.warehouse, warehouse)
    changed = Settings(home=settings.home, seeds=seeds) if seeds else settings
    try:
        yield Rebuilt(changed, folder, warehouse)
    finally:
        warehouse.unlink(missing_ok=True)


def changed_data(customers: Sequence[str]) -> tuple[str, ...]:
    """Statements that change days of the past: firms become one, a touch vanishes, one comes late.

    Args:
        customers: three customers; the first takes in the second, the third has touches.
    """
    kept, merged, other = customers
    return (
        f"update core.bridge_account_customer set customer_id = '{kept}' "
        f"where customer_id = '{merged}'",
        f"update core.bridge_contact_person set customer_id = '{kept}' "
        f"where customer_id = '{merged}'",
        f"delete from core.dim_customer where customer_id = '{merged}'",
        "insert into core.fct_activity by name select * replace ('late:1' as activity_id, "
        "occurred_at - interval 90 day as occurred_at, "
        "occurred_at - interval 88 day as recorded_at) from core.fct_activity "
        f"where account_id = '{other}' and occurred_at = (select max(occurred_at) "
        f"from core.fct_activity where account_id = '{other}')",
        "delete from core.fct_activity where activity_id = (select min(activity_id) "
        f"from core.fct_activity where account_id = '{other}')",
    )

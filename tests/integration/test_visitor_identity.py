"""Who a web visitor is, by hand-made cases: one dbt build of the identity models alone.

The tables they read are written here, so that each case shows all there is to know about it.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pytest

from dagster_project.mapping import compile_mapping
from dagster_project.settings import REPO_ROOT, Settings
from tests.integration.pipeline_run import dbt

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

MODELS = (
    "int_rules__thresholds",
    "path:models/intermediate/identity",
    "path:models/core/identity",
    "path:models/marts/identity",
)
SEEDS = (
    "thresholds",
    "visitor_link_rule",
    "account_address_range",
    "account_web_domain",
    "visitor_link_override",
)
MANUAL = "manual_decision"


@dataclass(frozen=True)
class View:
    """One page view; days count from 2026-01-01."""

    day: int = 0
    address: str = "192.0.2.1"
    login: str | None = None
    click_id: str | None = None
    email: str | None = None
    contact_key: str | None = None
    lead_key: str | None = None
    is_bot: bool = False
    is_staff: bool = False


@dataclass(frozen=True)
class Case:
    """A visitor's views and what must become of the visitor."""

    views: Sequence[View]
    level: str = "anonymous"
    contact: str | None = None
    account: str | None = None
    confidence: float | None = None
    rule: str | None = None
    links: Sequence[tuple[str, str]] = ()
    """(rule, status) of each piece of evidence."""
    reviews: Sequence[str] = ()
    visitor_key: str | None = None
    overrides: Sequence[tuple[str, str | None, str | None]] = field(default=())
    """(action, contact, account), in the order in which they were decided."""


ACCOUNTS = {
    # account → (source system, web domain)
    "crm:A": ("crm", "https://www.alpha.example"),
    "crm:B": ("crm", "beta.example"),
    "crm:C": ("crm", None),
    "crm:D": ("crm", "qq.com"),
    "crm:E1": ("crm", "echo.example"),
    "crm:E2": ("crm", "echo.example"),
    "erp:9": ("erp", "alpha.example"),
}
CONTACTS = {
    # contact → (account, e-mail)
    "crm:a1": ("crm:A", "ann@alpha.example"),
    "crm:a2": ("crm:A", "Al@alpha.example"),
    "crm:b1": ("crm:B", "bo@qq.com"),
    "crm:e1": ("crm:E1", "shared@echo.example"),
    "crm:e2": ("crm:E2", "shared@echo.example"),
    "crm:n1": (None, "nobody@nowhere.example"),
    "crm:n2": (None, "new@beta.example"),
    "crm:m1": ("crm:A", "moved@beta.example"),
}
LEADS = {
    # lead → (contact, account)
    "crm:L1": ("crm:a1", "crm:A"),
    "crm:L2": (None, "crm:B"),
}
LINKS = (
    # (visitor key, contact, rule of the source, day)
    ("ann", "crm:a1", "portal", 0),
    ("al", "crm:a2", "portal", 0),
    ("bo", "crm:b1", "portal", 0),
    ("nick", "crm:n1", "portal", 0),
    ("given", "crm:a1", "portal", 0),
    ("given", "crm:b1", "portal", 10),
    ("ck-a1", "crm:a1", "campaign", 0),
    ("ck-a2", "crm:a2", "campaign", 0),
    ("ck-b1", "crm:b1", "campaign", 0),
    ("cookie-7", "crm:b1", "tool", 0),
    ("gone", "crm:left", "portal", 0),
)
NETWORKS = (
    # (account, range, first day, last day) as a source delivers them
    ("crm:A", "198.51.100.0/24", None, None),
    ("crm:B", "198.51.100.64/26", None, None),
    ("crm:A", "2001:db8:a::/48", None, None),
    ("crm:B", "2001:db8:a:ff00::/56", None, None),
    ("crm:A", "203.0.113.0/25", "2026-01-01", "2026-01-09"),
    ("crm:A", "not a range", None, None),
)
RANGES = (
    # account_id, cidr, confidence, valid_from, valid_to, note
    ("crm:B", "100.64.8.0/24", "", "", "", "inside a carrier's network"),
    ("crm:A", "192.88.0.0/16", "", "", "", "wider than the shared range"),
    ("crm:A", "198.18.0.0/24", "", "", "", "two owners"),
    ("crm:B", "198.18.0.0/24", "", "", "", "two owners"),
    ("crm:C", "198.19.0.0/24", "0.4", "", "", "an office block"),
    ("crm:C", "198.19.1.0/24", "0.4", "", "", "an office block"),
    ("crm:Z", "198.19.2.0/24", "", "", "", "an account that is not there"),
)
DOMAINS = (("crm:C", "gamma.example", "0.4", "", "", ""),)
MORE_RULES = (
    "campus,address_range,shared_range,192.88.99.0/24,0,2020-01-01,Campus,园区,Hundreds of firms",
    # Another confidence from the day after the last one: not valid yet.
    "portal_login,login,visitor_link,,0.1,2026-07-01,Login,登录名,From July on",
)
CASES = {
    # ---- one piece of evidence ----
    "login": Case([View(login="ann")], "contact", "crm:a1", "crm:A", 0.98, "portal_login",
                  links=[("portal_login", "active")]),
    "click": Case([View(click_id="ck-a1")], "contact", "crm:a1", "crm:A", 0.9, "campaign_click"),
    "email": Case([View(email="al@alpha.example")], "contact", "crm:a2", "crm:A", 0.85,
                  "email_in_link",
                  links=[("email_in_link", "active")]),
    "contact_key": Case([View(contact_key="b1")], "contact", "crm:b1", "crm:B", 0.85),
    "whole_contact_key": Case([View(contact_key="crm:b1")], "contact", "crm:b1", "crm:B", 0.85),
    "foreign_contact_key": Case([View(contact_key="old:b1")]),
    "form": Case([View(lead_key="L1")], "contact", "crm:a1", "crm:A", 0.9, "form_of_lead"),
    "form_of_a_firm": Case([View(lead_key="L2")], "account", None, "crm:B", 0.9, "form_of_lead"),
    "login_is_email": Case([View(login="Ann@alpha.example")], "contact", "crm:a1", "crm:A", 0.95),
    "tool_key": Case([View()], "contact", "crm:b1", "crm:B", 0.95, "tool_visitor_key",
                     visitor_key="cookie-7"),
    "person_without_account": Case([View(login="nick")], "contact", "crm:n1", None, 0.98),
    "unknown_values": Case([View(login="who", click_id="ck-0", email="x@y.example",
                                 contact_key="b9", lead_key="L9")]),
    "person_who_left": Case([View(login="gone")]),
    "login_before_it_was_given_on": Case([View(day=5, login="given")], "contact", "crm:a1",
                                         "crm:A"),
    "login_given_on": Case([View(day=10, login="given")], "contact", "crm:b1", "crm:B"),
    # ---- networks ----
    "office": Case([View(address="198.51.100.7")], "account", None, "crm:A", 0.7,
                   "account_network", links=[("account_network", "active")]),
    "narrowest_range": Case([View(address="198.51.100.100")], "account", None, "crm:B"),
    "beside_the_range": Case([View(address="198.51.101.7")]),
    "office_v6": Case([View(address="2001:DB8:A:1::9")], "account", None, "crm:A", 0.7),
    "narrowest_v6": Case([View(address="2001:db8:a:ff7f::9")], "account", None, "crm:B"),
    "beside_v6": Case([View(address="2001:db8:b::9")]),
    "mapped_v4": Case([View(address="::ffff:198.51.100.7")], "account", None, "crm:A"),
    "range_in_its_time": Case([View(day=8, address="203.0.113.9")], "account", None, "crm:A"),
    "range_given_up": Case([View(day=9, address="203.0.113.9")]),
    "carrier": Case([View(address="100.64.9.1")]),
    "firm_at_a_carrier": Case([View(address="100.64.8.1")], "account", None, "crm:B"),
    "shared_is_narrower": Case([View(address="192.88.99.1")]),
    "wide_range": Case([View(address="192.88.98.1")], "account", None, "crm:A"),
    "two_owners": Case([View(address="198.18.0.5")], links=[("account_network", "conflict")] * 2,
                       reviews=["two_accounts"]),
    "two_owners_and_a_domain": Case(
        [View(address="198.18.0.6"), View(email="guest@beta.example")],
        "account", None, "crm:B", 0.88,
        links=[("account_network", "active"), ("account_network", "overruled"),
               ("email_domain", "active")]),
    "two_offices": Case([View(address="198.51.100.7"), View(day=1, address="198.51.100.100")],
                        reviews=["two_accounts"]),
    "office_block": Case([View(address="198.19.0.5")],
                         links=[("account_network", "below_confidence")]),
    "office_block_twice": Case([View(address="198.19.0.5"), View(address="198.19.1.5")],
                               links=[("account_network", "below_confidence")] * 2),
    "two_unsure_hints": Case([View(address="198.19.0.5", email="x@mail.gamma.example")],
                             "account", None, "crm:C", 0.64, "account_network"),
    # ---- domains ----
    "host": Case([View(address="gw1.eu.alpha.example")], "account", None, "crm:A", 0.65,
                 "host_domain"),
    "namesake": Case([View(address="gw1.notalpha.example")]),
    "provider": Case([View(address="alpha.example.dsl.isp.example")]),
    "colleague": Case([View(email="new@alpha.example")], "account", None, "crm:A", 0.6,
                      "email_domain"),
    "person_of_the_domain": Case([View(email="new@beta.example")], "contact", "crm:n2", "crm:B",
                                 0.85),
    "old_address_of_who_moved": Case([View(email="moved@beta.example")], "contact", "crm:m1",
                                     "crm:A", 0.85, links=[("email_in_link", "active")]),
    "free_mail": Case([View(email="someone@qq.com")]),
    "free_mail_of_a_contact": Case([View(email="bo@qq.com")], "contact", "crm:b1", "crm:B"),
    "two_rows_for_one_domain": Case([View(address="gw.echo.example")], reviews=["two_accounts"]),
    # ---- several pieces ----
    "login_and_click": Case([View(login="ann"), View(click_id="ck-a1")], "contact", "crm:a1",
                            "crm:A", 0.998, "portal_login"),
    "three_pieces": Case([View(login="ann", click_id="ck-a1", email="ann@alpha.example")],
                         "contact", "crm:a1", "crm:A", 0.9997),
    "same_piece_often": Case([View(day=day, click_id="ck-a1") for day in range(5)], "contact",
                             "crm:a1", "crm:A", 0.9, links=[("campaign_click", "active")]),
    "shared_mailbox": Case([View(email="shared@echo.example")], reviews=["two_persons"],
                           links=[("email_in_link", "conflict")] * 2),
    "shared_mailbox_and_key": Case([View(email="shared@echo.example", contact_key="e2")],
                                   "contact", "crm:e2", "crm:E2", 0.9775),
    "two_persons": Case([View(login="ann"), View(day=1, login="bo")], reviews=["two_persons"],
                        links=[("portal_login", "conflict")] * 2),
    "two_persons_in_an_office": Case(
        [View(login="ann"), View(login="bo", address="198.51.100.7")], reviews=["two_persons"],
        links=[("portal_login", "conflict")] * 2 + [("account_network", "conflict")]),
    "two_colleagues": Case([View(login="ann"), View(login="al")], "account", None, "crm:A", 0.98,
                           "portal_login", links=[("portal_login", "conflict")] * 2,
                           reviews=["two_persons"]),
    "guest_in_an_office": Case(
        [View(address="198.51.100.7", login="bo")], "contact", "crm:b1", "crm:B", 0.98,
        links=[("portal_login", "active"), ("account_network", "conflict")],
        reviews=["person_and_account_differ"]),
    "guest_in_an_office_block": Case(
        [View(address="198.19.0.5", login="bo")], "contact", "crm:b1", "crm:B", 0.98,
        links=[("portal_login", "active"), ("account_network", "overruled")]),
    # ---- who is no visitor ----
    "robot": Case([View(login="ann", address="198.51.100.7", is_bot=True)]),
    "own_staff": Case([View(login="ann", is_staff=True)]),
    # ---- people decide ----
    "undone_contact": Case([View(login="ann")], links=[("portal_login", "undone")],
                           overrides=[("undo", "crm:a1", None)]),
    "undone_contact_in_office": Case(
        [View(login="bo", address="198.51.100.7")], "account", None, "crm:A", 0.7,
        links=[("portal_login", "undone"), ("account_network", "active")],
        overrides=[("undo", "crm:b1", None)]),
    "undone_account": Case([View(login="ann", address="198.51.100.7")],
                           links=[("portal_login", "undone"), ("account_network", "undone")],
                           overrides=[("undo", None, "crm:A")]),
    "undone_all": Case([View(login="ann"), View(login="bo")],
                       links=[("portal_login", "undone")] * 2, overrides=[("undo", None, None)]),
    "undo_settles_a_conflict": Case(
        [View(login="ann"), View(login="bo")], "contact", "crm:b1", "crm:B", 0.98,
        links=[("portal_login", "undone"), ("portal_login", "active")],
        overrides=[("undo", "crm:a1", None)]),
    "confirmed": Case([View(login="ann"), View(login="bo")], "contact", "crm:a1", "crm:A", 1,
                      MANUAL, links=[("portal_login", "confirmed"), ("portal_login", "overruled"),
                                     (MANUAL, "confirmed")],
                      overrides=[("confirm", "crm:a1", None)]),
    "confirmed_guest": Case(
        [View(address="198.51.100.7", login="bo")], "contact", "crm:b1", "crm:B", 1, MANUAL,
        links=[("portal_login", "confirmed"), ("account_network", "overruled"),
               (MANUAL, "confirmed")],
        overrides=[("confirm", "crm:b1", None)]),
    "assigned_contact": Case([View()], "contact", "crm:b1", "crm:B", 1, MANUAL,
                             links=[(MANUAL, "confirmed")],
                             overrides=[("assign", "crm:b1", None)]),
    "assigned_account": Case([View(login="ann"), View(login="bo")], "contact", "crm:b1", "crm:B",
                             0.98, "portal_login",
                             links=[("portal_login", "overruled"), ("portal_login", "active"),
                                    (MANUAL, "confirmed")],
                             overrides=[("assign", None, "crm:B")]),
    "undone_then_confirmed": Case([View(login="ann")], "contact", "crm:a1", "crm:A", 1, MANUAL,
                                  overrides=[("undo", "crm:a1", None),
                                             ("confirm", "crm:a1", None)]),
    "confirmed_then_undone": Case([View(login="ann")],
                                  links=[("portal_login", "undone"), (MANUAL, "undone")],
                                  overrides=[("confirm", "crm:a1", None),
                                             ("undo", "crm:a1", None)]),
    "decided_twice": Case([View()], "contact", "crm:b1", "crm:B", 1, MANUAL,
                          overrides=[("assign", "crm:a1", None), ("assign", "crm:b1", None)]),
    "decided_for_nobody_known": Case([View(login="ann")], "contact", "crm:a1", "crm:A", 0.98,
                                     reviews=["decision_without_effect"],
                                     overrides=[("assign", "crm:left", None)]),
}  # fmt: skip


def _write_seeds(folder: Path) -> None:
    shutil.copytree(REPO_ROOT / "seeds", folder)
    rules = folder / "visitor_link_rule.csv"
    rules.write_text(rules.read_text("utf-8") + "\n".join(MORE_RULES) + "\n", encoding="utf-8")
    decisions = [
        (
            f"{visitor}-{number}",
            f"web:{visitor}",
            action,
            contact or "",
            account or "",
            "Li Na",
            f"2026-02-{number + 1:02d} 09:00:00",
            "Asked the customer",
        )
        for visitor, case in CASES.items()
        for number, (action, contact, account) in enumerate(case.overrides)
    ]
    decisions.append(
        ("lost-0", "web:lost", "undo", "", "", "Li Na", "2026-02-01", "Gone from the log")
    )
    for table, rows in {
        "account_address_range": RANGES,
        "account_web_domain": DOMAINS,
        "visitor_link_override": decisions,
    }.items():
        with (folder / f"{table}.csv").open("a", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)


def _write_tables(warehouse: Path) -> None:
    """What the identity models read, in the shape in which other models make it."""
    warehouse.parent.mkdir(parents=True)
    views, visitors = [], []
    for name, case in CASES.items():
        for number, view in enumerate(case.views):
            moment = f"2026-01-{view.day + 1:02d} 10:{number:02d}:00"
            views.append(
                (f"web:{name}-{number}", "web", f"web:{name}", moment, moment[:10], number,
                 view.login, view.click_id,
                 view.email, view.contact_key, view.lead_key, view.is_bot, view.is_staff,
                 view.address)
            )  # fmt: skip
        first = case.views[0]
        visitors.append(
            (f"web:{name}", "web", case.visitor_key, first.address, first.is_bot, first.is_staff)
        )
    with duckdb.connect(warehouse) as connection:
        for schema in ("core", "intermediate"):
            connection.execute(f"create schema {schema}")
        for table, columns, rows in (
            ("core.fct_web_page_view",
             "web_event_id varchar, source_system varchar, visitor_id varchar, "
             "occurred_at timestamp, session_date date, view_number int, login varchar, "
             "click_id varchar, email varchar, "
             "contact_key varchar, lead_key varchar, is_bot boolean, is_staff boolean, "
             "visitor_address varchar", views),
            ("core.dim_contact",
             "contact_id varchar, source_system varchar, account_id varchar, email varchar, "
             "contact_name varchar",
             [(key, "crm", account, mail, key) for key, (account, mail) in CONTACTS.items()]),
            ("core.dim_account",
             "account_id varchar, source_system varchar, web_domain varchar, "
             "account_name varchar, industry varchar, region varchar, owner_rep_id varchar",
             [(key, system, domain, key, None, None, None)
              for key, (system, domain) in ACCOUNTS.items()]),
            ("core.fct_lead",
             "lead_id varchar, source_system varchar, contact_id varchar, account_id varchar",
             [(key, "crm", *whose) for key, whose in LEADS.items()]),
            ("intermediate.int_canonical__visitor_links",
             "visitor_key varchar, contact_id varchar, account_id varchar, link_rule varchar, "
             "linked_at timestamp",
             [(key, contact, None, rule, f"2026-01-{day + 1:02d}")
              for key, contact, rule, day in LINKS]),
            ("intermediate.int_canonical__account_networks",
             "account_id varchar, cidr varchar, valid_from timestamp, valid_to timestamp",
             NETWORKS),
            ("visitors",
             "visitor_id varchar, source_system varchar, visitor_key varchar, "
             "visitor_address varchar, is_bot boolean, is_staff boolean", visitors),
        ):  # fmt: skip
            connection.execute(f"create table {table} ({columns})")
            marks = ", ".join("?" * len(columns.split(",")))
            connection.executemany(f"insert into {table} values ({marks})", list(rows))
        connection.execute(
            """
            create table intermediate.int_web__visitors as
            select visitors.*, null::varchar as user_agent, null::varchar as bot_reason,
                min(occurred_at) as first_seen_at, max(occurred_at) as last_seen_at,
                1::bigint as count_sessions, count(*) as count_page_views
            from visitors inner join core.fct_web_page_view as views using (visitor_id)
            group by all
            """
        )
        # What the per-day model asks: which days have landed, and what it would be built of.
        connection.execute(
            """
            create table intermediate.int_web__landed_days as
            select session_date as event_date, count(*) as count_events
            from core.fct_web_page_view group by session_date;
            create table intermediate.int_web__changed_days as
            select event_date, count_events, true as has_new_lines
            from intermediate.int_web__landed_days;
            create table intermediate.int_web__changed_visitors as
            select visitor_id from intermediate.int_web__visitors;
            create table intermediate.int_web__rule_version as
            select 'rules' as rule_version, 'changes' as changes_id, 90000 as reach_seconds;
            """
        )
        connection.execute(
            "create table core.dim_rep (rep_id varchar, rep_name varchar, team_name varchar, "
            "region varchar)"
        )


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home = tmp_path_factory.mktemp("identity")
    _write_seeds(home / "seeds")
    (home / "sources.toml").write_text("as_of = 2026-06-30\n", encoding="utf-8")
    settings = Settings(home=home, seeds=home / "seeds", sources=home / "sources.toml")
    compile_mapping(settings)
    _write_tables(settings.warehouse)
    run = dbt(
        settings, "build", "--select", *SEEDS, *MODELS, "--indirect-selection", "cautious",
        "--exclude", "test_type:unit",
    )  # fmt: skip
    assert run.code == 0, run.output
    return settings


def _rows(settings: Settings, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(settings.warehouse, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_every_visitor_is_who_the_evidence_says(settings: Settings) -> None:
    found = {
        str(row[0]): row[1:]
        for row in _rows(
            settings,
            "select visitor_id, link_level, contact_id, account_id, link_confidence, link_rule_id "
            "from core.dim_web_visitor",
        )
    }
    assert len(found) == len(CASES)
    wrong = {}
    for name, case in CASES.items():
        level, contact, account, confidence, rule = found[f"web:{name}"]
        same = (level, contact, account) == (case.level, case.contact, case.account)
        if case.confidence is not None:
            same = same and confidence == pytest.approx(case.confidence, abs=1e-6)
        if case.rule is not None:
            same = same and rule == case.rule
        if case.level == "anonymous":
            same = same and confidence is None and rule is None
        if not same:
            wrong[name] = found[f"web:{name}"]
    assert not wrong


def test_every_piece_of_evidence_has_its_status(settings: Settings) -> None:
    found: dict[str, list[tuple[str, str]]] = {}
    for visitor, rule, status in _rows(
        settings, "select visitor_id, link_rule_id, status from core.fct_visitor_link"
    ):
        found.setdefault(str(visitor).removeprefix("web:"), []).append((str(rule), str(status)))
    wrong = {
        name: found.get(name)
        for name, case in CASES.items()
        if case.links and sorted(found.get(name, [])) != sorted(case.links)
    }
    assert not wrong
    assert not {"robot", "own_staff", "carrier", "unknown_values", "free_mail"} & set(found)


def test_disagreements_are_in_the_review_with_candidates_and_remedy(settings: Settings) -> None:
    found: dict[str, list[str]] = {}
    for visitor, kind in _rows(
        settings,
        "select visitor_id, review_kind from marts.mart_visitor_link_review "
        "where visitor_id is not null",
    ):
        found.setdefault(str(visitor).removeprefix("web:"), []).append(str(kind))
    expected = {name: list(case.reviews) for name, case in CASES.items() if case.reviews}
    assert found == expected | {"lost": ["decision_without_effect"]}
    assert _rows(
        settings,
        """
        select candidates, count_candidates, evidence, is_unassigned, best_confidence
        from marts.mart_visitor_link_review where visitor_id = 'web:two_persons'
        """,
    ) == [("crm:a1 · crm:A (0.98); crm:b1 · crm:B (0.98)", 2, "login ann; login bo", True, 0.98)]
    assert _rows(
        settings,
        """
        select review_kind, candidates, evidence from marts.mart_visitor_link_review
        where visitor_id is null order by 1
        """,
    ) == [
        ("unknown_account", "crm:Z", "account_address_range 198.19.2.0/24"),
        ("unreadable_range", "crm:A", "account_network not a range"),
    ]
    texts = "reason_en, reason_zh, remedy_en, remedy_zh"
    for row in _rows(settings, f"select {texts} from marts.mart_visitor_link_review"):
        assert all(row) and len(set(row)) == 4


def test_evidence_cites_the_first_view_that_shows_it(settings: Settings) -> None:
    cited = """
        select web_event_id, evidence_value, first_evidence_at::varchar, last_evidence_at::varchar
        from core.fct_visitor_link where visitor_id = 'web:{}' and status <> 'confirmed'
    """
    assert _rows(settings, cited.format("same_piece_often")) == [
        ("web:same_piece_often-0", "ck-a1", "2026-01-01 10:00:00", "2026-01-05 10:04:00")
    ]
    assert _rows(settings, cited.format("two_offices") + " order by 1") == [
        ("web:two_offices-0", "198.51.100.0/24", "2026-01-01 10:00:00", "2026-01-01 10:00:00"),
        ("web:two_offices-1", "198.51.100.64/26", "2026-01-02 10:01:00", "2026-01-02 10:01:00"),
    ]
    assert _rows(
        settings,
        "select count(*) from core.fct_visitor_link "
        f"where (web_event_id is null) <> (link_rule_id = '{MANUAL}')",
    ) == [(0,)]


def test_mart_keeps_every_piece_and_names_its_rule(settings: Settings) -> None:
    assert _rows(
        settings,
        """
        select (select count(*) from core.fct_visitor_link), count(*), count(rule_name_zh),
            count(*) filter (where is_applied and link_level = 'anonymous')
        from marts.mart_visitor_link
        """,
    ) == [(*_rows(settings, "select count(*) from core.fct_visitor_link")[0] * 3, 0)]

"""From `make demo` to a published version, a second load, a held-back version and a roll-back.

The tests build on each other in file order: each takes the same workspace one step further.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from dagster_project.connectors.sources_file import AccessLogSource, load_sources
from dagster_project.defs import keys
from dagster_project.defs.automation import log_state
from dagster_project.defs.build import build_definitions
from dagster_project.demo_company import advance
from dagster_project.publishing import current_version, publishing_status
from dagster_project.settings import Settings
from dagster_project.worklists.actions import Action, new_action
from dagster_project.worklists.store import open_store
from tests.integration import (
    customer_truths,
    graph_truths,
    intent_truths,
    organisation_truths,
    scorecard_truths,
)
from tests.integration.demo_run import CommandResult, answer_key, command, published
from tests.integration.relationship_truths import changed_data, differences, rebuilt
from tests.integration.visitor_truths import visitor_differences

pytestmark = pytest.mark.integration

EQUALITY = re.compile(r"\(\w+ = \w+\)")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def first(settings: Settings) -> CommandResult:
    return command(settings, "demo", "--size", "tiny", "--no-serve")


def test_demo_ends_with_a_published_version(first: CommandResult, settings: Settings) -> None:
    assert first.code == 0, first.output
    assert "load_demo_crm: done" in first.output
    assert "make dashboard" in first.output
    version = current_version(settings)
    assert version is not None
    assert version.as_of.isoformat() == "2026-06-30"
    assert version.checks["failed_error"] == 0
    assert version.checks["passed"] > 100


def test_every_model_shows_the_sql_that_was_run(first: CommandResult, settings: Settings) -> None:
    assert first.code == 0, first.output
    assert (
        published(
            settings,
            "select model_name from ops_model_sql "
            "where coalesce(compiled_sql, '') = '' or contains(compiled_sql, '{{') limit 5",
        )
        == []
    )


def test_published_figures_equal_the_sources(first: CommandResult, settings: Settings) -> None:
    assert first.code == 0, first.output
    totals = answer_key(settings.home)["totals"]
    leads = totals["leads"]
    assert published(
        settings,
        "select count(*), sum(has_response::int), count(*) filter (lead_status = 'converted') "
        "from mart_lead",
    ) == [(leads["current"], leads["answered"], leads["converted"])]
    # Judged is every lead that is old enough, and as its status says; no younger one is.
    assert published(
        settings,
        "select distinct period_date > date '2026-05-16', is_outcome_known, "
        "is_converted = (lead_status = 'converted') from mart_lead order by all",
    ) == [(False, True, True), (True, False, None)]
    deals = totals["deals"]
    assert published(
        settings,
        "select count(*), sum(is_won::int), sum(is_lost::int) from mart_opportunity",
    ) == [(deals["count"], deals["won"], deals["lost"])]
    won = dict(
        published(
            settings,
            "select currency, sum(won_amount) from mart_opportunity where is_won group by 1",
        )
    )
    assert {k: float(v) for k, v in won.items()} == pytest.approx(deals["won_amount_by_currency"])
    net = dict(
        published(settings, "select currency, sum(net_amount) from mart_order_line group by 1")
    )
    assert {k: float(v) for k, v in net.items()} == pytest.approx(
        totals["orders"]["net_amount_by_currency"]
    )
    statuses = {
        str(status): count
        for status, count in published(
            settings, "select status, sum(count_requests)::bigint from mart_web_day group by 1"
        )
    }
    assert statuses == totals["web"]["lines_by_status"]


def test_visitors_are_who_the_answer_key_says(first: CommandResult, settings: Settings) -> None:
    assert first.code == 0, first.output
    assert visitor_differences(settings) == []


def test_customers_and_persons_are_who_the_answer_key_says(
    first: CommandResult, settings: Settings
) -> None:
    assert customer_truths.shortfalls(settings) == []


# Its other side are decisions that people wrote down.
COMPARES_EVERY_ROW = {"int_identity__decided_evidence"}


def test_no_outer_join_compares_every_row_with_every_other(
    first: CommandResult, settings: Settings
) -> None:
    """DuckDB hashes an outer join only where each condition compares one side with the other."""

    def slow_joins(operators: list[dict[str, Any]]) -> Iterator[str]:
        for operator in operators:
            details = operator["extra_info"]
            if operator["name"].strip() == "BLOCKWISE_NL_JOIN" and details["Join Type"] != "INNER":
                yield str(details["Condition"])
            yield from slow_joins(operator["children"])

    found = {}
    with duckdb.connect(str(settings.warehouse), read_only=True) as warehouse:
        models = list((settings.dbt_artifacts / "compiled").rglob("models/**/*.sql"))
        assert len(models) > 200
        for model in models:
            query = model.read_text(encoding="utf-8").strip().rstrip(";")
            ((_, plan),) = warehouse.execute(f"explain (format json) {query}").fetchall()
            conditions = [text for text in slow_joins(json.loads(plan)) if EQUALITY.search(text)]
            if conditions:
                found[model.stem] = conditions
    assert found.keys() == COMPARES_EVERY_ROW, found


FOLLOWS_NAMES = (
    "int_intent__visits",
    "int_intent__matched_visits",
    "int_intent__visit_sessions",
    "int_intent__visit_days",
    "int_intent__page_evidence",
    "mart_web_session",
)
NAMES = (
    "int_web__rule_version",
    "int_web__changed_days",
    "int_intent__named_visitors",
    "int_intent__renamed_days",
)


def test_days_of_visitors_who_are_named_otherwise_are_made_again_and_no_others(
    first: CommandResult, settings: Settings, tmp_path: Path
) -> None:
    today = date(2026, 6, 30)
    with rebuilt(settings, tmp_path) as copy:

        def rows(table: str) -> list[tuple[object, ...]]:
            schema = "marts" if table.startswith("mart") else "intermediate"
            return copy.execute(f"from {schema}.{table} order by all")

        before = {table: rows(table) for table in FOLLOWS_NAMES}
        assert all(before.values())
        (one,), (other,), (third,) = copy.execute(
            "select contact_id from core.dim_web_visitor where contact_id is not null "
            "group by contact_id order by sum(count_sessions) desc, contact_id limit 3"
        )
        copy.execute(f"update core.dim_contact set contact_name = 'New' where contact_id = '{one}'")
        copy.execute(
            "update core.dim_web_visitor set contact_id = null, account_id = null, "
            f"link_level = 'anonymous' where contact_id = '{other}'"
        )
        copy.execute(
            f"update core.dim_web_visitor set contact_id = '{one}' where contact_id = '{third}'"
        )
        # A build that breaks off before all have followed: the next one makes up for it.
        last = "int_intent__followed_visitors"
        copy.dbt(today, "run", "--select", *NAMES, "int_intent__visits", last)
        assert rows("mart_web_session") == before["mart_web_session"]
        copy.dbt(today, "run", "--select", *NAMES, *FOLLOWS_NAMES, last)
        assert not copy.has_made_all_days("mart_web_session")
        followed = {table: rows(table) for table in FOLLOWS_NAMES}
        assert all(followed[table] != before[table] for table in FOLLOWS_NAMES)
        renamed = "select count(*) from intermediate.int_intent__renamed_days"
        days = "select count(distinct session_date) from core.fct_web_session"
        assert 0 < copy.execute(renamed)[0][0] < copy.execute(days)[0][0]
        copy.dbt(today, "run", "--full-refresh", "--select", *NAMES, *FOLLOWS_NAMES, last)
        assert {table: rows(table) for table in FOLLOWS_NAMES} == followed
        copy.dbt(today, "run", "--select", *NAMES)
        assert copy.execute(renamed) == [(0,)]


IDENTIFIED = {
    "int_identity__evidence": "intermediate",
    "int_identity__decided_evidence": "intermediate",
    "int_identity__contact_candidates": "intermediate",
    "int_identity__account_candidates": "intermediate",
    "fct_visitor_link": "core",
    "dim_web_visitor": "core",
    "mart_visitor_link": "marts",
    "int_identity__visitor_reviews": "intermediate",
    "int_intent__named_visitors": "intermediate",
}


def test_visitors_whose_values_mean_somebody_else_are_made_again_and_no_others(
    first: CommandResult, settings: Settings, tmp_path: Path
) -> None:
    today = date(2026, 6, 30)
    with rebuilt(settings, tmp_path) as copy:

        def rows() -> dict[str, list[tuple[object, ...]]]:
            return {
                table: copy.execute(f"from {schema}.{table} order by all")
                for table, schema in IDENTIFIED.items()
            }

        def run(*models: str) -> None:
            version, changed = "int_web__rule_version", "int_identity__changed_visitors"
            last = "int_identity__followed_meanings"
            copy.dbt(today, "run", "--select", version, changed, *models, last)

        def told(table: str) -> str:
            ((comment,),) = copy.execute(
                f"select comment from duckdb_tables() where table_name = '{table}'"
            )
            return str(comment)

        before = rows()
        assert all(before.values())
        count_all = "select count(*) from core.dim_web_visitor"
        count_changed = "select count(*) from intermediate.int_identity__changed_visitors"
        copy.execute("truncate intermediate.int_web__changed_visitors")
        meanings = "intermediate.int_identity__value_meanings"
        copy.execute(
            f"delete from {meanings} where observed_value in (select observed_value "
            "from intermediate.int_identity__evidence as evidence inner join "
            "intermediate.int_identity__seen_values as seen using (visitor_id, field) "
            "where evidence.field = 'login' group by all order by all limit 3)"
        )
        copy.execute(
            f"update {meanings} set confidence = 0.99 where observed_value in (select "
            f"observed_value from {meanings} where field = 'address' group by all order by all "
            "limit 3)"
        )
        # A build that breaks off: the next one makes up for it, though nothing else has changed.
        run("int_web__visitors", "int_identity__evidence", "int_identity__decided_evidence")
        half = rows()
        assert half["int_identity__evidence"] != before["int_identity__evidence"]
        assert half["dim_web_visitor"] == before["dim_web_visitor"]
        run("int_web__visitors", *IDENTIFIED)
        assert all(" changed " in told(table) for table in IDENTIFIED)
        assert 0 < copy.execute(count_changed)[0][0] < copy.execute(count_all)[0][0] / 2
        followed = rows()
        assert all(
            followed[table] != before[table] for table in IDENTIFIED if "review" not in table
        )
        copy.dbt(today, "run", "--full-refresh", "--select", *IDENTIFIED)
        assert all(" all " in told(table) for table in IDENTIFIED)
        assert rows() == followed
        run("int_web__visitors", *IDENTIFIED)
        assert copy.execute(count_changed) == [(0,)]
        # What people state makes all anew.
        copy.execute("update core.dim_contact set contact_name = contact_name || ' (new)'")
        run("int_web__visitors", *IDENTIFIED)
        assert all(" all " in told(table) for table in IDENTIFIED)
        assert rows()["mart_visitor_link"] != followed["mart_visitor_link"]


def test_networks_are_looked_up_again_for_changed_addresses_alone(
    first: CommandResult, settings: Settings, tmp_path: Path
) -> None:
    today, model = date(2026, 6, 30), "int_identity__address_networks"
    with rebuilt(settings, tmp_path) as copy:

        def rows() -> list[tuple[object, ...]]:
            return copy.execute(f"from intermediate.{model} order by all")

        def run(*options: str) -> str:
            copy.dbt(today, "run", *options, "--select", model)
            ((comment,),) = copy.execute(
                f"select comment from duckdb_tables() where table_name = '{model}'"
            )
            return str(comment).split(" ")[1]

        before = rows()
        (gone,), (kept,) = copy.execute(
            f"select distinct address from intermediate.{model} order by all limit 2"
        )
        seen = "intermediate.int_identity__seen_values"
        # One address leaves the log, another one of the same network comes, a third one is no news.
        copy.execute(
            f"update {seen} set observed_value = observed_value || '0' "
            f"where field = 'address' and observed_value = '{gone}'"
        )
        copy.execute(
            "create or replace table intermediate.int_web__changed_addresses as "
            f"select unnest(['{gone}', '{gone}0', '{kept}']) as visitor_address"
        )
        assert run() == "changed"
        after = rows()
        assert {row[0] for row in after} == {row[0] for row in before} - {gone} | {f"{gone}0"}
        assert run("--full-refresh") == "all"
        assert rows() == after
        # Another range may hold any address.
        copy.execute("update intermediate.int_identity__address_ranges set confidence = 0.5")
        assert run() == "all"
        assert rows() != after


def test_every_planted_signal_is_found_and_nothing_else(
    first: CommandResult, settings: Settings
) -> None:
    planted = intent_truths.planted_hits(answer_key(settings.home)["truths"])
    found = intent_truths.found_hits(settings)
    assert len(planted) >= 12
    assert {signal: len(hits) for signal, hits in found.items()} == {
        signal: len(hits) for signal, hits in planted.items()
    }
    for signal, hits in planted.items():
        assert hits, signal
        assert found[signal] == hits, signal


def test_every_planted_lead_is_listed_with_its_reason_and_no_other(
    first: CommandResult, settings: Settings
) -> None:
    truths = answer_key(settings.home)["truths"]
    bare = intent_truths.bare
    silent = published(settings, "select lead_id from mart_silent_lead where is_silent")
    assert {bare(lead) for (lead,) in silent} == set(truths["silent_leads"]["due"])
    delays = {
        bare(lead): hours
        for lead, hours in published(
            settings,
            "select lead_id, reactivation_delay_hours from mart_silent_lead where is_activated",
        )
    }
    assert delays == pytest.approx(truths["silent_leads"]["delay_hours"], abs=0.001)
    ratio = "select sum(is_activated::int) / sum(is_silent::int) from mart_silent_lead"
    assert published(settings, ratio)[0][0] == pytest.approx(
        truths["silent_leads"]["activation_ratio"], abs=0.000001
    )
    stalled = published(settings, "select lead_id, reason_code from mart_stalled_lead")
    planted = truths["stalled_leads"]["reason_by_lead"]
    assert planted
    assert {bare(lead): reason for lead, reason in stalled} == planted
    changes = published(
        settings, "select contact_job_change_id, opportunity_id from mart_decision_maker_change"
    )
    hits = truths["intent_signals"]["decision_maker_change"]["hits"]
    assert sorted((bare(change), bare(deal)) for change, deal in changes) == sorted(
        (hit["change"], deal) for hit in hits for deal in hit["opportunities"]
    )


def test_published_scores_are_the_sum_of_their_factors(
    first: CommandResult, settings: Settings
) -> None:
    assert published(settings, "select count(*) from mart_intent_factor")[0][0] > 1000
    assert intent_truths.scores_that_differ(settings) == []
    account, score = published(
        settings,
        "select account_id, score_points from mart_intent_account order by 2 desc, 1 limit 1",
    )[0]
    as_of = date(2026, 6, 30)
    hits = published(
        settings,
        "select signal_id, period_date, known_at::date, weight, half_life_days "
        f"from mart_intent_signal where account_id = '{account}'",
    )
    by_signal: dict[str, list[tuple[date, date, float, float]]] = {}
    for signal, *hit in hits:
        by_signal.setdefault(signal, []).append((hit[0], hit[1], hit[2], hit[3]))
    expected = sum(
        round(intent_truths.points_on(own, as_of, floor=1), 2) for own in by_signal.values()
    )
    assert float(score) == pytest.approx(expected, abs=0.011)


def test_relationship_indices_are_those_of_a_slow_reference(
    first: CommandResult, settings: Settings
) -> None:
    days = [date(2026, 6, 30), date(2026, 2, 11), date(2025, 8, 3), date(2025, 1, 5)]
    compared, wrong = differences(settings.warehouse, settings.seeds, days)
    assert compared > 4 * 50
    assert wrong == []


def test_increments_of_relationship_indices_make_what_one_build_makes(
    first: CommandResult, settings: Settings, tmp_path: Path
) -> None:
    with rebuilt(settings, tmp_path) as copy:
        copy.build(date(2026, 6, 20), "--full-refresh")
        for statement in changed_data(["demo_crm:A00001", "demo_crm:A00002", "demo_crm:A00010"]):
            copy.execute(statement)
        # Broken off before the indices are made; what was found to be done is kept until it is.
        copy.build(date(2026, 6, 30), "--exclude", "fct_relationship_index_day+")
        (changed,) = copy.execute(
            "select count(*) from intermediate.int_relationship__changed_customers"
        )
        assert 0 < changed[0] < 10
        copy.build(date(2026, 6, 30))
        by_increments = copy.indices()
        assert not copy.has_made_all_days()
        copy.build(date(2026, 6, 30), "--full-refresh")
        assert by_increments == copy.indices()


def test_every_planted_relationship_and_opt_out_is_found_and_no_other(
    first: CommandResult, settings: Settings
) -> None:
    truths = answer_key(settings.home)["truths"]
    assert graph_truths.relationship_differences(settings, truths) == []


def test_influence_and_what_is_lost_without_a_referrer_are_exact(
    first: CommandResult, settings: Settings
) -> None:
    assert graph_truths.influence_that_differs(settings) == []
    assert graph_truths.sensitivity_that_differs(settings) == []


def test_a_new_signal_is_a_row_and_a_changed_rule_a_new_version(
    first: CommandResult, settings: Settings, tmp_path: Path
) -> None:
    since = date(2026, 1, 1)
    edit = intent_truths.with_rules(
        settings,
        tmp_path,
        [
            {
                "like": "service_comparison_visits",
                "signal_id": "products_twice",
                "valid_from": since.isoformat(),
                "page_group": "",
                "url_pattern": "^/products/",
                "counted_per": "",
                "min_count": "2",
                "window_days": "30",
            },
            {
                "like": "competitor_comparison_dwell",
                "version": "2",
                "valid_from": since.isoformat(),
                "min_seconds": "300",
            },
        ],
        as_of=date(2026, 6, 30),
    )
    sessions = edit.rows(
        "select person_key, min(occurred_at) from intermediate.int_intent__visits "
        "where url_path like '/products/%' group by person_key, session_id"
    )
    expected = [
        (person, at)
        for person, at in intent_truths.sessions_raised(sessions, 2, timedelta(days=30))
        if at.date() >= since
    ]
    assert expected
    found = edit.rows(
        "select coalesce(contact_id, visitor_id), occurred_at from core.fct_intent_signal_hit "
        "where signal_id = 'products_twice'"
    )
    assert sorted(found) == expected

    dwell = (
        "select signal_version, min(signal_date), max(signal_date), min(engaged_seconds) "
        "from core.fct_intent_signal_hit as hits "
        "join intermediate.int_intent__hit_evidence using (signal_hit_id) "
        "join intermediate.int_intent__visits on evidence_id = web_event_id "
        "where signal_id = 'competitor_comparison_dwell' group by 1 order by 1"
    )
    (one, _, last, shortest), (two, first_day, _, longer) = edit.rows(dwell)
    assert (one, two) == (1, 2)
    assert last < since <= first_day
    assert 180 < shortest <= 300 < longer

    versions = (
        "select rule_version, min(score_date), max(score_date), "
        "bool_or(is_first_day_of_rules and score_date = date '2026-01-01') "
        "from {} group by 1 order by 2"
    )
    before = published(settings, versions.format("mart_intent_score_day"))
    after = edit.rows(versions.format("core.fct_intent_score_day"))
    assert len(before) == 1
    assert [row[0] for row in after[:1]] == [before[0][0]], "the past keeps its version"
    assert len(after) == 2
    assert after[1][0].startswith("2026-01-01.")
    assert after[0][2] < since <= after[1][1]
    assert after[1][3], "the day of the change is marked"


def test_organisation_and_traps_are_what_was_planted(
    first: CommandResult, settings: Settings
) -> None:
    assert first.code == 0, first.output
    assert organisation_truths.differences(settings) == []


def test_scorecard_and_roadmap_add_up(first: CommandResult, settings: Settings) -> None:
    assert first.code == 0, first.output
    assert scorecard_truths.figures_that_differ(settings) == []


def test_every_rejected_row_is_published_with_its_reason(
    first: CommandResult, settings: Settings
) -> None:
    faults = answer_key(settings.home)["faults"]
    by_system = dict(
        published(settings, "select source_system, count(*) from mart_quarantined_row group by 1")
    )
    assert by_system["demo_web"] == faults["broken_log_lines"]["count"]
    assert by_system["demo_mail"] == faults["broken_mail_lines"]["count"]
    assert by_system["demo_chat"] == faults["redelivered_chat_messages"]["count"]
    without_reason = "select count(*) from mart_quarantined_row where reason_en = ''"
    assert published(settings, without_reason) == [(0,)]


def test_unknown_codes_are_listed_not_dropped(first: CommandResult, settings: Settings) -> None:
    unknown = {
        code
        for (code,) in published(
            settings, "select source_code from mart_code_usage where code_status = 'unmapped'"
        )
    }
    faults = answer_key(settings.home)["faults"]
    assert {faults["unknown_code_lead_source"]["code"], faults["unknown_stage"]["stage"]} <= unknown


def quotes_by_lead(settings: Settings) -> dict[str, list[datetime]]:
    with duckdb.connect(str(settings.warehouse), read_only=True) as warehouse:
        rows = warehouse.execute(
            "select links.lead_id, list(quotes.quoted_at order by quotes.quoted_at) "
            "from intermediate.int_selling__lead_opportunities as links "
            "join core.fct_quote as quotes using (opportunity_id) group by 1 order by 1"
        ).fetchall()
    return dict(rows)


@pytest.fixture(scope="module")
def worked_leads(first: CommandResult, settings: Settings) -> list[Action]:
    """What people did on a worklist before the second load: some of it was followed by a quote."""
    quoted = quotes_by_lead(settings)
    (unquoted,) = published(
        settings, "select min(lead_id) from mart_lead where not list_contains($1, lead_id)",
        [list(quoted)],
    )[0]  # fmt: skip
    before = [
        (lead, moments[0] - timedelta(hours=hours), *what)
        for (lead, moments), (hours, *what) in zip(
            quoted.items(),
            [(24, "outcome", "meeting_agreed"), (100, "outcome", "contacted"), (24, "note", None)],
            strict=False,
        )
    ]
    before += [
        (unquoted, datetime(2026, 6, 1, 9), "outcome", "no_interest"),  # noqa: DTZ001
        (unquoted, datetime(2026, 6, 30, 9), "assign", "demo_crm:R001"),  # noqa: DTZ001
    ]
    store = open_store(settings)
    return [
        store.append_action(
            new_action(
                "stalled_lead",
                lead,
                action,
                "Ann",
                acted_at.replace(tzinfo=UTC),
                value=value,
                note="called back" if action == "note" else None,
            )
        )
        for lead, acted_at, action, value in before
    ]


def test_second_load_brings_what_changed(worked_leads: list[Action], settings: Settings) -> None:
    leads, deals = published(
        settings, "select (select count(*) from mart_lead), (select count(*) from mart_opportunity)"
    )[0]
    changes = advance(settings.home).changes
    result = command(settings, "run")
    assert result.code == 0, result.output
    added, deleted = changes["crm_leads_added"], changes["crm_leads_soft_deleted"]
    assert added > 0 and deleted > 0 and added != deleted
    assert published(settings, "select count(*) from mart_lead") == [(leads + added - deleted,)]
    assert published(settings, "select count(*) from mart_opportunity") == [(deals,)]
    last_loads = dict(
        published(
            settings,
            "select source_table, arg_max(rows_loaded, started_at) from mart_load_receipt "
            "where source_system in ('demo_web', 'demo_policy') group by 1",
        )
    )
    assert last_loads == {"requests": changes["web_lines_added"], "policies": 0}


def test_outcomes_of_a_worklist_come_back_as_figures(
    worked_leads: list[Action], settings: Settings
) -> None:
    found = dict(
        published(settings, "select action_id, is_quoted_in_time from mart_worklist_outcome")
    )
    quoted = quotes_by_lead(settings)
    as_of_end = datetime(2026, 7, 1, tzinfo=UTC)

    def expected(action: Action) -> bool | None:
        due_at = action.acted_at + timedelta(hours=72)
        moments = [moment.replace(tzinfo=UTC) for moment in quoted.get(action.subject_id, [])]
        if action.action == "note":
            return None
        if any(action.acted_at <= moment <= due_at for moment in moments):
            return True
        return False if due_at < as_of_end else None

    truth = {action.action_id: expected(action) for action in worked_leads}
    assert found == truth
    assert set(truth.values()) == {True, False, None}


def test_late_lines_and_deleted_quotes_change_signals_of_the_past(
    first: CommandResult, settings: Settings
) -> None:
    truths = answer_key(settings.home)["truths"]
    late = truths["late_web_signals"]
    planted = intent_truths.planted_hits(truths)
    appear = intent_truths.planted_hits(
        {"intent_signals": {name: {"hits": hits} for name, hits in late["appear"].items()}}
    )
    vanish = intent_truths.planted_hits(
        {"intent_signals": {name: {"hits": hits} for name, hits in late["vanish"].items()}}
    )
    assert appear and vanish
    found = intent_truths.found_hits(settings)
    for signal, hits in planted.items():
        gone = vanish.get(signal, [])
        assert set(gone) <= set(hits), signal
        expected = sorted(
            [hit for hit in hits if hit not in gone] + appear.get(signal, []), key=str
        )
        assert [hit for hit in found[signal] if hit[2] < "2026-07-01"] == expected, signal


def test_failed_source_does_not_stop_the_others(first: CommandResult, settings: Settings) -> None:
    shown = current_version(settings)
    database = settings.home / "demo" / "erp.sqlite"
    hidden = database.with_suffix(".hidden")
    database.rename(hidden)
    try:
        result = command(settings, "run", "--in-process")
    finally:
        hidden.rename(database)
    assert result.code == 1
    assert "demo_erp" in result.output and "load_succeeded" in result.output
    version = current_version(settings)
    assert version is not None and shown is not None
    assert version.version_id != shown.version_id, "the other sources must be published"
    assert published(settings, "select count(*) from mart_order")[0][0] > 0


def test_failed_check_keeps_the_last_good_version(first: CommandResult, settings: Settings) -> None:
    """Landed rows that break a check of severity error: the old version stays, and says why."""
    shown = current_version(settings)
    landed = settings.raw / "demo_web" / "requests"
    good = next(landed.glob("*.parquet"))
    bad = landed / "zz_broken.parquet"
    duckdb.sql(
        f"copy (select * replace (null as client_address) from read_parquet('{good}') limit 3) "
        f"to '{bad}' (format parquet)"
    )
    try:
        result = command(settings, "run", "--in-process")
    finally:
        bad.unlink()
    assert result.code == 1
    assert "Held back since" in result.output
    assert "Every request has an address" in result.output
    version = current_version(settings)
    assert version is not None and shown is not None
    assert version.version_id == shown.version_id
    assert version.status.state == "held_back"
    assert "每次请求都有来源地址" in {reason.check_zh for reason in version.status.reasons}


def test_unusable_rule_row_stops_before_anything_is_touched(
    first: CommandResult, settings: Settings, tmp_path: Path
) -> None:
    shown = current_version(settings)
    seeds = tmp_path / "seeds"
    shutil.copytree(settings.seeds, seeds)
    with (seeds / "field_mapping.csv").open("a", encoding="utf-8") as rows:
        rows.write("demo_crm,leads,lead,main,no_such_field,lead_no,text,\n")
    result = command(settings, "run", SMH_SEEDS=str(seeds))
    assert result.code == 2
    assert "field_mapping.csv" in result.output and "no_such_field" in result.output
    assert current_version(settings) == shown


def test_rollback_goes_one_version_back(first: CommandResult, settings: Settings) -> None:
    shown = current_version(settings)
    result = command(settings, "rollback")
    assert result.code == 0, result.output
    version = current_version(settings)
    assert version is not None and shown is not None
    assert version.version_id < shown.version_id
    status = publishing_status(settings)
    assert status is not None and status.state == "rolled_back"


def test_dagster_draws_the_whole_way(
    first: CommandResult, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in settings.dbt_environment(date(2026, 6, 30)).items():
        monkeypatch.setenv(name, value)
    defs = build_definitions(settings)
    graph = defs.resolve_asset_graph()
    published_version = graph.get(keys.PUBLISHED_VERSION)
    ancestors = graph.get_ancestor_asset_keys(published_version.key)
    assert keys.landed_key("demo_crm", "leads") in ancestors
    assert keys.model_key("mart_lead") in ancestors
    jobs = {job.name for job in defs.resolve_all_job_defs()}
    assert {"refresh", "refresh_daily", "refresh_demo_web"} <= jobs
    assert defs.resolve_schedule_def("daily").cron_schedule == "15 2 * * *"
    # One step per job of the pipeline: a cut step would start Great Expectations or dbt twice.
    steps = set(defs.resolve_job_def("refresh").graph.node_dict)
    assert {"check_landed_tables", "dbt_build", "check_mart_tables"} <= steps
    assert not {step for step in steps if step.endswith(("_2", "_3"))}


@pytest.mark.parametrize("frequency", ["hourly", "daily", "weekly"])
def test_schedule_asks_for_a_run_that_loads_what_is_due(
    first: CommandResult, settings: Settings, monkeypatch: pytest.MonkeyPatch, frequency: str
) -> None:
    for name, value in settings.dbt_environment(date(2026, 6, 30)).items():
        monkeypatch.setenv(name, value)
    defs = build_definitions(settings)
    schedule = defs.resolve_schedule_def(frequency)
    due_at = datetime(2026, 7, 6, 3, 30, tzinfo=UTC)
    with (
        dg.DagsterInstance.ephemeral() as instance,
        dg.build_schedule_context(
            instance=instance,
            scheduled_execution_time=due_at,
            repository_def=defs.get_repository_def(),
        ) as context,
    ):
        tick = schedule.evaluate_tick(context)
    assert [request.tags["dagster/schedule_name"] for request in tick.run_requests] == [frequency]
    steps = set(defs.resolve_job_def(schedule.job_name).graph.node_dict)
    due = {s.system for s in load_sources(settings).sources if s.schedule == frequency}
    assert due and {step for step in steps if step.startswith("load_")} == {
        f"load_{system}" for system in due
    }
    assert {"dbt_build", "check_mart_tables", "serving__published_version"} <= steps


def test_sensor_asks_for_a_run_only_when_a_log_has_changed(
    first: CommandResult, settings: Settings
) -> None:
    source = load_sources(settings).source("demo_web")
    assert isinstance(source, AccessLogSource)
    before = log_state(source)
    assert log_state(source) == before
    log = settings.home / "demo" / "web" / "access.log"
    with log.open("a", encoding="utf-8") as lines:
        lines.write(log.read_text("utf-8").splitlines()[-1] + "\n")
    assert log_state(source) != before


def test_new_lines_alone_are_published(first: CommandResult, settings: Settings) -> None:
    """The job of the sensor builds, checks and publishes what the line above changes."""
    shown = current_version(settings)
    assert shown is not None
    requests = "select sum(count_requests)::bigint from mart_web_day"
    (before,) = published(settings, requests)[0]
    result = command(settings, "run", "--job", "refresh_demo_web")
    assert result.code == 0, result.output
    assert "load_demo_crm" not in result.output
    assert published(settings, requests) == [(before + 1,)]
    version = current_version(settings)
    assert version is not None
    assert version.tables["mart_lead"] == shown.tables["mart_lead"]
    assert version.tables["mart_web_day"].files != shown.tables["mart_web_day"].files
    freshness = "select rows_loaded from mart_data_freshness where source_system = 'demo_web'"
    assert published(settings, freshness) != []
    # Checks that were not repeated keep their result, and the time at which they were made.
    assert sum(version.checks.values()) > 300 and version.checks["failed_error"] == 0
    times = "select count(distinct checked_at) > 1 from ops_check_results where run_id = '{}'"
    assert published(settings, times.format(version.run_id)) == [(True,)]


DAYS = {"fct_web_session": "session_date", "fct_web_page_view": "session_date"}


def test_a_range_of_days_is_computed_again_and_no_other(
    first: CommandResult, settings: Settings
) -> None:
    """Rows of two days are lost, a third day is tampered with: the backfill is for the two."""
    lost, tampered = ("2026-06-10", "2026-06-11"), "2026-06-13"

    def rows(table: str) -> list[tuple[object, ...]]:
        where = f"{DAYS[table]} between date '{lost[0]}' and date '{tampered}'"
        with duckdb.connect(str(settings.warehouse), read_only=True) as warehouse:
            return warehouse.execute(f"from core.{table} where {where} order by all").fetchall()

    before = {table: rows(table) for table in DAYS}
    with duckdb.connect(str(settings.warehouse)) as warehouse:
        for table, column in DAYS.items():
            warehouse.execute(
                f"delete from core.{table} where {column} between date '{lost[0]}' "
                f"and date '{lost[1]}'"
            )
        warehouse.execute(
            "update core.fct_web_session set exit_path = exit_path || '?tampered' "
            f"where session_date = date '{tampered}'"
        )
    changed = rows("fct_web_session")
    assert len(changed) < len(before["fct_web_session"])
    result = command(settings, "backfill", "--from", lost[0], "--to", lost[1])
    assert result.code == 0, result.output
    assert rows("fct_web_page_view") == before["fct_web_page_view"]
    restored = rows("fct_web_session")
    assert len(restored) == len(before["fct_web_session"])
    found, expected = set(restored), set(before["fct_web_session"])
    assert len(found - expected) == len(expected - found) == len(found & set(changed) - expected)
    assert found - expected, "the day that nobody asked for stays as it is"
    assert not list((settings.home / "requests").rglob("*.json")), "the request has been answered"

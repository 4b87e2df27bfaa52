"""The data-trust page's questions, and the steps that follow from them."""

from __future__ import annotations

import duckdb

from streamlit_app.data import passport, trust
from streamlit_app.data.trust import Listing

NOTHING = Listing((), 0)


def steps_of(
    connection: duckdb.DuckDBPyConnection, reasons: tuple[dict[str, str], ...] = ()
) -> list[trust.Step]:
    return list(
        trust.next_steps(
            reasons,
            trust.freshness(connection),
            trust.last_receipts(connection),
            trust.checks(connection, "run-1"),
            trust.quarantine_reasons(connection),
            trust.unmapped_codes(connection),
            trust.unmapped_fields(connection),
            trust.unmatched_references(connection),
            trust.unconverted_values(connection),
        )
    )


def test_every_fault_gets_a_step_the_gravest_first(company: duckdb.DuckDBPyConnection) -> None:
    steps = steps_of(company, ({"check_en": "c", "check_zh": "检", "table": "mart_lead"},))
    assert [(step.kind, step.severity) for step in steps] == [
        ("held_back", "error"),
        ("not_fresh", "error"),
        ("load_held_back", "warn"),
        ("check_failed", "warn"),
        ("not_fresh", "warn"),
        ("quarantine", "warn"),
        ("unmapped_codes", "warn"),
        ("unmatched", "warn"),
        ("unmapped_fields", "note"),
        ("checks_not_run", "note"),
    ]
    codes = next(step for step in steps if step.kind == "unmapped_codes")
    assert codes.values["examples"] == "Kiosk, Fax"


def test_clean_data_need_no_step(own_company: duckdb.DuckDBPyConnection) -> None:
    for table in (
        "mart_quarantined_row",
        "mart_unmapped_field",
        "mart_unmatched_reference",
        "mart_unconverted_value",
    ):
        own_company.execute(f"delete from {table}")
    own_company.execute("delete from mart_code_usage where code_status <> 'mapped'")
    own_company.execute("delete from mart_data_freshness where freshness_status <> 'fresh'")
    own_company.execute("delete from mart_load_receipt where load_status <> 'loaded'")
    own_company.execute("delete from ops_check_results where status <> 'passed'")
    assert steps_of(own_company) == []


def test_a_table_that_is_not_published_is_unknown_and_not_empty(
    own_company: duckdb.DuckDBPyConnection,
) -> None:
    own_company.execute("drop table mart_quarantined_row")
    assert not trust.quarantine_reasons(own_company).is_known
    own_company.execute("delete from mart_unmapped_field")
    assert trust.unmapped_fields(own_company) == NOTHING


def test_lists_say_how_many_there_are(own_company: duckdb.DuckDBPyConnection) -> None:
    own_company.execute(
        "insert into mart_unmapped_field "
        "select 'x' || n, 'crm', 'leads', 'column_' || n, 'unmapped' from range(700) as t(n)"
    )
    listing = trust.unmapped_fields(own_company)
    assert (len(listing.rows), listing.count_all) == (trust.LIST_LIMIT, 701)


def test_links_to_review_tell_who_and_what_to_do(company: duckdb.DuckDBPyConnection) -> None:
    listing = trust.visitor_link_reviews(company)
    assert listing.count_all == len(listing.rows) == 7
    newest = listing.rows[0]
    assert newest["visitor_id"] == "web:visitor6"
    assert "Ann Li" in newest["candidates"] and newest["remedy_zh"]


def test_samples_are_few_per_reason(company: duckdb.DuckDBPyConnection) -> None:
    assert len(trust.quarantine_samples(company, per_reason=5).rows) == 5


def test_a_passport_knows_sources_checks_and_lineage(company: duckdb.DuckDBPyConnection) -> None:
    (source,) = passport.metric_sources(company, "lead_count")
    assert (source.source_system, source.source_table) == ("crm", "leads")
    assert source.freshness_status == "fresh" and source.newest_at is not None
    checks = passport.metric_checks(company, "lead_count", "run-1")
    assert checks is not None
    assert (checks.count_passed, checks.count_failed, checks.count_not_run) == (1, 0, 0)
    other = passport.metric_checks(company, "won_amount", "run-1")
    assert other is not None and other.count_failed == 1
    lineage = passport.metric_lineage(company, "lead_count")
    assert lineage.layers == (
        ("source", ("crm.leads",)),
        ("staging", ("stg_crm__leads",)),
        ("mart", ("mart_lead",)),
    )
    assert passport.model_sql(company, "mart_lead") == "select lead_id from fct_lead"


def test_a_passport_without_lineage_is_unknown(own_company: duckdb.DuckDBPyConnection) -> None:
    for table in ("ops_metric_lineage", "ops_check_results", "ops_model_sql"):
        own_company.execute(f"drop table {table}")
    assert passport.metric_sources(own_company, "lead_count") == ()
    assert passport.metric_checks(own_company, "lead_count", "run-1") is None
    assert passport.metric_lineage(own_company, "lead_count").layers == ()
    assert passport.model_sql(own_company, "mart_lead") is None

"""What the generated models make of landed rows."""

from __future__ import annotations

from datetime import datetime

from tests.unit.mapping.conftest import SmallCompany

# Timestamps in the warehouse are UTC without a zone.
at = datetime.fromisoformat


def test_current_row_is_the_newest_version_that_is_not_deleted(company: SmallCompany) -> None:
    rows = company.rows(
        "select account_id, account_name, loaded_at, first_loaded_at, source_system, source_table "
        "from intermediate.int_canonical__accounts order by account_id"
    )
    january, march = at("2026-01-01 00:00"), at("2026-03-01 00:00")
    assert rows == [
        ("crm:1", "Acme Ltd", march, january, "crm", "accounts"),
        ("crm:2", "Beta", january, january, "crm", "accounts"),
        ("crm:4", "Back again", march, january, "crm", "accounts"),
    ]


def test_texts_are_read_in_the_zone_of_the_source_and_days_stay_days(
    company: SmallCompany,
) -> None:
    assert company.rows(
        "select amount, created_at, closed_at, expected_close_at "
        "from intermediate.int_canonical__opportunities where opportunity_id = 'crm:D1'"
    ) == [(100.5, at("2026-01-05 01:30"), at("2026-02-05"), at("2026-02-05 23:59:59"))]
    assert company.rows(
        "select created_at from intermediate.int_canonical__accounts where account_id = 'crm:1'"
    ) == [(at("2026-01-01 08:00"),)], "landed timestamps are UTC already"


def test_codes_are_mapped_and_unknown_codes_stay_null_but_listed(company: SmallCompany) -> None:
    assert company.rows(
        "select account_id, industry, industry_source_code "
        "from intermediate.int_canonical__accounts order by account_id"
    ) == [
        ("crm:1", "technology", "Tech"),
        ("crm:2", None, "Forestry"),
        ("crm:4", "technology", "Tech"),
    ]
    usage = company.rows(
        "select field, code_list, source_code, canonical_code, status, count_rows "
        "from intermediate.int_canonical__code_usage where system = 'crm' order by all"
    )
    assert ("industry", "industry", "Forestry", None, "unmapped", 1) in usage
    assert ("industry", "industry", "Tech", "technology", "mapped", 2) in usage
    assert ("product_id", "product", "GTXPro", "GTX Pro", "alias", 1) in usage
    assert ("source_stage", "funnel_stage", "Stuck", None, "unmapped", 1) in usage
    assert ("source_stage", "funnel_stage", "won", "won", "mapped", 1) in usage
    assert not [row for row in usage if row[2] == "MG"], "values that pass as they are"


def test_ids_aliases_stages_filters_and_default_currency(company: SmallCompany) -> None:
    assert company.rows(
        "select opportunity_id, account_id, product_id, funnel_stage, erp_readiness, source_stage, "
        "amount, currency from intermediate.int_canonical__opportunities order by 1"
    ) == [
        ("crm:D1", "crm:1", "crm:GTX Pro", "won", "ready", "won", 100.5, "CNY"),
        ("crm:D2", "crm:2", "crm:MG", "engaging", "not_ready", "Engaging", None, "CNY"),
        ("crm:D3", None, None, None, None, "Stuck", None, "CNY"),
    ]


def test_records_of_one_row_get_ids_of_their_own(company: SmallCompany) -> None:
    assert company.rows(
        "select opportunity_stage_event_id, opportunity_id, funnel_stage, entered_at "
        "from intermediate.int_canonical__opportunity_stage_events order by 1"
    ) == [
        ("crm:D1#closed", "crm:D1", "won", at("2026-02-05")),
        ("crm:D1#engaged", "crm:D1", "engaging", at("2026-01-05")),
        ("crm:D2#engaged", "crm:D2", "engaging", at("2026-01-06")),
    ]


def test_keyless_snapshot_counts_its_newest_load_and_makes_one_order_per_key(
    company: SmallCompany,
) -> None:
    assert company.rows(
        "select order_id, account_id, ordered_at from intermediate.int_canonical__orders order by 1"
    ) == [
        ("erp:100", "crm:17850", at("2010-12-01 08:26")),
        ("erp:C7", None, at("2010-12-02 09:00")),
    ]
    assert company.rows(
        "select order_line_id, order_id, quantity, net_amount, is_cancellation "
        "from intermediate.int_canonical__order_lines order by 1"
    ) == [
        ("erp:lines.csv#1", "erp:100", 6.0, 15.0, False),
        ("erp:lines.csv#2", "erp:100", 2.0, 2.0, False),
        ("erp:lines.csv#3", "erp:C7", -1.0, -10.0, True),
        ("erp:lines.csv#4", None, None, None, None),
    ]


def test_columns_of_another_table_are_looked_up_by_its_key(company: SmallCompany) -> None:
    january, march = at("2026-01-01 00:00"), at("2026-03-01 00:00")
    assert company.rows(
        "select quote_id, currency, quoted_at, list_price, loaded_at, first_loaded_at "
        "from intermediate.int_canonical__quotes order by 1"
    ) == [
        ("crm:D1", "TECH", at("2026-01-01 08:00"), None, march, january),
        ("crm:D3", "CNY", None, None, january, january),
        ("crm:D4", "TECH", at("2026-01-01 08:00"), None, march, january),
    ], "present version, no row without a match, a filter on the other table, newest load"
    assert (
        "accounts[account].website",
        "missing",
    ) in company.rows(
        "select source_field, status from intermediate.int_canonical__field_sources "
        "where object = 'quote'"
    )


def test_append_table_counts_all_rows(company: SmallCompany) -> None:
    assert company.rows(
        "select activity_text_id, body from intermediate.int_canonical__activity_texts order by 1"
    ) == [
        ("erp:20260101/notes.jsonl#1", "价格太高"),
        ("erp:20260102/notes.jsonl#1", "later"),
    ]


def test_what_could_not_be_read_and_rows_without_key_are_listed(company: SmallCompany) -> None:
    assert company.rows(
        "select system, table_name, object, field, raw_value, reason, count_rows "
        "from intermediate.int_canonical__unconverted_values order by all"
    ) == [
        ("crm", "accounts", "account", "size_employees", "1,000", "unreadable", 1),
        ("crm", "deals", "opportunity", "amount", "n/a", "unreadable", 1),
        ("erp", "lines", "order", "order_id", None, "missing_key", 1),
        ("erp", "lines", "order_line", "net_amount", "one", "unreadable", 1),
        ("erp", "lines", "order_line", "quantity", "one", "unreadable", 1),
    ]


def test_columns_are_listed_as_mapped_unmapped_or_missing(company: SmallCompany) -> None:
    rows = company.rows(
        "select column_name, status from intermediate.int_canonical__unmapped_fields "
        "where table_name in ('accounts', 'people') order by 1"
    )
    assert ("fax", "unmapped") in rows
    assert ("website", "missing") in rows
    assert ("Company Name", "mapped") in rows
    assert ("person", "missing") in rows
    assert company.report.columns("unmapped") == ["crm.accounts.fax", "crm.accounts.updated_at"]


def test_object_without_rows_has_its_columns(company: SmallCompany) -> None:
    description = company.rows("describe intermediate.int_canonical__contacts")
    assert ("contact_id", "VARCHAR") in [row[:2] for row in description]
    assert ("created_at", "TIMESTAMP") in [row[:2] for row in description]
    assert company.rows("select count(*) from intermediate.int_canonical__contacts") == [(0,)]


def test_history_holds_what_was_current_and_drops_versions_that_changed_nothing(
    company: SmallCompany,
) -> None:
    rows = company.rows(
        "select account_id, version_number, account_name, valid_from, valid_to, is_deleted "
        "from intermediate.int_history__account_versions order by 1, 2"
    )
    january, february, march = (
        at("2026-01-01 00:00"),
        at("2026-02-01 00:00"),
        at("2026-03-01 00:00"),
    )
    assert rows == [
        ("crm:1", 1, "Acme", january, february, False),
        ("crm:1", 2, "Acme Ltd", february, None, False),
        ("crm:2", 1, "Beta", january, None, False),
        ("crm:3", 1, "Gone", january, february, False),
        ("crm:3", 2, None, february, None, True),
        ("crm:4", 1, "Back", january, february, False),
        ("crm:4", 2, None, february, march, True),
        ("crm:4", 3, "Back again", march, None, False),
    ]

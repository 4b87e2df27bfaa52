"""Every check passes on clean data and fails on the data it was written for."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dagster_project.quality import QualityError, registered_checks, run_expectations
from dagster_project.quality.results import CheckResult
from dagster_project.settings import Settings
from expectations import load_suites
from expectations.definitions import Layer
from tests.unit.quality import (
    contact_checks,
    graph_checks,
    identity_checks,
    organisation_checks,
    relationship_checks,
    scorecard_checks,
)
from tests.unit.quality.sample_quality_home import NOW, build, spoiled

# check → table, statement that spoils clean data
BAD: dict[str, tuple[str, str]] = {
    "landed_rows__load_id_present": (
        "pm.projects",
        "update \"pm.projects\" set _load_id = null where project = 'p1'",
    ),
    "landed_rows__loaded_at_present": (
        "crm.accounts",
        'update "crm.accounts" set _loaded_at = null where id = 1',
    ),
    "landed_rows__loaded_at_not_in_future": (
        "crm.accounts",
        "update \"crm.accounts\" set _loaded_at = timestamp '2026-07-01 06:30:01' where id = 1",
    ),
    "landed_rows__source_row_positive": ("pm.projects", 'update "pm.projects" set _source_row = 0'),
    "landed_rows__rows_match_receipts": (
        "pm.projects",
        'delete from "pm.projects" where rowid = 1',
    ),
    "landed_keys__key_present": (
        "crm.accounts",
        'update "crm.accounts" set "line no" = null where id = 1',
    ),
    "landed_keys__key_unique_in_load": (
        "crm.accounts",
        'update "crm.accounts" set id = 0 where id = 1',
    ),
    "landed_files__source_file_present": (
        "web.requests",
        'update "web.requests" set _source_row = null where _source_row = 1',
    ),
    "access_log__requested_at_present": (
        "web.requests",
        'update "web.requests" set requested_at = null where _source_row = 1',
    ),
    "access_log__requested_at_before_load": (
        "web.requests",
        "update \"web.requests\" set requested_at = timestamp '2026-07-01 01:00:01' "
        "where _source_row = 1",
    ),
    "access_log__requested_at_plausible": (
        "web.requests",
        "update \"web.requests\" set requested_at = timestamp '1970-01-01' where _source_row = 1",
    ),
    "access_log__client_address_present": (
        "web.requests",
        "update \"web.requests\" set client_address = '' where _source_row = 1",
    ),
    "access_log__status_is_http": (
        "web.requests",
        'update "web.requests" set status = 600 where _source_row = 1',
    ),
    "access_log__bytes_not_negative": (
        "web.requests",
        'update "web.requests" set count_bytes = -1 where _source_row = 1',
    ),
    "receipts__newest_load_succeeded": (
        "ops.receipts",
        "update \"ops.receipts\" set status = 'failed' where system = 'pm'",
    ),
    "receipts__no_table_became_empty": (
        "ops.receipts",
        "update \"ops.receipts\" set rows_received = 0 where system = 'crm'",
    ),
    "receipts__nothing_missing": (
        "ops.receipts",
        "update \"ops.receipts\" set rows_gap = 1 where system = 'crm'",
    ),
    "receipts__everything_visible": (
        "ops.receipts",
        "update \"ops.receipts\" set coverage_seen = 4 where system = 'crm'",
    ),
    "receipts__structure_unchanged": (
        "ops.receipts",
        "update \"ops.receipts\" set schema_changes = '[{}]' where system = 'crm'",
    ),
    "receipts__counts_not_negative": (
        "ops.receipts",
        "update \"ops.receipts\" set rows_deleted = -1 where system = 'crm'",
    ),
    "receipts__rejected_not_more_than_received": (
        "ops.receipts",
        "update \"ops.receipts\" set rows_rejected = 101 where system = 'web'",
    ),
    "receipts__rejected_share_small": (
        "ops.receipts",
        "update \"ops.receipts\" set rows_rejected = 97 where system = 'web'",
    ),
    "receipts__times_in_order": (
        "ops.receipts",
        "update \"ops.receipts\" set finished_at = timestamp '2026-06-30' where system = 'web'",
    ),
    "receipts__newest_row_not_in_future": (
        "ops.receipts",
        "update \"ops.receipts\" set newest_at = timestamp '2026-07-02' where system = 'web'",
    ),
    "quarantined_rows__reason_present": (
        "ops.quarantined_rows",
        "update \"ops.quarantined_rows\" set reason_zh = '' where source_row = 1",
    ),
    "quarantined_rows__count_matches_receipts": (
        "ops.quarantined_rows",
        'delete from "ops.quarantined_rows" where source_row = 1',
    ),
}

_MARTS_BAD: dict[str, dict[str, str | None]] = {
    "mart_lead": {
        "key_unique": "set lead_id = 'l0' where lead_id = 'l1'",
        "rows_equal_core": None,
        "response_not_before_creation": "set first_response_at = created_at - interval 1 second",
        "response_minutes_not_negative": "set response_minutes = -0.1 where lead_id = 'l1'",
        "cycle_not_negative": "set lead_to_signature_days = -1 where lead_id = 'l1'",
        "amount_not_negative": "set estimated_amount = -1 where lead_id = 'l1'",
        "won_is_converted": "set is_converted = false where lead_id = 'l1'",
        "not_after_as_of": "set period_date = date '2026-07-01' where lead_id = 'l1'",
    },
    "mart_opportunity": {
        "key_unique": "set opportunity_id = 'o0' where opportunity_id = 'o1'",
        "rows_equal_core": None,
        "stage_known": "set funnel_stage = 'other' where opportunity_id = 'o1'",
        "one_outcome": "set is_lost = true where opportunity_id = 'o1'",
        "closed_after_created": "set closed_at = created_at - interval 1 second",
        "cycle_not_negative": "set cycle_days = -1 where opportunity_id = 'o1'",
        "amount_not_negative": "set amount = -1 where opportunity_id = 'o1'",
        "won_amount_only_if_won": "set won_amount = 1 where opportunity_id = 'o0'",
        "win_rate_is_a_share": "set is_closed = is_lost",
        "not_after_as_of": "set period_date = date '2026-07-01' where opportunity_id = 'o1'",
    },
    "mart_funnel_stage": {
        "key_unique": "set opportunity_id = 'o1' where opportunity_id = 'o2'",
        "stage_known": "set funnel_stage = 'other' where opportunity_id = 'o1'",
        "one_current_stage": "set opportunity_id = 'o0' where opportunity_id = 'o1'",
        "opportunities_exist": "set opportunity_id = 'o9' where opportunity_id = 'o1'",
        "stage_days_not_negative": "set stage_days = -1 where opportunity_id = 'o1'",
    },
    "mart_order": {
        "key_unique": "set order_id = 'd0'",
        "rows_equal_core": None,
        "amounts_equal_lines": "set net_amount = net_amount + 0.1 where order_id = 'd1'",
        "not_after_as_of": "set period_date = date '2026-07-01' where order_id = 'd1'",
    },
    "mart_order_line": {
        "key_unique": "set order_line_id = 'n0' where order_line_id = 'n1'",
        "rows_equal_core": None,
        "amount_not_negative_unless_cancelled": "set is_cancellation = false",
        "not_after_as_of": "set period_date = date '2026-07-01' where order_line_id = 'n1'",
    },
    "mart_activity": {
        "key_unique": "set activity_id = 'a0' where activity_id = 'a1'",
        "rows_equal_core": None,
        "duration_not_negative": "set duration_minutes = -1 where activity_id = 'a1'",
        "not_after_as_of": "set period_date = date '2026-07-01' where activity_id = 'a1'",
    },
    "mart_web_day": {
        "key_unique": "set period_date = date '2026-06-01'",
        "requests_equal_core": "set count_requests = 11 where period_date = date '2026-06-01'",
        "counts_not_negative": "set count_bytes = -1 where period_date = date '2026-06-01'",
        "not_after_as_of": "set period_date = date '2026-07-01'",
    },
    "mart_web_visitor_day": {
        "key_unique": "set visitor_address = '10.0.0.0'",
        "seen_in_order": "set last_seen_at = first_seen_at - interval 1 second",
    },
    "mart_web_address": {
        "key_unique": "set visitor_address = '10.0.0.0'",
        "requests_equal_days": "set count_requests = 9 where visitor_address = '10.0.0.0'",
    },
    "mart_data_freshness": {
        "key_unique": "set source_table = 't0'",
        "status_known": "set freshness_status = null where source_table = 't0'",
        "not_stale": "set freshness_status = 'error' where source_table = 't0'",
    },
    "mart_code_usage": {
        "status_known": "set code_status = 'other' where source_code = 'c0'",
        "all_codes_mapped": "set code_status = 'unmapped' where source_code = 'c0'",
    },
    "mart_load_receipt": {
        "key_unique": "set load_receipt_id = 'r0'",
        "status_known": "set load_status = 'lost' where load_receipt_id = 'r0'",
    },
    "mart_schema_change": {
        "key_unique": "set schema_change_id = 'r0'",
        "load_known": "set load_id = '2' where schema_change_id = 'r0'",
        "change_named": "set schema_change = null where schema_change_id = 'r0'",
    },
    "mart_web_address_day": {
        "key_unique": "set period_date = date '2026-06-01'",
        "requests_equal_days": "set count_requests = 9 where period_date = date '2026-06-01'",
    },
    "mart_quarantined_row": {
        "rows_equal_receipts": None,
        "reason_present": "set reason_zh = '' where source_row = 1",
    },
    "mart_unmapped_field": {
        "key_unique": "set source_field = 'f0'",
        "none_is_mapped": "set mapping_status = 'mapped' where source_field = 'f0'",
    },
    "mart_unmatched_reference": {
        "key_unique": "set unmatched_reference_id = 'u0'",
        "rows_positive": "set count_rows = 0 where unmatched_reference_id = 'u0'",
    },
    "mart_unconverted_value": {
        "key_unique": "set unconverted_value_id = 'u0'",
        "rows_positive": "set count_rows = null where unconverted_value_id = 'u0'",
    },
    "mart_object_coverage": {
        "key_unique": "set object_name = 'o0'",
        "rows_not_negative": "set count_rows = -1 where object_name = 'o0'",
    },
    "mart_web_session": {
        "key_unique": "set session_id = 's0' where session_id = 's1'",
        "rows_equal_core": None,
        "ends_after_its_start": "set ended_at = started_at - interval 1 second",
        "engaged_within_its_time": "set engaged_seconds = -1 where session_id = 's1'",
        "robots_are_nobody": "set is_bot = true where session_id = 's1'",
    },
    "mart_bot_day": {
        "key_unique": "set bot_day_id = 'b0' where bot_day_id = 'b1'",
        "requests_equal_days": "set count_requests = 11 where bot_day_id = 'b1'",
        "bots_have_a_reason": "set bot_reason = null where bot_day_id = 'b0'",
        "bot_requests_within_all": "set count_bot_requests = 11 where bot_day_id = 'b0'",
    },
    "mart_web_overlong_session": {
        "key_unique": "set overlong_session_id = 'w0'",
        "reason_present": "set reason_code = null where overlong_session_id = 'w0'",
        "seen_in_order": "set last_seen_at = first_seen_at - interval 1 second",
    },
    "mart_visitor_link": {
        "key_unique": "set visitor_link_id = 'k0'",
        "rows_equal_core": None,
        "confidence_is_a_share": "set confidence = 1.1 where visitor_link_id = 'k0'",
        "applied_names_somebody": "set contact_id = null, account_id = null",
        "seen_in_order": "set last_evidence_at = first_evidence_at - interval 1 second",
    },
    "mart_visitor_link_review": {
        "key_unique": "set visitor_link_review_id = 'r0'",
        "reason_and_remedy_present": "set remedy_zh = null where visitor_link_review_id = 'r1'",
    },
    "mart_intent_signal": {
        "key_unique": "set signal_hit_id = 'h0' where signal_hit_id = 'h1'",
        "rows_equal_core": None,
        "somebody_known": "set account_id = null, contact_id = null where signal_hit_id = 'h1'",
        "evidence_cited": "set count_evidence = 0 where signal_hit_id = 'h1'",
        "weight_positive": "set half_life_days = 0 where signal_hit_id = 'h1'",
        "not_after_as_of": "set period_date = date '2026-07-01' where signal_hit_id = 'h1'",
    },
    "mart_intent_evidence": {
        "key_unique": "set signal_evidence_id = 'e0' where signal_evidence_id = 'e1'",
        "rows_equal_core": None,
        "every_hit_has_evidence": "set signal_hit_id = 'h0' where signal_hit_id = 'h1'",
        "page_known": "set url = null where signal_evidence_id = 'e1'",
    },
    "mart_intent_score_day": {
        "key_unique": "set intent_score_day_id = 'd0' where intent_score_day_id = 'd1'",
        "score_above_zero": "set score_points = 0 where intent_score_day_id = 'd1'",
        "rules_known": "set rule_version = null where intent_score_day_id = 'd1'",
        "not_after_as_of": "set score_date = date '2026-07-01'",
    },
    "mart_intent_factor": {
        "scores_add_up": "set points = 10.000001 where intent_score_day_id = 'd1'",
        "signal_known": "set signal_id = 's2' where intent_score_day_id = 'd1'",
    },
    "mart_intent_account": {
        "key_unique": "set account_id = 'a0' where account_id = 'a1'",
        # As much as there is, but of other accounts.
        "score_is_the_days_score": "set score_points = case account_id when 'a0' then 9 when 'a1' "
        "then 11 else 10 end",
        "factors_add_up": "set score_points = case account_id when 'a0' then 9 when 'a1' then 11 "
        "else 10 end",
        "score_not_negative": "set score_points_before = -1 where account_id = 'a1'",
    },
    "mart_account_timeline": {
        "key_unique": "set account_timeline_id = 't0' where account_timeline_id = 't1'",
        "every_signal_stands_there": "set kind = 'visit' where account_timeline_id = 't1'",
        "not_after_as_of": "set period_date = date '2026-07-01'",
    },
    "mart_decision_maker_change": {
        "key_unique": "set decision_maker_change_id = 'm0'",
        "kind_known": "set change_kind = 'name' where decision_maker_change_id = 'm1'",
        "not_after_as_of": "set period_date = date '2026-07-01'",
    },
    "mart_silent_lead": {
        "key_unique": "set lead_id = 'l0' where lead_id = 'l1'",
        "rows_equal_core": None,
        "delay_longer_than_the_limit": "set reactivation_delay_hours = 48 where lead_id = 'l0'",
        "silent_came_back_or_not": "set is_still_silent = true where lead_id = 'l0'",
        "listed_has_next_step": "set next_step_en = null where lead_id = 'l1'",
    },
    "mart_stalled_lead": {
        "key_unique": "set lead_id = 'l0' where lead_id = 'l1'",
        "idle_beyond_norm": "set idle_days = 30 where lead_id = 'l1'",
        "high_intent": "set intent_points = 39 where lead_id = 'l1'",
        "has_reason_and_next_step": "set next_step_zh = null where lead_id = 'l1'",
    },
    "mart_worklist_outcome": {
        "key_unique": "set action_id = 'x0' where action_id = 'x1'",
        "lead_known": "set lead_name = null, source_system = null where action_id = 'x1'",
        "judged_only_if_attempt": "set is_attempt = false where action_id = 'x0'",
    },
}
_MARTS_BAD |= organisation_checks.BAD | identity_checks.BAD
_MARTS_BAD |= scorecard_checks.BAD
# One row stands in the place of another: both are wrong, while their number is right.
_TWO_ROWS_BAD = {
    "mart_community_proposal__questions_add_up",
    "mart_graph_latency__each_opportunity_once",
    "mart_influence_dropped__dropped_edges_add_up",
    "mart_journey_play__customers_add_up",
    "mart_star_opportunity__own_open_business_is_there",
}
_ONE_ROW_BAD = relationship_checks.BAD | graph_checks.BAD | contact_checks.BAD
_MARTS_BAD |= _ONE_ROW_BAD
for _mart, _checks in _MARTS_BAD.items():
    for _check, _change in _checks.items():
        _statement = f"delete from {_mart} where rowid = 0"
        if _change is not None:
            _statement = f"update {_mart} {_change}"
        BAD[f"{_mart}__{_check}"] = (_mart, _statement)


def _layer(table: str) -> Layer:
    return "landed" if "." in table else "mart"


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    yield build(tmp_path_factory.mktemp("clean"))


@pytest.mark.parametrize("layer", ["landed", "mart"])
def test_clean_data_pass_every_check(clean: Settings, layer: Layer) -> None:
    results = run_expectations(clean, layer, "run-1", NOW)
    here = [result for result in results if not result.table_name.startswith("later.")]
    assert {
        (r.check_id, r.table_name, r.status, r.detail) for r in here if r.status != "passed"
    } == (set())
    assert [(r.check_id, r.table_name) for r in results] == [
        (check.check_id, check.table_name) for check in registered_checks(clean, layer)
    ]


def test_every_check_has_its_bad_data(clean: Settings) -> None:
    checks = [*registered_checks(clean, "landed"), *registered_checks(clean, "mart")]
    registered = {check.check_id for check in checks}
    assert registered == set(BAD)


@pytest.mark.parametrize("check_id", sorted(BAD))
def test_bad_data_fail_the_check(clean: Settings, tmp_path: Path, check_id: str) -> None:
    table, statement = BAD[check_id]
    settings = spoiled(clean, tmp_path, statement)
    results = run_expectations(settings, _layer(table), "run-1", NOW, tables=[table])
    (result,) = [result for result in results if result.check_id == check_id]
    assert (result.status, result.table_name) == ("failed", table)
    assert result.count_failed is None or result.count_failed > 0
    if table in _ONE_ROW_BAD:
        assert result.count_failed == (2 if check_id in _TWO_ROWS_BAD else 1)
    assert result.detail == result.detail_zh != ""


def test_a_check_counts_its_rows_and_points_to_some(clean: Settings, tmp_path: Path) -> None:
    settings = spoiled(
        clean, tmp_path, "update mart_lead set estimated_amount = -1 where lead_id <> 'l0'"
    )
    results = run_expectations(settings, "mart", "run-7", NOW, tables=["mart_lead"])
    (result,) = [result for result in results if result.status == "failed"]
    assert result == CheckResult(
        run_id="run-7",
        checked_at=NOW,
        checker="great_expectations",
        layer="mart",
        check_id="mart_lead__amount_not_negative",
        table_name="mart_lead",
        column_name="estimated_amount",
        severity="warn",
        status="failed",
        count_failed=2,
        detail="2 / 3 · lead_id=l1, estimated_amount=-1.0; lead_id=l2, estimated_amount=-1.0",
        description_en="No lead is worth less than 0",
        description_zh="预估金额不为负",
        detail_zh="2 / 3 · lead_id=l1, estimated_amount=-1.0; lead_id=l2, estimated_amount=-1.0",
    )


def test_a_table_that_is_not_there_is_not_run(clean: Settings, tmp_path: Path) -> None:
    settings = spoiled(clean, tmp_path, "drop table mart_order_line", "drop table fct_lead")
    landed = run_expectations(settings, "landed", "run-1", NOW, tables=["later.requests"])
    assert {result.status for result in landed} == {"not_run"}
    assert {(r.detail, r.detail_zh) for r in landed} == {
        ("Nothing has been landed for later.requests yet.", "later.requests 尚未入湖。")
    }
    marts = run_expectations(settings, "mart", "run-1", NOW)
    assert {(r.check_id, r.detail) for r in marts if r.status != "passed"} == {
        *(
            (
                f"mart_order_line__{check}",
                "mart_order_line has not been built in this installation.",
            )
            for check in _MARTS_BAD["mart_order_line"]
        ),
        (
            "mart_order__amounts_equal_lines",
            "mart_order_line has not been built in this installation.",
        ),
        ("mart_lead__rows_equal_core", "fct_lead has not been built in this installation."),
    }


def test_a_missing_column_stops_only_its_check(clean: Settings, tmp_path: Path) -> None:
    settings = spoiled(
        clean,
        tmp_path,
        "alter table mart_lead drop column estimated_amount",
        "update mart_lead set response_minutes = -1",
    )
    results = run_expectations(settings, "mart", "run-1", NOW, tables=["mart_lead"])
    assert {(r.check_id, r.status, r.count_failed) for r in results if r.status != "passed"} == {
        ("mart_lead__amount_not_negative", "not_run", None),
        ("mart_lead__response_minutes_not_negative", "failed", 3),
    }


def test_a_check_that_cannot_be_evaluated_has_failed(clean: Settings, tmp_path: Path) -> None:
    settings = spoiled(
        clean,
        tmp_path,
        "alter table mart_lead alter column response_minutes type varchar using 'soon'",
    )
    results = run_expectations(settings, "mart", "run-1", NOW, tables=["mart_lead"])
    (result,) = [result for result in results if result.status != "passed"]
    assert (result.check_id, result.status) == (
        "mart_lead__response_minutes_not_negative",
        "failed",
    )
    assert result.detail.startswith("Could not be evaluated: Binder Error")
    assert result.detail_zh.startswith("无法计算：")


def test_a_threshold_that_is_not_there_is_named(clean: Settings, tmp_path: Path) -> None:
    settings = spoiled(clean, tmp_path)
    (settings.seeds / "thresholds.csv").unlink()
    results = run_expectations(settings, "landed", "run-1", NOW, tables=["ops.receipts"])
    (result,) = [result for result in results if result.status != "passed"]
    assert (result.check_id, result.status) == ("receipts__rejected_share_small", "not_run")
    assert "thresholds.csv has no row quarantine_warn_ratio valid on 2026-06-30" in result.detail


def test_a_run_of_the_checks_leaves_nothing_behind(
    clean: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    run_expectations(clean, "mart", "run-1", NOW, tables=["mart_lead"])
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_arguments_that_great_expectations_refuses_are_named(clean: Settings) -> None:
    (suite,) = [suite for suite in load_suites() if suite.suite == "mart_lead"]
    wrong = suite.checks[0].model_copy(update={"arguments": {"min_value": 1, "max_value": 0}})
    broken = suite.model_copy(update={"checks": (wrong,)})
    with pytest.raises(QualityError, match=r"mart_lead__key_unique: .*Correct `expectation`"):
        run_expectations(clean, "mart", "run-1", NOW, suites=[broken])

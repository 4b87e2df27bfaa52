"""Marts of organisation, customer value and traps: clean rows, and what spoils each check."""

from __future__ import annotations

CORE = {
    "fct_suggestion": "select * from range(3)",
    "fct_project_team": "select * from range(3)",
    "fct_knowledge_item": "select * from range(3)",
}
_DAY = "date '2026-06-01' as period_date"
MARTS = {
    "mart_suggestion": f"select 's' || i as suggestion_id, i > 0 as is_answered, i = 1 as "
    f"is_adopted, {_DAY} from range(3) as t(i)",
    "mart_project_team": "select 't' || i as project_team_id, timestamp '2026-06-01' as needed_at, "
    "timestamp '2026-06-02' as formed_at, i = 0 as is_vetoed, case when i = 0 then 'rejected' else "
    f"'approved' end as gate_verdict, {_DAY} from range(3) as t(i)",
    "mart_knowledge_item": "select 'k' || i as knowledge_item_id, i = 2 as is_copy, case when "
    "i = 2 then 'k0' end as copied_from_id, case when i = 2 then 0.95 end as similarity_ratio, "
    f"i < 2 as is_reuse_known, {_DAY} from range(3) as t(i)",
    "mart_config_change": "select 'c' || i as config_change_id, timestamp '2026-05-01' as "
    f"requested_at, timestamp '2026-06-01' as changed_at, {_DAY} from range(3) as t(i)",
    "mart_business_event": "select 'e' || i as business_event_id, 'crm' as raised_in, case when "
    "i = 0 then 'crm' else 'erp' end as observed_in, true as has_triggered, i > 0 as "
    f"is_trigger_known, {_DAY} from range(3) as t(i)",
    "mart_rep_week": "select 'w' || i as rep_week_id, date '2026-06-01' as week_start, i as "
    "count_board_uses, i > 0 as has_board_use, 0 as count_practice_uses, false as "
    "has_practice_use from range(3) as t(i)",
    "mart_intent_recognition": "select 'l' || i as lead_id, date '2026-05-30' as score_date, "
    "timestamp '2026-05-31 08:00' as decided_at, true as is_converted, i > 0 as is_judged, case "
    f"when i > 0 then true end as is_recognised, {_DAY} from range(3) as t(i)",
    "mart_renewal": "select 'n' || i as renewal_id, date '2026-01-01' as order_date, date "
    "'2026-02-01' as next_order_date, date '2026-03-01' as window_end_date, true as is_decided, "
    "true as is_renewed from range(3) as t(i)",
    "mart_customer_value": "select 'c' || i as customer_id, date '2026-06-01' as window_end_date, "
    "10.0 as lifetime_value_cny from range(3) as t(i)",
    "mart_data_health": "select 'd' || i as data_health_id, 'd' || i as source_table_id, "
    "true as is_reporting_day, 10 as count_rows, 9 as count_good, "
    "1 as count_rejected, 0 as count_unreadable from range(3) as t(i)",
    "mart_trap": "select 't' || i as trap_id, case when i < 2 then 1 end as count_cases, case when "
    "i < 2 then 3 end as count_examined, case when i < 2 then true end as is_triggered, case when "
    "i = 2 then 'object' end as unknown_reason from range(3) as t(i)",
    "mart_trap_evidence": "select 't' || i || ':x' as trap_evidence_id, 't' || i as trap_id, "
    "'It was so.' as evidence_en, '确实如此。' as evidence_zh from range(2) as t(i)",
}
BAD: dict[str, dict[str, str | None]] = {
    "mart_suggestion": {
        "key_unique": "set suggestion_id = 's0' where suggestion_id = 's1'",
        "rows_equal_core": None,
        "adopted_is_answered": "set is_answered = false where suggestion_id = 's1'",
        "not_after_as_of": "set period_date = date '2026-07-01' where suggestion_id = 's1'",
    },
    "mart_project_team": {
        "key_unique": "set project_team_id = 't0' where project_team_id = 't1'",
        "rows_equal_core": None,
        "formed_not_before_needed": "set formed_at = needed_at - interval 1 second",
        "veto_is_a_verdict": "set is_vetoed = true where project_team_id = 't1'",
        "not_after_as_of": "set period_date = date '2026-07-01' where project_team_id = 't1'",
    },
    "mart_knowledge_item": {
        "key_unique": "set knowledge_item_id = 'k0' where knowledge_item_id = 'k1'",
        "rows_equal_core": None,
        "copy_has_an_original": "set copied_from_id = 'k2' where knowledge_item_id = 'k2'",
        "similarity_is_a_share": "set similarity_ratio = 1.01 where knowledge_item_id = 'k2'",
        "judged_is_no_copy": "set is_reuse_known = true where knowledge_item_id = 'k2'",
        "not_after_as_of": "set period_date = date '2026-07-01' where knowledge_item_id = 'k1'",
    },
    "mart_config_change": {
        "key_unique": "set config_change_id = 'c0' where config_change_id = 'c1'",
        "requested_not_after_change": "set requested_at = changed_at + interval 1 second",
        "not_after_as_of": "set period_date = date '2026-07-01' where config_change_id = 'c1'",
    },
    "mart_business_event": {
        "key_unique": "set business_event_id = 'e0' where business_event_id = 'e1'",
        "raised_elsewhere": "set is_trigger_known = true where business_event_id = 'e0'",
        "not_after_as_of": "set period_date = date '2026-07-01' where business_event_id = 'e1'",
    },
    "mart_rep_week": {
        "key_unique": "set rep_week_id = 'w0' where rep_week_id = 'w1'",
        "week_begins_on_monday": "set week_start = date '2026-06-02' where rep_week_id = 'w1'",
        "use_is_counted": "set count_board_uses = 0 where rep_week_id = 'w1'",
    },
    "mart_intent_recognition": {
        "key_unique": "set lead_id = 'l0' where lead_id = 'l1'",
        "score_before_the_outcome": "set score_date = date '2026-05-31' where lead_id = 'l1'",
        "outcome_is_known": "set is_converted = null where lead_id = 'l1'",
        "recognised_is_judged": "set is_recognised = null where lead_id = 'l1'",
        "not_after_as_of": "set period_date = date '2026-07-01' where lead_id = 'l1'",
    },
    "mart_renewal": {
        "key_unique": "set renewal_id = 'n0' where renewal_id = 'n1'",
        "renewed_within_the_window": "set next_order_date = date '2026-03-02'",
        "decided_is_over": "set window_end_date = date '2026-07-01' where renewal_id = 'n1'",
        "next_order_is_later": "set next_order_date = order_date where renewal_id = 'n1'",
    },
    "mart_customer_value": {
        "key_unique": "set customer_id = 'c0' where customer_id = 'c1'",
        "value_after_its_time": "set window_end_date = date '2026-07-01'",
        "value_not_negative": "set lifetime_value_cny = -1 where customer_id = 'c1'",
    },
    "mart_data_health": {
        "key_unique": "set data_health_id = 'd0' where data_health_id = 'd1'",
        "rows_equal_core": None,
        "parts_add_up": "set count_good = 8 where source_table_id = 'd1'",
    },
    "mart_trap": {
        "key_unique": "set trap_id = 't0' where trap_id = 't1'",
        "cases_were_examined": "set count_cases = 4 where trap_id = 't1'",
        "unknown_says_why": "set unknown_reason = null where trap_id = 't2'",
    },
    "mart_trap_evidence": {
        "key_unique": "set trap_evidence_id = 't0:x'",
        "cases_add_up": "set trap_id = 't2' where trap_id = 't1'",
        "evidence_in_both_languages": "set evidence_zh = ''",
    },
}

"""A clean home: landed tables, receipts, and a warehouse with every mart that has a suite."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from dagster_project.settings import Settings
from tests.unit.publishing import sample_home
from tests.unit.quality import (
    contact_checks,
    graph_checks,
    identity_checks,
    organisation_checks,
    relationship_checks,
    scorecard_checks,
)

NOW = datetime(2026, 7, 1, 6, 30, tzinfo=UTC)

SOURCES = """
as_of = 2026-06-30
[[source]]
system = "crm"
kind = "sql"
url = "sqlite:///{home}/crm.sqlite"
    [[source.table]]
    name = "accounts"
    primary_key = ["id", "line no"]
[[source]]
system = "pm"
kind = "files"
location = "{home}/files"
    [[source.table]]
    name = "projects"
    glob = "*.csv"
    load = "append"
[[source]]
system = "web"
kind = "access_log"
location = "{home}/logs"
glob = "access*.log"
[[source]]
system = "later"
kind = "access_log"
location = "{home}/later"
glob = "access*.log"
"""

_METADATA = (
    "'20260630T010000' as _load_id, timestamp '2026-06-30 01:00' as _loaded_at, "
    "{file} as _source_file, {row} as _source_row, false as _is_deleted"
)
_FROM_FILE = _METADATA.format(file="'a.csv'", row="i + 1")

LANDED = {
    "crm.accounts": "select i as id, 1 as \"line no\", 'name ' || i as name, "
    + _METADATA.format(file="null::varchar", row="null::bigint")
    + " from range(4) as t(i)",
    "pm.projects": f"select 'p' || i as project, {_FROM_FILE} from range(3) as t(i)",
    "web.requests": "select '10.0.0.' || i as client_address, "
    "timestamp '2026-06-29 12:00' as requested_at, 'GET' as method, 200 as status, "
    f"100 as count_bytes, {_FROM_FILE} from range(5) as t(i)",
    "ops.receipts": """
        select
            system, table_name, '20260630T010000' as load_id, mode, 'loaded' as status,
            timestamp '2026-06-30 01:00' as started_at, timestamp '2026-06-30 01:01' as finished_at,
            received as rows_received, loaded as rows_loaded, received - loaded as rows_rejected,
            0 as rows_deleted, 10 as rows_previous, received as rows_asked, 0 as rows_merged,
            0 as rows_gap, 5 as coverage_seen, 5 as coverage_all, 'members' as coverage_en,
            '[]' as schema_changes, timestamp '2026-06-29 12:00' as newest_at
        from (values
            ('crm', 'accounts', 'snapshot', 4, 4),
            ('pm', 'projects', 'append', 3, 3),
            ('web', 'requests', 'append', 100, 5)
        ) as t(system, table_name, mode, received, loaded)
    """,
    "ops.quarantined_rows": "select 'web' as system, 'requests' as table_name, 'a.log' as "
    "source_file, i as source_row, 'broken_line' as reason_code, 'broken line' as reason_en, "
    "'行损坏' as reason_zh from range(95) as t(i)",
}

CORE = {
    "fct_lead": "select * from range(3)",
    "fct_order": "select * from range(2)",
    "fct_order_line": "select * from range(4)",
    "fct_web_event": "select * from range(30)",
    "fct_web_session": "select * from range(3)",
    "fct_visitor_link": "select * from range(3)",
    "fct_intent_signal_hit": "select * from range(3)",
    "bridge_intent_signal_evidence": "select * from range(3)",
    "fct_silent_lead": "select * from range(3)",
    "funnel_stage": "select unnest(['engaging', 'won', 'lost']) as funnel_stage",
    "intent_signal": "select 's1' as signal_id",
}
SEEDS = ("funnel_stage", "intent_signal")
_STAGES = "['engaging', 'won', 'won', 'lost'][i + 1]"
MARTS = {
    "mart_lead": "select 'l' || i as lead_id, timestamp '2026-06-01' as created_at, timestamp "
    "'2026-06-02' as first_response_at, 1440.0 as response_minutes, 3.0 as lead_to_signature_days, "
    "10.0 as estimated_amount, true as is_converted, i = 1 as is_won, date '2026-06-01' as "
    "period_date from range(3) as t(i)",
    "mart_opportunity": f"select 'o' || i as opportunity_id, {_STAGES} as funnel_stage, i = 0 as "
    "is_open, i > 0 as is_closed, i in (1, 2) as is_won, i = 3 as is_lost, 5.0 as amount, "
    "case when i in (1, 2) then 5.0 else 0.0 end as won_amount, timestamp '2026-06-01' as "
    "created_at, timestamp '2026-06-02' as engaged_at, timestamp '2026-06-09' as closed_at, "
    "7.0 as cycle_days, date '2026-06-09' as period_date from range(4) as t(i)",
    "mart_funnel_stage": "select opportunity_id, funnel_stage, true as is_current, 2.0 as "
    "stage_days from mart_opportunity",
    "mart_order_line": "select 'n' || i as order_line_id, 'd' || i % 2 as order_id, case i when 3 "
    "then -1.5 else 2.5 end as net_amount, i = 3 as is_cancellation, date '2026-06-09' as "
    "period_date from range(4) as t(i)",
    "mart_order": "select order_id, sum(net_amount) as net_amount, date '2026-06-09' as "
    "period_date from mart_order_line group by 1",
    "mart_activity": "select 'a' || i as activity_id, 5 as duration_minutes, date '2026-06-09' as "
    "period_date from range(3) as t(i)",
    "mart_web_day": "select 'web' as source_system, date '2026-06-01' + i::int as period_date, 200 "
    "as status, 10 as count_requests, 99 as count_bytes from range(3) as t(i)",
    "mart_web_visitor_day": "select 'web' as source_system, date '2026-06-01' as period_date, "
    "'10.0.0.' || i as visitor_address, 'agent' as user_agent, timestamp '2026-06-01 10:00' as "
    "first_seen_at, timestamp '2026-06-01 11:00' as last_seen_at from range(3) as t(i)",
    "mart_web_address": "select 'web' as source_system, '10.0.0.' || i as visitor_address, 10 as "
    "count_requests from range(3) as t(i)",
    "mart_data_freshness": "select 'crm' as source_system, 't' || i as source_table, 'fresh' as "
    "freshness_status, 1.0 as age_hours from range(3) as t(i)",
    "mart_code_usage": "select 'crm' as source_system, 'account' as object_name, 'industry' as "
    "field_name, 'c' || i as source_code, 'mapped' as code_status from range(3) as t(i)",
    "mart_load_receipt": "select 'r' || i as load_receipt_id, 'crm' as source_system, 't' as "
    "source_table, '1' as load_id, 'loaded' as load_status, 1 as rows_rejected "
    "from range(3) as t(i)",
    "mart_schema_change": "select load_receipt_id as schema_change_id, source_system, "
    "source_table, load_id, 'added' as schema_change, 'fax' as column_name from mart_load_receipt",
    "mart_web_address_day": "select source_system, period_date, '10.0.0.1' as visitor_address, "
    "count_requests from mart_web_day",
    "mart_quarantined_row": "select 'crm' as source_system, 't' as source_table, 'f' as "
    "source_file, i as source_row, 'broken' as reason_code, 'broken' as reason_en, '损坏' as "
    "reason_zh from range(3) as t(i)",
    "mart_unmapped_field": "select 'crm' as source_system, 't' as source_table, 'f' || i as "
    "source_field, 'unmapped' as mapping_status from range(3) as t(i)",
    "mart_unmatched_reference": "select 'u' || i as unmatched_reference_id, 'crm' as "
    "source_system, 'lead' as object_name, 'rep_id' as field_name, 'r' || i as missing_value, "
    "1 as count_rows from range(3) as t(i)",
    "mart_unconverted_value": "select 'u' || i as unconverted_value_id, 'crm' as source_system, "
    "'lead' as object_name, 'created_at' as field_name, 'soon' as source_value, 1 as count_rows "
    "from range(3) as t(i)",
    "mart_object_coverage": "select 'crm' as source_system, 'o' || i as object_name, 5 as "
    "count_rows from range(3) as t(i)",
    "mart_web_session": "select 's' || i as session_id, 'v' || i as visitor_id, date '2026-06-09' "
    "as period_date, timestamp '2026-06-09 10:00' as started_at, timestamp '2026-06-09 10:05' as "
    "ended_at, 60.0 as engaged_seconds, i = 0 as is_bot, false as is_staff, i = 1 as has_account "
    "from range(3) as t(i)",
    "mart_bot_day": "select 'b' || i as bot_day_id, 10 as count_requests, case i when 0 then 10 "
    "else 0 end as count_bot_requests, case i when 0 then 'crawler_list' end as bot_reason "
    "from range(3) as t(i)",
    "mart_web_overlong_session": "select 'w' || i as overlong_session_id, 'too_long' as "
    "reason_code, timestamp '2026-06-01 10:00' as first_seen_at, timestamp '2026-06-03 10:00' as "
    "last_seen_at from range(3) as t(i)",
    "mart_visitor_link": "select 'k' || i as visitor_link_id, 0.9 as confidence, 0.95 as "
    "link_confidence, true as is_applied, 'c1' as contact_id, 'a1' as account_id, timestamp "
    "'2026-06-01' as first_evidence_at, timestamp '2026-06-02' as last_evidence_at "
    "from range(3) as t(i)",
    "mart_visitor_link_review": "select 'r' || i as visitor_link_review_id, 'why' as reason_en, "
    "'原因' as reason_zh, 'do' as remedy_en, '处理' as remedy_zh from range(3) as t(i)",
    "mart_intent_signal": "select 'h' || i as signal_hit_id, 'a1' as account_id, 'c1' as "
    "contact_id, 1 as count_evidence, 20 as weight, 14 as half_life_days, date '2026-06-29' as "
    "period_date from range(3) as t(i)",
    "mart_intent_evidence": "select 'e' || i as signal_evidence_id, 'h' || i as signal_hit_id, "
    "'web_event' as evidence_object, '/pricing' as url from range(3) as t(i)",
    "mart_intent_score_day": "select 'd' || i as intent_score_day_id, 'account' as level, 'a' || i "
    "as account_id, date '2026-06-30' as score_date, cast(10 as decimal(18, 6)) as score_points, "
    "'v1' as rule_version from range(3) as t(i)",
    "mart_intent_factor": "select intent_score_day_id, level, account_id, score_date, "
    "'s1' as signal_id, score_points as points from mart_intent_score_day",
    "mart_intent_account": "select 'a' || i as account_id, cast(10 as decimal(18, 6)) as "
    "score_points, cast(5 as decimal(18, 6)) as score_points_before from range(3) as t(i)",
    "mart_account_timeline": "select 't' || i as account_timeline_id, 'signal' as kind, date "
    "'2026-06-29' as period_date from range(3) as t(i)",
    "mart_decision_maker_change": "select 'm' || i as decision_maker_change_id, 'title' as "
    "change_kind, date '2026-06-29' as period_date from range(3) as t(i)",
    "mart_silent_lead": "select 'l' || i as lead_id, i = 0 as is_silent, i = 0 as is_activated, "
    "false as is_still_silent, case i when 0 then 60.0 end as reactivation_delay_hours, i = 1 as "
    "is_listed, 'no_answer' as reason_code, 'call' as next_step_en from range(3) as t(i)",
    "mart_stalled_lead": "select 'l' || i as lead_id, 41.0 as idle_days, 30.0 as norm_days, 50 as "
    "intent_points, 'no_owner_touch' as reason_code, 'call' as next_step_en, '致电' as "
    "next_step_zh from range(3) as t(i)",
    "mart_worklist_outcome": "select 'x' || i as action_id, 'l1' as lead_id, 'A lead' as "
    "lead_name, 'crm' as source_system, i = 0 as is_attempt, case i when 0 then true end as "
    "is_quoted_in_time from range(3) as t(i)",
}
CORE |= organisation_checks.CORE | identity_checks.CORE
CORE |= relationship_checks.CORE | graph_checks.CORE | contact_checks.CORE
MARTS |= organisation_checks.MARTS | identity_checks.MARTS
MARTS |= scorecard_checks.MARTS
MARTS |= relationship_checks.MARTS | graph_checks.MARTS | contact_checks.MARTS


def build(home: Path) -> Settings:
    """The clean home."""
    settings = Settings(home=home, seeds=home / "seeds")
    home.mkdir(parents=True, exist_ok=True)
    settings.sources_file.write_text(SOURCES, encoding="utf-8")
    settings.seeds.mkdir()
    (settings.seeds / "thresholds.csv").write_text(
        "threshold_id,value,unit,valid_from,reason\n"
        "quarantine_warn_ratio,0.96,ratio,2010-01-01,first\n"
        "quarantine_warn_ratio,0.0,ratio,2030-01-01,not yet valid\n"
        "silent_lead_hours,48,hours,2010-01-01,first\n"
        "high_intent_points,40,points,2010-01-01,first\n"
        "relationship_top_accounts,20,accounts,2010-01-01,first\n",
        encoding="utf-8",
    )
    sample_home.write_manifest(
        settings,
        [
            *(sample_home.model(name, "core") for name in CORE if name not in SEEDS),
            *(sample_home.model(name) for name in MARTS),
            *map(sample_home.seed, SEEDS),
        ],
    )
    sample_home.write_warehouse(settings, CORE | MARTS)
    for name, query in LANDED.items():
        _landed_file(settings, name).parent.mkdir(parents=True)
        duckdb.sql(query).write_parquet(str(_landed_file(settings, name)))
    return settings


def spoiled(clean: Settings, home: Path, *statements: str) -> Settings:
    """A copy of the clean home, changed by SQL.

    ``"system.table"`` in quotes names a landed table; anything else is a table of the warehouse.
    """
    shutil.copytree(clean.home, home, dirs_exist_ok=True)
    settings = Settings(home=home, seeds=home / "seeds")
    for statement in statements:
        landed = [name for name in LANDED if f'"{name}"' in statement]
        if not landed:
            with duckdb.connect(str(settings.warehouse)) as warehouse:
                warehouse.execute(statement)
        for name in landed:
            file = _landed_file(settings, name)
            with duckdb.connect(":memory:") as connection:
                connection.execute(f"create table \"{name}\" as select * from '{file}'")
                connection.execute(statement)
                connection.table(f'"{name}"').write_parquet(str(file))
    return settings


def _landed_file(settings: Settings, name: str) -> Path:
    return settings.raw / name.replace(".", "/") / "1.parquet"

"""A small published version in the publisher's own format, with every mart the pages read.

Two sources: ``crm`` (leads, opportunities, activities; amounts in CNY and USD) and ``web`` (access
logs). Nobody delivers orders here unless ``with_orders`` is set, so order metrics are unknown.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from dagster_project.publishing import storage
from dagster_project.settings import REPO_ROOT, Settings
from tests.unit.streamlit_app.health_marts import HEALTH_MARTS
from tests.unit.streamlit_app.intent_marts import INTENT_MARTS
from tests.unit.streamlit_app.organisation_marts import ORGANISATION_MARTS, ORGANISATION_OBJECTS
from tests.unit.streamlit_app.relationship_marts import RELATIONSHIP_MARTS

AS_OF = date(2026, 6, 30)
PUBLISHED_AT = datetime(2026, 7, 1, 2, 30, tzinfo=UTC)
RUN_ID = "run-1"
SEEDS = ("metric_catalogue", "thresholds", "funnel_stage", "canonical_codes", "worklist_outcome")

_PEOPLE = """
    'crm' as source_system,
    'crm:rep' || (n % 9) as rep_id,
    ['Wang Fang', '李娜', 'Zhang Wei', 'Liu Yang', 'Chen Jie', 'Yang Min', 'Zhao Lei', 'Huang Tao',
        'Zhou Xin'][n % 9 + 1] as rep_name,
    case when n % 9 < 3 then 'North' when n % 9 < 6 then '华东' else 'South' end as team_name,
    ['medical_devices', 'manufacturing', 'retail', 'saas', null][n % 5 + 1] as industry,
    ['Beijing', 'Shanghai', 'Shenzhen'][n % 3 + 1] as region,
    ['web', 'referral', 'event', 'partner'][n % 4 + 1] as channel,
    ['Imaging', 'Robotics'][n % 2 + 1] as product_line,
    'crm:account' || (n % 60) as account_id,
    'Account ' || (n % 60) as account_name,
"""
_MARTS: dict[str, str] = {
    "mart_lead": f"""
        select
            'crm:lead' || n as lead_id, 'Lead ' || n as lead_name, {_PEOPLE}
            cast(created_at as date) as period_date, created_at,
            created_at as first_touch_at,
            case when n % 6 > 0 then created_at + to_minutes(response_minutes) end
                as first_response_at,
            case when n % 6 > 0 then cast(response_minutes as double) end as response_minutes,
            true as is_response_known, n % 6 > 0 as has_response,
            true as is_outcome_known, n % 4 = 0 as is_converted, n % 12 = 0 as is_won,
            'contacted' as lead_status, 'high' as intent_label,
            case when n % 12 = 0 then created_at + to_days(30 + n % 40) end as signed_at,
            case when n % 12 = 0 then cast(30 + n % 40 as double) end as lead_to_signature_days,
            cast(1000 + n as decimal(18, 2)) as estimated_amount, 'CNY' as currency,
            cast(date_trunc('month', created_at) as date) as cohort_month
        from (
            select
                n, timestamp '2024-10-01 08:00:00' + to_hours(n * 5) as created_at,
                cast(3 + (n * 37) % 900 as bigint) as response_minutes
            from range(3000) as numbers(n)
        )
    """,
    "mart_opportunity": f"""
        select
            'crm:opp' || n as opportunity_id, 'Deal ' || n as opportunity_name, {_PEOPLE}
            'Scanner ' || (n % 7) as product_name,
            cast(coalesce(closed_at, created_at) as date) as period_date,
            case n % 5 when 0 then 'won' when 1 then 'lost' when 2 then 'won' when 3 then 'lost'
                else 'negotiation' end as funnel_stage,
            true as is_stage_known, n % 5 = 4 as is_open, n % 5 < 4 as is_closed,
            n % 5 in (0, 2) as is_won, n % 5 in (1, 3) as is_lost,
            cast(20000 + (n * 7919) % 180000 as decimal(18, 2)) as amount,
            case when n % 5 in (0, 2)
                then cast(20000 + (n * 7919) % 180000 as decimal(18, 2)) end as won_amount,
            case when n % 7 = 0 then 'USD' else 'CNY' end as currency,
            created_at, created_at + to_days(2) as engaged_at, closed_at,
            case when n % 5 in (0, 2) then cast(20 + n % 60 as double) end as cycle_days,
            n % 3 = 0 as is_referred, n % 10 = 0 as is_high_value,
            n % 30 = 0 as is_high_value_referred, n % 10 = 0 as is_high_value_referral_known,
            case when n % 5 = 1 then 'price' end as loss_reason,
            cast(date_trunc('month', created_at) as date) as cohort_month
        from (
            select
                n, timestamp '2024-10-01 09:00:00' + to_hours(n * 15) as created_at,
                case when n % 5 < 4
                    then timestamp '2024-10-01 09:00:00' + to_hours(n * 15) + to_days(22 + n % 60)
                end as closed_at
            from range(1000) as numbers(n)
        )
    """,
    "mart_funnel_stage": f"""
        select
            'crm:opp' || n || ':' || stage as funnel_stage_id, 'crm:opp' || n as opportunity_id,
            'Deal ' || n as opportunity_name, {_PEOPLE}
            cast(timestamp '2024-10-01' + to_hours(n * 15) as date) as period_date,
            stage as funnel_stage, stage_order, true as is_recorded,
            timestamp '2024-10-01' + to_hours(n * 15) + to_days(stage_order * 5) as entered_at,
            null::timestamp as exited_at,
            case when stage_order < 5 then cast(4 + (n + stage_order * 3) % 9 as double) end
                as stage_days,
            stage_order < 5 and n % (stage_order + 3) > 0 as has_advanced,
            false as is_current, stage_order < 5 as is_decided,
            cast(date_trunc('month', timestamp '2024-10-01' + to_hours(n * 15)) as date)
                as cohort_month
        from range(1000) as numbers(n)
        cross join (
            values ('prospecting', 1), ('engaging', 2), ('proposal', 3), ('negotiation', 4),
                ('won', 5), ('lost', 6)
        ) as stages(stage, stage_order)
        where stage_order = 1 or n % (stage_order + 2) > stage_order / 2
    """,
    "mart_activity": f"""
        select
            'crm:act' || n as activity_id, {_PEOPLE}
            'crm:contact' || n as contact_id, null::varchar as opportunity_id,
            null::varchar as lead_id, cast(occurred_at as date) as period_date,
            'outbound' as direction,
            case when n % 20 = 0 then null else occurred_at >= timestamp '2025-03-01' + to_hours(
                (n * 61) % 6000) end as is_automatic,
            n % 20 > 0 as is_capture_known, occurred_at, occurred_at as recorded_at,
            cast(5 + n % 50 as double) as duration_minutes
        from (
            select n, timestamp '2024-10-01 07:00:00' + to_hours(n * 3) as occurred_at
            from range(5000) as numbers(n)
        )
    """,
    "mart_web_day": """
        select
            'web:' || n || ':' || status as web_day_id, 'web' as source_system,
            date '2024-10-01' + cast(n as integer) as period_date,
            cast(status as integer) as status,
            status >= 400 as is_error,
            cast((400 + (n * 13) % 90 + n / 3) / weight as bigint) as count_requests,
            cast(case when status >= 400 then (400 + (n * 13) % 90 + n / 3) / weight else 0 end
                as bigint) as count_error_requests,
            cast(9000 * (400 + n) / weight as bigint) as count_bytes
        from range(638) as days(n)
        cross join (values (200, 1), (304, 9), (404, 25), (500, 160)) as statuses(status, weight)
    """,
    "mart_web_visitor_day": """
        select
            'web' as source_system, date '2024-10-01' + cast(n // 5 as integer) as period_date,
            '10.0.0.' || (n % 200) as visitor_address, 'Mozilla' as user_agent,
            cast(3 as bigint) as count_requests, cast(900 as bigint) as count_bytes,
            timestamp '2024-10-01' as first_seen_at, timestamp '2024-10-02' as last_seen_at
        from range(3190) as visits(n)
    """,
    "mart_web_address_day": """
        select
            'web' as source_system, date '2024-10-01' + cast(n // 5 as integer) as period_date,
            '10.0.0.' || (n % 200) as visitor_address, cast(1 as bigint) as count_user_agents,
            cast(3 as bigint) as count_requests, cast(900 as bigint) as count_bytes
        from range(3190) as visits(n)
    """,
    "mart_object_coverage": """
        select
            system || ':' || object as object_coverage_id, system as source_system,
            object as object_name, cast(10 as bigint) as count_rows,
            timestamp '2026-06-30 22:00:00' as newest_loaded_at
        from (
            values ('crm', 'lead'), ('crm', 'opportunity'), ('crm', 'opportunity_stage_event'),
                ('crm', 'activity'), ('crm', 'account'), ('crm', 'contact_job_change'),
                ('crm', 'contact_optout'), ('crm', 'activity_text'), ('crm', 'community_post'),
                ('web', 'web_event')
        ) as covered(system, object)
    """,
    "mart_data_freshness": """
        select
            system || ':' || name as source_table_id, system as source_system,
            name as source_table, schedule, load_status as last_load_status,
            timestamp '2026-06-30 22:05:00' as last_load_at,
            timestamp '2026-06-30 22:05:00' as last_good_load_at,
            case when age is not null then timestamp '2026-07-01' - to_hours(age) end as newest_at,
            cast(loaded as hugeint) as rows_loaded, cast(rejected as hugeint) as rows_rejected,
            case when name = 'leads' then cast(3 as bigint) end as rows_gap,
            cast(4 as bigint) as count_loads, cast(age as double) as age_hours,
            6.0 as warn_after_hours, 24.0 as error_after_hours, state as freshness_status
        from (
            values
                ('crm', 'leads', 'hourly', 'loaded', 2, 3000, 4, 'fresh'),
                ('crm', 'deals', 'hourly', 'loaded', 3, 1000, 0, 'fresh'),
                ('crm', 'touches', 'hourly', 'unchanged', 9, 5000, 0, 'warn'),
                ('web', 'access', 'daily', 'held_back', 120, 250000, 12, 'error')
        ) as tables(system, name, schedule, load_status, age, loaded, rejected, state)
    """,
    "mart_load_receipt": """
        select
            system || ':' || name || ':1' as load_receipt_id, system as source_system,
            name as source_table, '1' as load_id, 'sql' as kind, 'incremental' as load_mode,
            load_status, 'hourly' as schedule, date '2026-06-30' as period_date,
            timestamp '2026-06-30 22:00:00' as started_at,
            timestamp '2026-06-30 22:05:00' as finished_at, cast(100 as bigint) as rows_received,
            cast(96 as bigint) as rows_loaded, cast(4 as bigint) as rows_rejected,
            cast(0 as bigint) as rows_deleted, cast(90 as bigint) as rows_previous,
            null::varchar as cursor_from, null::varchar as cursor_to,
            timestamp '2026-06-30 21:00:00' as newest_at, cast(1 as bigint) as count_files,
            cast(1 as bigint) as count_bytes, cast(1 as bigint) as count_calls,
            '[]' as schema_changes, message_en, message_zh, remedy_en, remedy_zh,
            cast(asked as bigint) as rows_asked, cast(7 as bigint) as rows_merged,
            cast(asked - 100 as bigint) as rows_gap, cast(2 as bigint) as count_retries,
            cast(used as bigint) as quota_used, cast(used + 100 as bigint) as quota_limit,
            cast(seen as bigint) as coverage_seen, cast(50 as bigint) as coverage_all,
            'members' as coverage_en, '成员' as coverage_zh
        from (
            values
                ('crm', 'leads', 'loaded', 'Loaded.', '已加载。', '', '', 103, 900, 46),
                ('web', 'access', 'held_back', 'Only 40 of 100 rows came.',
                    '只收到 100 行中的 40 行。', 'Check the export.', '请检查导出。',
                    null, null, null)
        ) as loads(
            system, name, load_status, message_en, message_zh, remedy_en, remedy_zh, asked, used,
            seen
        )
    """,
    "mart_schema_change": """
        select
            'crm:leads:1:' || n as schema_change_id, 'crm' as source_system,
            'leads' as source_table, '1' as load_id, change as schema_change, column_name,
            type_before, type_after, 'evolve' as drift_policy, 'loaded' as load_status,
            cast(found_at as date) as period_date, found_at
        from (
            values
                (1, 'added', '<b>fax', null, 'text', timestamp '2026-06-30 22:05:00'),
                (2, 'type', 'amount', 'integer', 'number', timestamp '2026-06-30 22:05:00'),
                (3, 'missing', 'telex', 'text', null, timestamp '2026-06-01 22:05:00')
        ) as changes(n, change, column_name, type_before, type_after, found_at)
    """,
    "mart_quarantined_row": """
        select
            'web' as source_system, 'access' as source_table, '1' as load_id,
            'access.log' as source_file, cast(n as bigint) as source_row,
            'broken_line' as reason_code, 'The line does not have the fields of the format.'
                as reason_en, '该行缺少格式要求的字段。' as reason_zh,
            '10.0.0.1 - - [<b>' || n as raw_text,
            date '2026-06-30' as period_date, timestamp '2026-06-30 22:00:00' as quarantined_at
        from range(12) as numbers(n)
    """,
    "mart_code_usage": """
        select
            'crm:lead.channel:' || source_code as code_usage_id, 'crm' as source_system,
            'lead' as object_name, 'channel' as field_name, 'channel' as code_list, source_code,
            canonical_code, code_status, code_status = 'unmapped' as is_unmapped,
            cast(count_rows as bigint) as count_rows
        from (
            values ('WEB', 'web', 'mapped', 900), ('Kiosk', null, 'unmapped', 17),
                ('Fax', null, 'unmapped', 2)
        ) as codes(source_code, canonical_code, code_status, count_rows)
    """,
    "mart_unmapped_field": """
        select
            'crm:leads.fax' as unmapped_field_id, 'crm' as source_system, 'leads' as source_table,
            'fax' as source_field, 'unmapped' as mapping_status
    """,
    "mart_unmatched_reference": """
        select
            'crm:opportunity.product_id:GTXPro' as unmatched_reference_id, 'crm' as source_system,
            'opportunity' as object_name, 'product_id' as field_name,
            'product' as referenced_object, 'GTXPro' as missing_value,
            cast(41 as bigint) as count_rows
    """,
    "mart_unconverted_value": """
        select
            'x' as unconverted_value_id, 'crm' as source_system, 'leads' as source_table,
            'lead' as object_name, 'created_at' as field_name, '31/31/2025' as source_value,
            'not_a_timestamp' as unconverted_reason, cast(1 as bigint) as count_rows
        where false
    """,
    "ops_check_results": """
        select
            'run-1' as run_id, timestamptz '2026-07-01 02:00:00+00' as checked_at,
            'great_expectations' as checker, layer, check_id, table_name, column_name, severity,
            status, cast(failed as bigint) as count_failed, detail, description_en, description_zh,
            null::varchar as detail_zh
        from (
            values
                ('mart', 'a', 'mart_lead', 'lead_id', 'error', 'passed', 0, null,
                    'Lead ids are unique', '线索编号唯一'),
                ('mart', 'b', 'mart_opportunity', 'amount', 'warn', 'failed', 3, '3 amounts are 0',
                    'Amounts are positive', '金额为正'),
                ('landed', 'c', 'web.access', 'status', 'error', 'not_run', null, 'No rows',
                    'Status codes are known', '状态码已知')
        ) as results(layer, check_id, table_name, column_name, severity, status, failed, detail,
            description_en, description_zh)
    """,
    "ops_metric_lineage": """
        select metric_id, mart, node_name, node_kind, layer, source_system, source_table, distance
        from (
            select metric_id, mart, mart as node_name, 'model' as node_kind, 'mart' as layer,
                null::varchar as source_system, null::varchar as source_table, 0 as distance
            from metric_catalogue
            union all
            select metric_id, mart, 'stg_crm__leads', 'model', 'staging', null, null, 2
            from metric_catalogue where mart = 'mart_lead'
            union all
            select metric_id, mart, 'crm.leads', 'source', 'landed', 'crm', 'leads', 3
            from metric_catalogue where mart = 'mart_lead'
        )
    """,
    "ops_model_sql": """
        select 'mart_lead' as model_name, 'mart' as layer, 'table' as materialized,
            'Leads' as description, 'models/marts/funnel/mart_lead.sql' as path,
            'select * from x' as raw_sql, 'select lead_id from fct_lead' as compiled_sql
    """,
    "ops_sources": """
        select * from (
            values
                ('crm', 'leads', 'sql', 'CRM', '客户关系系统', 'hourly'),
                ('web', 'access', 'access_log', 'Website', '官网', 'hourly'),
                ('chat', 'members', 'wecom', 'WeCom', '企业微信', 'daily'),
                ('chat', 'customers', 'wecom', 'WeCom', '企业微信', 'daily')
        ) as configured(source_system, source_table, kind, label_en, label_zh, schedule)
    """,
    "ops_versions": """
        select 'v000001-20260701T023000Z' as version_id,
            timestamptz '2026-07-01 02:30:00+00' as published_at, date '2026-06-30' as as_of,
            'run-1' as run_id, 20 as tables, cast(9000 as bigint) as rows, 'current' as state
    """,
}
_ORDER_MARTS = {
    "mart_order": f"""
        select
            'erp:order' || n as order_id, {_PEOPLE.replace("'crm' as source", "'erp' as source")}
            case when n % 8 > 0 then 'crm:account' || (n % 60) end as customer_id,
            n % 8 > 0 as has_customer,
            cast(timestamp '2024-10-01' + to_hours(n * 20) as date) as period_date,
            'done' as order_status, cast(2 as bigint) as count_lines,
            cast(500 + n as decimal(18, 2)) as net_amount, 'CNY' as currency,
            n % 15 = 0 as is_cancellation, 'China' as country,
            timestamp '2024-10-01' + to_hours(n * 20) as ordered_at
        from range(700) as numbers(n)
    """,
    "mart_order_line": f"""
        select
            'erp:line' || n as order_line_id, 'erp:order' || (n // 2) as order_id,
            {_PEOPLE.replace("'crm' as source", "'erp' as source")}
            case when n % 8 > 0 then 'crm:account' || (n % 60) end as customer_id,
            n % 8 > 0 as has_customer,
            cast(timestamp '2024-10-01' + to_hours(n * 10) as date) as period_date,
            'p' || (n % 9) as product_id, 'Probe ' || (n % 9) as product_name,
            cast(1 + n % 4 as decimal(18, 4)) as quantity, cast(99 as decimal(18, 4)) as unit_price,
            cast(case when n % 15 = 0 then -1 else 1 end * 99 * (1 + n % 4) as decimal(18, 2))
                as net_amount,
            'CNY' as currency, n % 15 = 0 as is_cancellation, true as is_cancellation_known,
            'China' as country, 'done' as order_status,
            timestamp '2024-10-01' + to_hours(n * 10) as ordered_at
        from range(1400) as numbers(n)
    """,
}


def build_tables(
    connection: duckdb.DuckDBPyConnection, with_orders: bool = False, without: tuple[str, ...] = ()
) -> list[str]:
    """Create the rule tables and marts in a DuckDB database; their names."""
    connection.execute("set TimeZone = 'UTC'")
    names = []
    for seed in SEEDS:
        path = REPO_ROOT / "seeds" / f"{seed}.csv"
        connection.execute(f"create table {seed} as from read_csv('{path}', header = true)")
        names.append(seed)
    marts = {**_MARTS, **INTENT_MARTS, **HEALTH_MARTS, **RELATIONSHIP_MARTS, **ORGANISATION_MARTS}
    for name, sql in {**marts, **(_ORDER_MARTS if with_orders else {})}.items():
        connection.execute(f"create table {name} as {sql}")
        names.append(name)
    connection.execute(
        "insert into mart_object_coverage select 'crm:' || o, 'crm', o, 10, null "
        "from (select unnest(?) as o)",
        [list(ORGANISATION_OBJECTS)],
    )
    if with_orders:
        connection.execute(
            "insert into mart_object_coverage "
            "select 'erp:' || o, 'erp', o, 10, null from (values ('order'), ('order_line')) as t(o)"
        )
    # Only now: a table may be made of one that an older version did not have.
    for name in without:
        connection.execute(f"drop table {name}")
    return [name for name in names if name not in without]


def publish_company(
    home: Path,
    with_orders: bool = False,
    without: tuple[str, ...] = (),
    held_back: bool = False,
    number: int = 1,
    as_of: date = AS_OF,
) -> Settings:
    """Write a current version below ``home`` and return the settings that find it."""
    settings = Settings(home=home)
    places = storage.places(settings)
    places.create()
    version_id = f"v{number:06d}-20260701T023000Z"
    connection = duckdb.connect()
    tables = {}
    for name in build_tables(connection, with_orders, without):
        target = places.objects / f"{name}-{number}.parquet"
        connection.execute(f"copy {name} to '{target}' (format parquet)")
        counted = connection.execute(f"select count(*) from {name}").fetchone()
        rows = counted[0] if counted else 0
        columns = tuple(
            {"name": row[0], "type": row[1]}
            for row in connection.execute(f"describe {name}").fetchall()
        )
        relative = target.relative_to(places.root).as_posix()
        file = storage.PublishedFile(relative, rows, target.stat().st_size)
        layer = "ops" if name.startswith("ops_") else "rule" if name in SEEDS else "mart"
        tables[name] = storage.PublishedTable((file,), rows, columns, name, layer)
    connection.close()
    manifest = storage.Manifest(
        version_id=version_id,
        published_at=PUBLISHED_AT,
        as_of=as_of,
        run_id=RUN_ID,
        tables=tables,
        checks={"passed": 1, "failed_error": 0, "failed_warn": 1, "not_run": 1},
    )
    folder = places.versions / version_id
    folder.mkdir()
    storage.write_json(folder / "manifest.json", json.loads(_json(manifest)))
    storage.write_current(settings, storage.Current(version_id, PUBLISHED_AT))
    reasons = (
        storage.HoldBackReason("Lead ids are unique", "线索编号唯一", "mart_lead", "7 <b>rows</b>"),
    )
    storage.write_status(
        settings,
        storage.Status(
            state="held_back" if held_back else "published",
            since=datetime(2026, 7, 2, 3, 0, tzinfo=UTC),
            run_id="run-2",
            reasons=reasons if held_back else (),
            shown_version_id=version_id,
        ),
    )
    return settings


def _json(manifest: storage.Manifest) -> str:
    return json.dumps(asdict(manifest), default=lambda value: value.isoformat())

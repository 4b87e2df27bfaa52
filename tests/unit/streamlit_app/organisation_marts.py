"""Organisation, recognition, customer value and data health of the test company.

Plain patterns over 2025-07 to 2026-06: what the metrics of the catalogue need, and rows enough for
two pages.
"""

from __future__ import annotations

_REP = """
    'crm:rep' || (n % 9) as rep_id,
    ['Wang Fang', '李娜', 'Zhang Wei', 'Liu Yang', 'Chen Jie', 'Yang Min', 'Zhao Lei', 'Huang Tao',
        'Zhou Xin'][n % 9 + 1] as rep_name,
    case when n % 9 < 3 then 'North' when n % 9 < 6 then '华东' else 'South' end as team_name,
    ['Beijing', 'Shanghai', 'Shenzhen'][n % 3 + 1] as region
"""
_FIRM = """
    ['medical_devices', 'manufacturing', 'retail', 'saas', null][n % 5 + 1] as industry,
    ['web', 'referral', 'event', 'partner'][n % 4 + 1] as channel,
    ['Imaging', 'Robotics'][n % 2 + 1] as product_line,
    'crm:account' || (n % 60) as account_id, 'Account ' || (n % 60) as account_name
"""
_DAY = "date '2026-06-30' - cast(n * 7 % 360 as integer)"

ORGANISATION_MARTS: dict[str, str] = {
    "mart_suggestion": f"""
        select 'crm:suggestion' || n as suggestion_id, 'crm' as source_system, {_REP}, {_FIRM},
            {_DAY} as period_date, n % 5 > 0 as is_answered,
            case when n % 5 > 0 then n % 3 > 0 end as is_adopted
        from range(300) as numbers(n)
    """,
    "mart_project_team": f"""
        select 'crm:team' || n as project_team_id, 'crm' as source_system, {_REP}, {_FIRM},
            {_DAY} as period_date, case when n % 7 > 0 then 3.0 + n % 50 end as formation_hours,
            case when n % 6 > 0 then 2.5 + n % 9 end as response_days, n % 11 = 0 as is_vetoed
        from range(150) as numbers(n)
    """,
    "mart_knowledge_item": f"""
        select 'crm:card' || n as knowledge_item_id, 'Card ' || n as title, 'crm' as source_system,
            {_REP}, {_DAY} as period_date, n % 3 > 0 as is_reused, n % 13 > 0 as is_reuse_known,
            n % 4 > 0 as is_practice, n % 4 = 0 as is_standard
        from range(260) as numbers(n)
    """,
    "mart_config_change": f"""
        select 'crm:change' || n as config_change_id, 'crm' as source_system,
            n % 3 > 0 as is_business_user, {_DAY} as period_date,
            case when n % 8 > 0 then 5.0 + n % 30 end as iteration_days
        from range(120) as numbers(n)
    """,
    "mart_business_event": f"""
        select 'crm:event' || n as business_event_id, 'crm' as source_system, {_REP}, {_FIRM},
            {_DAY} as period_date, n % 6 > 0 as has_triggered, n % 4 > 0 as is_trigger_known
        from range(400) as numbers(n)
    """,
    "mart_rep_week": f"""
        select 'crm:rep' || (n % 9) || ':' || n // 9 as rep_week_id, 'crm' as source_system, {_REP},
            date '2026-06-29' - cast(n // 9 * 7 as integer) as period_date,
            n % 5 > 1 as has_board_use, n // 9 < 40 as is_board_use_known,
            n % 4 > 0 as has_practice_use, true as is_practice_use_known
        from range(450) as numbers(n)
    """,
    "mart_intent_recognition": f"""
        select 'crm:lead' || n as lead_id, 'Lead ' || n as lead_name, 'crm' as source_system,
            {_REP}, {_FIRM}, {_DAY} as period_date, n % 10 > 0 as is_judged,
            case when n % 10 > 0 then n % 4 > 0 end as is_recognised
        from range(500) as numbers(n)
    """,
    "mart_renewal": f"""
        select 'crm:account' || n % 60 || ':' || n as renewal_id, {_REP}, {_FIRM}, {_DAY}
            as period_date, n % 3 > 0 as is_high_value, n % 6 > 0 as is_decided,
            case when n % 6 > 0 then n % 4 > 0 end as is_renewed
        from range(240) as numbers(n)
    """,
    "mart_customer_value": f"""
        select 'crm:account' || n as customer_id, {_REP}, {_FIRM}, {_DAY} as period_date,
            case when n % 9 > 0 then 10000.0 * (1 + n % 17) end as lifetime_value_cny,
            'CNY' as currency
        from range(90) as numbers(n)
    """,
    "mart_data_health": """
        select 'crm:table' || n || '|2026-06-30' as data_health_id,
            'crm:table' || n as source_table_id, 'crm' as source_system,
            date '2026-06-30' as period_date, true as is_reporting_day,
            cast(1000 + n as bigint) as count_rows,
            cast(990 as bigint) as count_good, n % 8 > 0 as is_fresh, n % 5 > 0
            as is_freshness_known
        from range(60) as numbers(n)
    """,
}
ORGANISATION_OBJECTS = (
    "suggestion",
    "decision",
    "project_team",
    "project_milestone",
    "knowledge_item",
    "knowledge_use",
    "config_change",
    "business_event",
    "board_use",
    "rep",
)

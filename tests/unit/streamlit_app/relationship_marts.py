"""Customers, relationship indices, graph and contact load of the test company.

Forty customers; the depth is the product of its factors, so that factors give the index exactly.
One definition changed ten weeks ago; weeks before it are restated.
"""

from __future__ import annotations

_TEAM = (
    "case when a % 9 < 3 then 'North' when a % 9 < 6 then '华东' else 'South' end as team_name, "
    "'team' || (a % 9) // 3 as team_id"
)
_CUSTOMER = f"""
    'crm:account' || a as customer_id, 'Account ' || a as customer_name,
    ['medical_devices', 'manufacturing', 'retail', 'saas', null][a % 5 + 1] as industry,
    ['Beijing', 'Shanghai', 'Shenzhen'][a % 3 + 1] as region,
    ['large', 'medium', 'small'][a % 3 + 1] as segment,
    ['strategic', 'key'][a % 2 + 1] as tier, {_TEAM},
    'crm:rep' || (a % 9) as owner_rep_id
"""
_DEPTH = "case when a % 8 > 0 then 100 * frequency_ratio * relevance_ratio * coverage_ratio end"
_BREADTH = "case when a % 10 > 0 then 100 * accounts_ratio * industries_ratio * levels_ratio end"
RELATIONSHIP_MARTS: dict[str, str] = {
    "mart_relationship_account": f"""
        select *, depth_points - (a % 7 - 3) as depth_points_4w_ago,
            breadth_points - (a % 3) as breadth_points_4w_ago,
            case when depth_points is not null and breadth_points is not null then
                case when depth_points >= 40 then 'deep' else 'shallow' end || '_'
                || case when breadth_points >= 40 then 'wide' else 'narrow' end end as quadrant,
            case when depth_points is null then 'relevance' end as depth_unknown_factor,
            case when breadth_points is null then 'levels' end as breadth_unknown_factor,
            'coverage' as depth_mover_factor, cast(3 + a % 9 as decimal(9, 2))
                as depth_mover_gain_points,
            'levels' as breadth_mover_factor, cast(a % 5 as decimal(9, 2))
                as breadth_mover_gain_points,
            'white_paper' as play_id, 'Write an industry white paper' as play_en,
            '撰写行业白皮书' as play_zh,
            timestamp '2026-06-29 09:00:00' - to_days(cast(a as integer)) as last_touch_at,
            cast(a * 3 % 17 as bigint) as count_touches_90d,
            cast(case when a % 4 > 0 then a * 10000 end as decimal(18, 2))
                as open_opportunity_amount_cny, cast(a * 2 as double) as influence_points,
            date '2026-06-30' as period_date, depth_points is not null as is_depth_known,
            breadth_points is not null as is_breadth_known, depth_points >= 40 as is_deep,
            breadth_points >= 40 as is_wide
        from (
            select *, {_DEPTH} as depth_points, {_BREADTH} as breadth_points
            from (
                select a, {_CUSTOMER},
                    cast(0.3 + (a * 7 % 60) / 100 as decimal(9, 4)) as frequency_ratio,
                    case when a % 8 > 0 then cast(0.4 + (a * 11 % 60) / 100 as decimal(9, 4)) end
                        as relevance_ratio,
                    cast(0.5 + a % 3 * 0.25 as decimal(9, 4)) as coverage_ratio,
                    cast(0.3 + (a * 13 % 60) / 100 as decimal(9, 4)) as accounts_ratio,
                    cast(0.6 + a % 4 * 0.1 as decimal(9, 4)) as industries_ratio,
                    case when a % 10 > 0 then cast(0.5 + a % 5 * 0.1 as decimal(9, 4)) end
                        as levels_ratio
                from range(40) as numbers(a)
            )
        )
    """,
    "mart_relationship_index_week": """
        select customer_id || ':' || week_start || ':' || basis as relationship_index_week_id, *
        from (
            select customer_id, date '2026-06-22' - 7 * cast(n as integer) as week_start,
                basis, case when basis = 'restated' then depth_points * 0.9
                    else depth_points end - n * 0.3 as depth_points,
                breadth_points - n * 0.2 as breadth_points,
                case when basis = 'restated' or n <= 10 then '2' else '1' end
                    as definition_version,
                n = 10 and basis = 'as_defined' as is_definition_change
            from mart_relationship_account, range(26) as weeks(n),
                (values ('as_defined'), ('restated')) as bases(basis)
            where basis = 'as_defined' or n > 10
        )
    """,
    "mart_relationship_top20": f"""
        select *, outcome = 'strengthened' as is_strengthened, outcome <> 'running' as is_finished
        from (
            select 'top' || m || ':' || a as top20_id, team_id, team_name,
                case when m = 0 then date '2026-06-01' else date '2026-05-01' end as month_start,
                month_start as period_date,
                row_number() over (partition by m, team_name order by a) as rank_in_team,
                customer_id,
                customer_name, 'Deep but narrow; <two> open deals' as reasons_en,
                '深而窄；两个进行中商机' as reasons_zh, cast(12 - a % 9 as double)
                    as expected_gain_points, cast(20 + a as double) as depth_points_start,
                case when m = 1 then cast(20 + a + a % 5 - 1 as double) end as depth_points_end,
                cast(a % 4 as bigint) as count_touches_done,
                case when m = 0 then 'running' when a % 4 = 0 then 'untouched'
                    when a % 5 > 1 then 'strengthened' else 'touched' end as outcome
            from (select a, {_CUSTOMER} from range(30) as numbers(a)), range(2) as months(m)
        )
    """,
    "mart_customer_touch": """
        select 'touch' || n as touch_id, 'crm:account' || n % 40 as customer_id,
            case when n % 3 > 0 then 'crm:contact' || n % 40 end as person_id,
            case when n % 3 > 0 then 'Contact ' || n % 40 end as person_name,
            'crm:rep' || n % 9 as rep_id, 'Wang Fang' as rep_name,
            ['call', 'mail', 'meeting', 'web'][n % 4 + 1] as channel,
            ['inbound', 'outbound'][n % 2 + 1] as direction, 'pricing <b>' as topic,
            timestamp '2026-06-30 08:00:00' - to_hours(n * 2) as occurred_at,
            cast(1 + n % 3 as double) as weight_points
        from range(900) as numbers(n)
    """,
    "mart_journey_play": """
        select quadrant as play_id, quadrant, 'Do the <right> thing: ' || quadrant as play_en,
            '对症下药：' || quadrant as play_zh, count(*) as count_customers,
            count(*) filter (where count_touches_90d > 5) as count_touched,
            40.0 as depth_limit_points, 40.0 as breadth_limit_points
        from mart_relationship_account where quadrant is not null group by 1
    """,
    "mart_influence_edge": """
        select 'edge' || n as influence_edge_id, 'crm:account' || f as from_customer_id,
            'Account ' || f as from_customer_name, 'retail' as industry,
            'crm:account' || t as to_customer_id, 'Account ' || t as to_customer_name,
            'saas' as to_industry, kind as edge_type, cast(1 + n % 6 as bigint) as count_events,
            timestamp '2026-01-01' as first_at, timestamp '2026-06-01' as last_at,
            date '2026-01-01' as period_date, n % 3 = 0 as is_dropped,
            cast((1 + n % 10) / 10 as double) as strength_ratio, n % 3 > 0 as is_above_threshold,
            kind <> 'co_attendance' as is_claim,
            case when n % 3 = 0 then 'below_threshold' end as dropped_reason
        from (
            select n, n * 7 % 40 as f, (n * 11 + 3) % 40 as t, ['referral', 'share',
                'co_attendance', 'supplier', 'person_moved'][n % 5 + 1] as kind
            from range(120) as numbers(n)
            union all
            select 200 + n, 5, 5 + n, 'referral' from range(1, 34) as numbers(n)
        )
    """,
    "mart_influence_dropped": """
        select * from (
            values ('share|self', 'share', 'self', true, 3, null),
                ('supplier|not_delivered', 'supplier', 'not_delivered', true, null, null),
                ('referral|counted', 'referral', 'counted', false, 57, 38)
        ) as acts(influence_dropped_id, edge_type, reason, is_dropped, count_acts, count_edges)
    """,
    "mart_referrer_sensitivity": """
        select 'crm:account5' as referrer_customer_id, 'crm:account' || n as customer_id,
            cast(40 - n as double) as influence_points, cast(30 - n as double)
                as influence_points_without, cast(10 as double) as lost_points
        from range(6, 16) as numbers(n)
    """,
    "mart_star_opportunity": """
        select 'crm:account5' as customer_id, 'crm:opp' || n as opportunity_id,
            'Deal ' || n as opportunity_name, 'crm:account' || n as opportunity_customer_id,
            'Account ' || n as opportunity_customer_name, 'influences' as relations,
            'referral, share' as edge_types, cast(1 as double) as strength_ratio, n < 11 as is_open,
            'negotiation' as funnel_stage, cast(n * 1000 as double) as amount, 'CNY' as currency,
            'Wang Fang' as rep_name, n = 5 as is_own
        from range(5, 12) as numbers(n)
    """,
    "mart_graph_latency": """
        select 'crm:act' || n as activity_id, 'crm:opp' || n as opportunity_id,
            timestamp '2026-06-01' as touched_at, timestamp '2026-06-01 01:00:00'
                as graph_updated_at, true as is_opportunity_row,
            cast(n % 5 as double) as latency_hours,
            cast(n % 5 as double) as opportunity_latency_hours, n % 5 > 2 as is_over_2h,
            n % 5 <= 2 and n % 7 > 0 as is_fast_decided,
            n % 5 < 2 and n % 7 > 0 as is_fast_converted,
            n % 5 > 2 and n % 7 > 0 as is_slow_decided, n % 70 = 9 as is_slow_converted
        from range(70) as numbers(n)
    """,
    "mart_over_contact_week": f"""
        select person_id || ':' || week_start as over_contact_week_id, *,
            week_start as period_date, cast(has_bad_review as bigint) as count_bad_reviews,
            segment <> 'small' as is_safe_frequency_known,
            case when segment <> 'small' then count_outbound_touches > 4 end
                as is_over_safe_frequency,
            has_opted_out and segment <> 'small' as is_over_contact_optout
        from (
            select 'crm:contact' || a || '_' || p as person_id, 'Contact ' || a || '.' || p
                as person_name, {_CUSTOMER},
                date '2026-06-22' - 7 * cast(n as integer) as week_start,
                cast(1 + (a * 5 + p * 3 + n) % 9 as bigint) as count_touches,
                cast((a * 5 + p * 3 + n) % 9 as bigint) as count_outbound_touches,
                (a * 5 + p * 3 + n) % 9 > 6 and a % 2 = 0 as has_opted_out,
                (a + p + n) % 29 = 0 as has_bad_review
            from range(40) as numbers(a), range(3) as persons(p), range(20) as weeks(n)
        )
    """,
    "mart_safe_frequency": """
        select segment, case when segment <> 'small' then 4.0 end as safe_touches_per_week,
            cast(800 as bigint) as count_person_weeks, cast(90 as bigint) as count_optouts,
            0.01 as optout_ratio_below, case when segment <> 'small' then 0.22 end
                as optout_ratio_above, segment <> 'small' as is_enough_data
        from (values ('large'), ('medium'), ('small')) as segments(segment)
    """,
    "mart_community_proposal": """
        select 'proposal' || n as proposal_id, 'Batch <export> ' || n as topic,
            'crm:account' || n as customer_id, timestamp '2026-05-01' as asked_at,
            cast(1 + n as bigint) as count_questions,
            case when n % 3 = 0 then 'answered' else 'open' end as status,
            case when n % 3 = 0 then timestamp '2026-05-20' end as answered_at,
            cast(60 - n as double) as waiting_days, date '2026-05-01' as period_date,
            n % 3 > 0 as is_open
        from range(14) as numbers(n)
    """,
    "mart_community_question": f"""
        select 'post' || n as community_post_id, 'proposal' || n // 3 as proposal_id, * exclude (n),
            'Batch export ' || n // 3 as topic, 'Can it <export>?' as question,
            timestamp '2026-05-01' + to_days(cast(n as integer)) as asked_at,
            cast(asked_at as date) as period_date, n % 3 > 0 as is_answered,
            case when n % 3 > 0 then asked_at + to_hours(n * 5) end as answered_at,
            case when n % 3 > 0 then n * 5 / 24.0 end as answer_days,
            case when n % 3 = 0 then cast(60 - n as double) end as waiting_days
        from (select a as n, {_CUSTOMER} from range(42) as numbers(a))
    """,
    "mart_customer_influence": f"""
        select {_CUSTOMER}, a % 7 > 0 as is_graph_known,
            case when a % 7 > 0 then a % 4 > 0 end as is_in_graph,
            cast(a * 2 as double) as influence_points, a % 4 as count_edges
        from range(40) as numbers(a)
    """,
    "mart_customer": f"""
        select a, {_CUSTOMER}, 'China' as country, 'Pudong' as city, 100 + a as size_employees,
            'TAX' || a as tax_id, 'a' || a || '.example' as web_domain,
            null::varchar as parent_customer_id, cast(2 as bigint) as count_accounts,
            cast(3 as bigint) as count_persons, 'crm, erp' as source_systems,
            timestamp '2025-01-01' as created_at
        from range(40) as numbers(a)
    """,
    "mart_customer_record": """
        select 'crm:account' || a as customer_id, subject, system || ':' || subject || a || k
                as record_id, case when subject = 'contact' then 'crm:contact' || a end
                as person_id, case when subject = 'contact' then 'Contact ' || a
                else 'Account <' || a || '> Ltd' end as record_name,
            system as source_system, k = '' as is_representative,
            case when k = '' then null else 'tax_id' end as link_rule,
            case when k = '' then null else 12.5 end as match_weight,
            case when k = '' then 1.0 else 0.99 end as confidence_ratio,
            'Same tax id TAX' || a as evidence_en, '税号相同 TAX' || a as evidence_zh
        from range(40) as numbers(a),
            (values ('account', 'crm', ''), ('account', 'erp', 'x'), ('contact', 'crm', ''),
                ('contact', 'wecom', 'x')) as records(subject, system, k)
    """,
    "mart_identity_review": """
        select 'erp:account5x' as left_id, 'erp:account9x' as right_id, 'account' as subject,
            4.2 as match_weight, 0.86 as match_probability,
            'Similar name, same city' as evidence_en, '名称相近，同城' as evidence_zh
    """,
}

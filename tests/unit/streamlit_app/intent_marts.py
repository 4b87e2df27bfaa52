"""Signals, scores and worklists of the test company.

Scores are computed from the signals, so that factors add up here as they must in the product: 36
accounts, signals of the last 200 days (the newest of them anonymous), contacts for half of them.
"""

from __future__ import annotations

_ACCOUNT = """
    'crm:account' || a as account_id, 'Account ' || a as account_name,
    ['medical_devices', 'manufacturing', 'retail', 'saas', null][a % 5 + 1] as industry,
    ['Beijing', 'Shanghai', 'Shenzhen'][a % 3 + 1] as region,
    case when a % 9 < 3 then 'North' when a % 9 < 6 then '华东' else 'South' end as team_name,
    'crm:rep' || (a % 9) as rep_id,
    ['Wang Fang', '李娜', 'Zhang Wei', 'Liu Yang', 'Chen Jie', 'Yang Min', 'Zhao Lei', 'Huang Tao',
        'Zhou Xin'][a % 9 + 1] as rep_name
"""
_DECAYED = (
    "cast(round(hit.weight * power(0.5, date_diff('day', hit.period_date, score_date) "
    "/ hit.half_life_days), 4) as decimal(18, 4))"
)
INTENT_MARTS: dict[str, str] = {
    "intent_signal": """
        select * from (
            values
                ('pricing_after_quote', 'Pricing after a quote', '报价后查看价格', 12, 14,
                    'Call today with the payment terms.', '今天致电，说明付款方式。'),
                ('competitor_comparison', 'Competitor comparison', '竞品对比', 10, 14,
                    'Send the comparison sheet.', '发送对比资料。'),
                ('technical_downloads', 'Technical downloads', '技术文档下载', 8, 21,
                    'Offer a talk with an engineer.', '安排工程师交流。'),
                ('budget_words', 'Budget words', '预算关键词', 9, 30,
                    'Ask who decides on the budget.', '确认预算决策人。'),
                ('return_after_silence', 'Return after silence', '沉默后回访', 5, 10,
                    'Ask what has changed.', '了解有何变化。'),
                ('content_shared', 'Content <b>shared</b>', '内容分享', 4, 30, null, null)
        ) as rules(signal_id, name_en, name_zh, weight, half_life_days, play_en, play_zh)
    """,
    "mart_intent_signal": f"""
        select
            'hit' || n as signal_hit_id, rule.signal_id, '1' as signal_version,
            rule.name_en as signal_name_en, rule.name_zh as signal_name_zh,
            case when n >= 570 then null else {{account}} end as account_id,
            * exclude (n, a, account_id, signal_id, name_en, name_zh, play_en, play_zh, weight,
                half_life_days),
            cast(rule.weight as decimal(9, 2)) as weight, rule.half_life_days
        from (
            select
                n, (n * 31 + n // 7) % 36 as a, {_ACCOUNT},
                case when n % 2 = 0 then 'crm:contact' || a end as contact_id,
                case when n % 2 = 0 then 'Contact ' || a end as contact_name,
                n < 570 as is_identified,
                timestamp '2026-06-30 17:40:00' - to_hours((n * n * 13 + n * 37) % 4800)
                    as occurred_at,
                cast(occurred_at as date) as period_date,
                cast(1 + n % 3 as bigint) as count_evidence,
                ['pricing_after_quote', 'competitor_comparison', 'technical_downloads',
                    'budget_words', 'return_after_silence', 'content_shared'][
                        (n * n * 17 + n // 3) % 11 % 6 + 1] as signal_id
            from range(600) as numbers(n)
        ) as seen
        inner join intent_signal as rule on seen.signal_id = rule.signal_id
    """.replace("{account}", "seen.account_id"),
    "mart_intent_factor": f"""
        select
            score_date, 'account' as level, hit.account_id, null::varchar as contact_id,
            hit.signal_id, sum({_DECAYED}) as points, count(*) as count_hits
        from mart_intent_signal as hit
        inner join (
            select cast(day as date) as score_date
            from range(timestamp '2026-05-01', timestamp '2026-07-01', interval 1 day) as days(day)
        ) as days on hit.period_date <= days.score_date
        where hit.account_id is not null
        group by all
    """,
    "mart_intent_score_day": f"""
        select score_date, level, account_id, contact_id, null::varchar as contact_name,
            sum(points) as score_points, sum(count_hits) as count_signals, '1' as rule_version
        from mart_intent_factor
        group by all
        union all
        select date '2026-06-30' as score_date, 'contact' as level, hit.account_id, hit.contact_id,
            hit.contact_name, sum({_DECAYED}) as score_points, count(*) as count_signals, '1'
        from (select *, date '2026-06-30' as score_date from mart_intent_signal) as hit
        where hit.contact_id is not null and hit.account_id is not null
        group by all
    """,
    "mart_intent_account": f"""
        select account.*, score.score_points, before.score_points as points_before,
            case when score.score_points >= 60 then 'high' else 'medium' end as intent_level,
            score.score_points >= 60 as is_high_intent, score.count_signals, newest.last_signal_at,
            cast(account.n % 3 as bigint) as count_open_opportunities,
            cast(1 as bigint) as count_open_leads
        from (select a as n, {_ACCOUNT} from range(40) as numbers(a)) as account
        left join mart_intent_score_day as score
            on account.account_id = score.account_id and score.score_date = date '2026-06-30'
            and score.level = 'account'
        left join mart_intent_score_day as before
            on account.account_id = before.account_id and before.score_date = date '2026-06-02'
            and before.level = 'account'
        left join (
            select account_id, max(occurred_at) as last_signal_at from mart_intent_signal group by 1
        ) as newest on account.account_id = newest.account_id
    """,
    "mart_intent_evidence": """
        select
            signal_hit_id, signal_hit_id || ':' || n as evidence_id,
            case when signal_id = 'budget_words' then 'activity_text' else 'web_event' end
                as evidence_object,
            case when signal_id = 'budget_words' then 'crm' else 'web' end as source_system,
            occurred_at - to_minutes(n * 7) as evidence_at,
            case when signal_id <> 'budget_words' then 'logs/access-2026-06.log.gz' end
                as source_file,
            case when signal_id <> 'budget_words' then 1000 + n end as source_row,
            case when signal_id <> 'budget_words' then '/compare/ourselves-and-them?utm=<x>' end
                as url,
            case when signal_id = 'budget_words' then '年底前还有预算，需要 <财务> 确认' end
                as text_excerpt,
            case when signal_id = 'budget_words' then '预算, <财务>' end as keywords,
            case when signal_id <> 'budget_words' then cast(200 + n as double) end
                as engaged_seconds
        from mart_intent_signal, range(3) as numbers(n)
        where n < count_evidence
    """,
    "mart_account_timeline": """
        select account_id, occurred_at, 'signal' as kind, signal_name_en as title_en,
            signal_name_zh as title_zh, contact_name, null::varchar as detail, signal_hit_id,
            count_evidence
        from mart_intent_signal where account_id is not null
        union all
        select account_id, occurred_at - interval 12 minute, 'visit', 'Visit of 4 pages',
            '浏览 4 页', null, '/products → /pricing', null, null
        from mart_intent_signal where account_id is not null and count_evidence > 1
        union all
        select account_id, timestamp '2026-06-20 09:00:00', 'quote', 'Quote Q-7', '报价单 Q-7',
            null, 'CNY 120,000', null, null
        from mart_intent_account
    """,
    "mart_silent_lead": f"""
        select
            'crm:lead' || n as lead_id, 'Lead ' || n as lead_name, *  exclude (n, a),
            'web' as channel, 'Imaging' as product_line, null::varchar as contact_id,
            cast(period as date) as period_date, period as created_at,
            period + interval 1 hour as first_touch_at,
            cast(72 + n * 5 as double) as silent_hours, true as is_decided, true as is_silent,
            n % 4 > 0 as is_still_silent, n % 4 = 0 as is_activated,
            cast(case when n % 4 = 0 then 1 + n / 20 end as double) as reactivation_delay_days,
            cast(case when n % 3 > 0 then n * 0.7 end as decimal(18, 2)) as intent_points,
            'Write about what they last read.' as next_step_en, '就其最近阅读的内容联系。'
                as next_step_zh
        from (
            select n, n % 36 as a, timestamp '2026-06-28 10:00:00' - to_hours(n * 5) as period,
                {_ACCOUNT}
            from range(80) as numbers(n)
        ) as leads
    """,
    "mart_stalled_lead": f"""
        select
            'crm:lead' || n as lead_id, 'Lead <i>' || n || '</i>' as lead_name, * exclude (n, a),
            null::varchar as contact_id, 'crm:opp' || n as opportunity_id,
            cast(40 + n * 1.5 as decimal(18, 2)) as intent_points, 'high' as intent_label,
            timestamp '2026-06-30 10:00:00' - to_days(idle) as last_touch_at,
            timestamp '2026-06-20 10:00:00' - to_days(idle) as last_stage_change_at,
            cast(idle as double) as idle_days, 14.0 as norm_days,
            ['no_touch', 'no_quote', 'security_open'][n % 3 + 1] as reason_code,
            ['Nobody has called since the demo', 'No quote although pricing was read',
                'Security questions are open'][n % 3 + 1] as reason_en,
            ['演示后无人联系', '已看价格但未报价', '安全问题未答复'][n % 3 + 1] as reason_zh,
            'Call the decision maker' as next_step_en, '致电决策人' as next_step_zh,
            cast(100000 + n * 1000 as decimal(18, 2)) as amount, 'CNY' as currency,
            timestamp '2026-06-29 08:00:00' - to_hours(n) as last_signal_at,
            date '2026-06-30' as period_date
        from (
            select n, n % 36 as a, 15 + (n * 13) % 40 as idle, {_ACCOUNT}
            from range(20) as numbers(n)
        ) as leads
    """,
    "mart_web_session": """
        select 'session' || n as session_id, 'web' as source_system, 'visitor' || n % 50
            as visitor_id, date '2026-01-01' + cast(n % 181 as integer) as period_date,
            n % 10 > 0 as is_guest, n % 4 = 0 as has_account,
            cast(case when n % 3 > 0 then n % 9 end as double) as engaged_minutes
        from range(400) as numbers(n)
    """,
    "mart_visitor_link": """
        select 'link' || n as visitor_link_id, 'web' as source_system, 'visitor' || n % 50
            as visitor_id, date '2026-01-01' + cast(n % 181 as integer) as period_date,
            n % 5 > 0 as is_applied, n % 5 = 0 as is_below_confidence
        from range(80) as numbers(n)
    """,
    "mart_visitor_link_review": """
        select 'two_persons:' || n as visitor_link_review_id, 'web' as source_system,
            date '2026-06-01' + cast(n as integer) as period_date, 'web:visitor' || n as visitor_id,
            '203.0.113.' || n as visitor_address, n + 1 as count_sessions,
            'Ann Li · Acme (0.90), Bo Chen · Beta (0.90)' as candidates,
            'login: ann; form: bo' as evidence,
            timestamp '2026-06-01 08:00:00' + to_days(cast(n as integer)) as last_evidence_at,
            'Evidence names several persons.' as reason_en, '证据指向多个人。' as reason_zh,
            'Decide in visitor_link_override.' as remedy_en, '请在 visitor_link_override 中决定。'
            as remedy_zh
        from range(7) as numbers(n)
    """,
    "mart_bot_day": """
        select 'bot' || n as bot_day_id, 'web' as source_system,
            date '2025-07-01' + cast(n as integer) as period_date,
            cast(100 + n as bigint) as count_requests, cast(n % 30 as bigint) as count_bot_requests
        from range(365) as numbers(n)
    """,
    "mart_decision_maker_change": """
        select
            'change' || n || ':crm:opp' || n as decision_maker_change_id,
            'change' || n as contact_job_change_id, 'crm' as source_system,
            'Contact ' || n as contact_name, date '2026-06-01' + cast(n as integer) as period_date
        from range(7) as numbers(n)
    """,
    "mart_worklist_outcome": """
        select 'action' || n as action_id, 'stalled_lead' as list, 'crm:lead' || n as lead_id,
            'outcome' as action, '李娜' as actor, timestamp '2026-06-20 10:00:00' as acted_at,
            case n % 5 when 0 then null when 1 then true when 2 then true else false end
                as is_quoted_in_time,
            n % 5 > 0 as is_quote_decided, true as is_attempt,
            date '2026-06-20' as period_date
        from range(10) as numbers(n)
    """,
}

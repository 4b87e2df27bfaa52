"""Scorecard, traps, roadmap, lead and lag and backtest of the test company.

Contributions are computed from attainments and weights, so that they add up here as they must in
the product. Sixteen weeks; two metrics are unknown; one definition changes four weeks ago.
"""

from __future__ import annotations

_KNOWN = "sum(case when is_unknown then 0 else weight_ratio end)"
HEALTH_MARTS: dict[str, str] = {
    "mart_scorecard_metric_week": f"""
        with metrics as (
            select * from (
                values
                    ('automatic_capture_ratio', 'technical', 0.15, 0.32, 0.962, 0.30, 0.03),
                    ('web_identified_session_ratio', 'technical', 0.10, 0.1, 0.6, 0.50, -0.005),
                    ('graph_latency_hours_median', 'technical', 0.10, null, 2, null, null),
                    ('quote_after_action_ratio', 'organisational', 0.20, 0.2, 0.8, 0.40, 0.02),
                    ('lead_activation_ratio', 'organisational', 0.15, 0.1, 0.9, 0.55, 0.0),
                    ('lead_response_minutes_median', 'commercial', 0.10, 47, 11.4, 0.20, 0.04),
                    ('lead_conversion_ratio', 'commercial', 0.10, 0.1, 0.3, 0.35, 0.011),
                    ('customer_lifetime_value_mean', 'commercial', 0.10, null, null, null, null)
            ) as metrics(metric_id, family, weight_ratio, base, target, start, step)
        ),
        dated as (
            select metrics.*, n, date '2026-03-09' + 7 * cast(n as integer) as week_start,
                start is null as is_unknown,
                round(least(1, greatest(0, start + step * n + 0.01 * (n % 3))), 4)
                    as attainment_ratio
            from metrics cross join range(16) as weeks(n)
        ),
        shared as (
            select *,
                case when not is_unknown then cast(100 * weight_ratio * attainment_ratio
                    / {_KNOWN} over (partition by family, n) as decimal(18, 8)) end
                    as family_contribution_points,
                case when not is_unknown then cast(100 * weight_ratio * attainment_ratio
                    / {_KNOWN} over (partition by n) as decimal(18, 8)) end
                    as total_contribution_points
            from dated
        )
        select metric_id || ':' || week_start as scorecard_metric_week_id, metric_id, family,
            week_start, week_start - 21 as window_start, week_start + 6 as window_end,
            base + attainment_ratio * (target - base) as value,
            cast(40 + n as double) as numerator, cast(100 + n as double) as denominator,
            cast(case when is_unknown then 0 else 100 + n end as bigint) as count_rows,
            target, base as benchmark_2023, target as benchmark_2026, attainment_ratio,
            weight_ratio, family_contribution_points, total_contribution_points,
            family_contribution_points - lag(family_contribution_points) over (
                partition by metric_id order by n) as contribution_change_points,
            is_unknown, case when is_unknown then 'no_rows' end as unknown_reason,
            case when metric_id = 'lead_activation_ratio' and n >= 12 then '2' else '1' end
                as metric_version,
            metric_id = 'lead_activation_ratio' and n = 12 as is_definition_change
        from shared
    """,
    "mart_scorecard_family_week": """
        with families as (
            select family, week_start, sum(family_contribution_points) as points,
                sum(case when is_unknown then 0 else weight_ratio end) / sum(weight_ratio)
                    as coverage_ratio,
                count(*) filter (where not is_unknown) as known, count(*) as metrics
            from mart_scorecard_metric_week group by all
            union all
            select 'all', week_start, sum(total_contribution_points),
                sum(case when is_unknown then 0 else weight_ratio end) / sum(weight_ratio),
                count(*) filter (where not is_unknown), count(*)
            from mart_scorecard_metric_week group by all
        )
        select family || ':' || week_start as family_week_id, family, week_start,
            points as attainment_points, coverage_ratio,
            points - lag(points) over (partition by family order by week_start) as change_points,
            known as count_metrics_known, metrics as count_metrics
        from families
    """,
    "mart_lead_lag": """
        select n as lag_weeks,
            case when n <= 12 then round(0.2 + 0.7 / (1 + abs(n - 8)), 3) end as association,
            case when n <= 12 then round(0.7 / (1 + abs(n - 8)), 3) end as association_low,
            case when n <= 12 then round(0.3 + 0.7 / (1 + abs(n - 8)), 3) end as association_high,
            cast(104 - n as bigint) as count_weeks, case when n = 8 then 2.3 end as size_ratio,
            n = 8 as is_best, 'leads' as verdict,
            'Organisational attainment leads commercial improvement by 8 weeks.'
                as explanation_en,
            '组织侧达成度领先商业改善 8 周。' as explanation_zh
        from range(13) as lags(n)
    """,
    "mart_roadmap_step": """
        select 'step' || n as step_id, case when n <= 3 then 'phase_1' when n <= 6 then 'phase_2'
            else 'phase_3' end as phase, n as step_order, 'Step <' || n || '>' as name_en,
            '第 ' || n || ' 步' as name_zh, n <= 5 as entry_met,
            case when n = 4 then null else n <= 3 end as exit_met, n = 4 as is_current,
            'Two systems are woven' as criteria_en, '两个系统已打通' as criteria_zh
        from range(1, 10) as steps(n)
    """,
    "mart_roadmap_criterion": """
        select step_id || ':' || kind as roadmap_criterion_id, step_id, kind as criterion_kind,
            case when kind = 'exit' then 'automatic_capture_ratio'
                else 'graph_latency_hours_median' end as metric_id,
            'at_least' as comparison, cast(0.6 as double) as limit_value,
            case when kind = 'exit' then 0.71 end as actual_value,
            case when kind = 'exit' then true end as is_met,
            'Automatic capture is at least 60%' as description_en, '自动采集率不低于 60%'
                as description_zh, case when kind = 'entry' then 'no_rows' end as unknown_reason
        from mart_roadmap_step cross join (values ('entry'), ('exit')) as kinds(kind)
    """,
    "mart_trap": """
        select trap_id, name_en, name_zh, 'Is it so that ' || name_en || '?' as question_en,
            '是否存在' || name_zh || '?' as question_zh, cast(cases as bigint) as count_cases,
            cast(examined as bigint) as count_examined, cases / nullif(examined, 0) as case_ratio,
            cast(0.1 as double) as threshold_value,
            case when examined > 0 then cases > 0 end as is_triggered,
            case when examined = 0 then 'no_rows' end as unknown_reason,
            case when cases > 0 then timestamp '2026-05-01 08:00:00' end as first_case_at,
            case when cases > 0 then timestamp '2026-06-20 08:00:00' end as last_case_at
        from (
            values
                ('contradicted_portrait', 'Portrait contradicted', '画像与现场不符', 4, 60),
                ('relationship_inflation', 'Inflated relationships', '关系虚高', 31, 90),
                ('hasty_veto', 'Fast and vetoed', '快而被否', 0, 40),
                ('label_gaming', 'Label <gaming>', '标签博弈', 3, 120),
                ('copied_practice', 'Copied practices', '雷同实践', 0, 75),
                ('island', 'Islands', '孤岛', 0, 0),
                ('low_usage', 'Low usage', '使用率低', 0, 12)
        ) as traps(trap_id, name_en, name_zh, cases, examined)
    """,
    "mart_trap_evidence": """
        select trap_id || ':' || n as trap_evidence_id, trap_id,
            case when trap_id = 'label_gaming' then 'lead' else 'customer' end as subject_type,
            'crm:account' || n % 36 as subject_id, 'Account ' || n % 36 as subject_name,
            timestamp '2026-06-20 08:00:00' - to_hours(n * 5) as occurred_at,
            'Shared <twice>, never acted' as evidence_en, '转发两次，从未行动' as evidence_zh,
            'content_share' as row_object, 'crm:share' || n as row_id
        from mart_trap, range(40) as numbers(n)
        where n < count_cases
    """,
    "mart_score_backtest": """
        select score || ':' || segment || ':' || n as score_backtest_id, score as score_id,
            'won' as outcome, segment, n as decile, cast(60 as bigint) as count_subjects,
            cast(30 - 2 * n as bigint) as count_outcomes, (30 - 2 * n) / 60 as outcome_ratio,
            (30 - 2 * n) / 19 as lift, cast(100 - 9 * n as double) as mean_score,
            (32 - 2 * n) / 60 as expected_ratio
        from (values ('intent'), ('depth'), ('breadth'), ('health')) as scores(score)
        cross join (values ('all'), ('retail')) as segments(segment)
        cross join range(1, 11) as deciles(n)
    """,
    "mart_score_backtest_summary": """
        select score as score_id, segment, 'won' as outcome, 0.41 as precision_at_n,
            0.32 as base_ratio, case when has_lift then 1.9 else 1.02 end as lift_top_decile,
            case when has_lift then 1.5 else 0.8 end as lift_low,
            case when has_lift then 2.3 else 1.2 end as lift_high, 0.04 as calibration_error,
            cast(case when segment = 'all' then 600 else 12 end as bigint) as count_subjects,
            cast(case when segment = 'all' then 190 else 3 end as bigint) as count_outcomes,
            case when segment = 'all' then has_lift end as has_lift,
            date '2025-07-01' as first_day, date '2026-03-31' as last_day
        from (values ('intent', true), ('depth', true), ('breadth', false), ('health', null))
            as scores(score, has_lift)
        cross join (values ('all'), ('retail')) as segments(segment)
    """,
}

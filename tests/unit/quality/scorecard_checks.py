"""Clean rows and bad changes of the checks on scorecard, lead and lag, roadmap and backtest."""

from __future__ import annotations

MARTS = {
    "mart_scorecard_metric_week": "select 'm' || i as scorecard_metric_week_id, i = 0 as "
    "is_unknown, case when i = 0 then 'no_rows' end as unknown_reason, case when i > 0 then 0.5 "
    "end as attainment_ratio, case when i > 0 then 20.0 end as family_contribution_points, date "
    "'2026-06-28' as window_end from range(3) as t(i)",
    "mart_scorecard_family_week": "select 'f' || i as family_week_id, case when i > 0 then 50.0 "
    "end as attainment_points, 0.5 as coverage_ratio, i as count_metrics_known "
    "from range(3) as t(i)",
    "mart_lead_lag": "select i as lag_weeks, 0.5 as association, i = 8 as is_best, 'leads' as "
    "verdict, case when i = 8 then 2.3 end as size_ratio from range(10) as t(i)",
    "mart_roadmap_step": "select 's' || i as step_id, i = 1 as is_current, i = 0 as exit_met, "
    "'Done: …' as criteria_en, 2 as count_criteria from range(3) as t(i)",
    "mart_roadmap_criterion": "select 'c' || i as roadmap_criterion_id, case when i > 0 then true "
    "end as is_met, case when i = 0 then 'no_rows' end as unknown_reason from range(3) as t(i)",
    "mart_score_backtest": "select 'b' || i as score_backtest_id, 10 as count_subjects, 3 as "
    "count_outcomes, i + 1 as decile from range(3) as t(i)",
    "mart_score_backtest_summary": "select 'z' || i as score_backtest_summary_id, 0 as "
    "count_scores_refused, case when i > 0 then true end as has_lift, case when i > 0 then 1.2 end "
    "as lift_low, case when i = 0 then 'too_few' end as unknown_reason from range(3) as t(i)",
}
BAD: dict[str, dict[str, str | None]] = {
    "mart_scorecard_metric_week": {
        "key_unique": "set scorecard_metric_week_id = 'm0' where scorecard_metric_week_id = 'm1'",
        "attainment_within_bounds": "set attainment_ratio = 1.1 where not is_unknown",
        "unknown_has_reason": "set unknown_reason = null where is_unknown",
        "unknown_adds_nothing": "set family_contribution_points = 0 where is_unknown",
        "whole_weeks": "set window_end = date '2026-07-05' where is_unknown",
    },
    "mart_scorecard_family_week": {
        "key_unique": "set family_week_id = 'f0' where family_week_id = 'f1'",
        "attainment_within_bounds": "set attainment_points = -1 where family_week_id = 'f1'",
        "coverage_within_bounds": "set coverage_ratio = 1.2 where family_week_id = 'f1'",
        "unknown_without_metrics": "set attainment_points = null where family_week_id = 'f1'",
    },
    "mart_lead_lag": {
        "key_unique": "set lag_weeks = 0 where lag_weeks = 1",
        "association_is_correlation": "set association = 1.5 where lag_weeks = 1",
        "a_lead_has_size": "set size_ratio = null where is_best",
    },
    "mart_roadmap_step": {
        "key_unique": "set step_id = 's0' where step_id = 's1'",
        "current_is_not_done": "set exit_met = true where is_current",
        "criteria_named": "set count_criteria = 0 where step_id = 's1'",
    },
    "mart_roadmap_criterion": {
        "key_unique": "set roadmap_criterion_id = 'c0' where roadmap_criterion_id = 'c1'",
        "unknown_has_reason": "set unknown_reason = null where is_met is null",
    },
    "mart_score_backtest": {
        "key_unique": "set score_backtest_id = 'b0' where score_backtest_id = 'b1'",
        "counts_fit": "set count_outcomes = 11 where score_backtest_id = 'b1'",
    },
    "mart_score_backtest_summary": {
        "key_unique": "set score_backtest_summary_id = 'z0' where score_backtest_summary_id = 'z1'",
        "no_score_knew_later_rows": "set count_scores_refused = 1",
        "lift_needs_cases": "set lift_low = null where has_lift",
    },
}

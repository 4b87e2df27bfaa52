"""Marts of contact load and community: clean rows, and one row spoiled for each check."""

from __future__ import annotations

CORE = {
    "fct_activity": "select 'k' || i as contact_id, timestamp '2026-06-09 10:00' as occurred_at "
    "from range(3) as t(i)",
    "bridge_contact_person": "select 'k' || i as contact_id, 'p' || i as person_id "
    "from range(3) as t(i)",
}
MARTS = {
    "mart_over_contact_week": "select person_id || '|' || week_start as over_contact_week_id, "
    "person_id, week_start, count_touches::bigint as count_touches, has_opted_out from (values "
    "('p0', date '2026-06-08', 1, true), ('p0', date '2026-06-15', 0, false), "
    "('p1', date '2026-06-08', 1, false), ('p2', date '2026-06-08', 1, false)) "
    "as weeks(person_id, week_start, count_touches, has_opted_out)",
    "mart_safe_frequency": "select ['all', 'small', 'large'][i + 1] as segment, i < 2 as "
    "is_enough_data, case when i < 2 then 3::bigint end as safe_touches_per_week, case when i = 2 "
    "then 'few_optouts' end as unknown_reason, 0.01::double as optout_ratio_below, 0.1::double as "
    "optout_ratio_above, 0.02::double as optout_ratio_below_high, 0.05::double as "
    "optout_ratio_above_low from range(3) as t(i)",
    "mart_community_question": "select 'q' || i as community_post_id, 'p' || i // 2 as "
    "proposal_id, i > 0 as is_answered from range(5) as t(i)",
    "mart_community_proposal": "select proposal_id, count(*) as count_questions, "
    "count(*) filter (where not is_answered) as count_open_questions, "
    "case when bool_and(is_answered) then 'answered' else 'partly_answered' end as status, "
    "not bool_and(is_answered) as is_open, "
    "case when bool_and(is_answered) then timestamp '2026-06-20' end as answered_at "
    "from mart_community_question group by proposal_id",
}
BAD: dict[str, dict[str, str | None]] = {
    "mart_over_contact_week": {
        "key_unique": "set over_contact_week_id = 'p0|2026-06-08' where week_start = '2026-06-15'",
        "every_optout_counts_once": "set has_opted_out = true where week_start = '2026-06-15'",
        "every_known_person_is_there": "set person_id = 'p9' where person_id = 'p1'",
        "not_after_as_of": "set week_start = date '2026-07-06' where person_id = 'p1'",
    },
    "mart_safe_frequency": {
        "key_unique": "set segment = 'all' where segment = 'small'",
        "known_has_a_difference": "set optout_ratio_above_low = optout_ratio_below_high "
        "where segment = 'small'",
        "unknown_says_why": "set unknown_reason = null where segment = 'large'",
    },
    "mart_community_question": {
        "key_unique": "set community_post_id = 'q0' where community_post_id = 'q1'",
        "every_question_has_a_proposal": "set proposal_id = 'p9' where community_post_id = 'q4'",
    },
    "mart_community_proposal": {
        "key_unique": "set proposal_id = 'p0' where proposal_id = 'p1'",
        # As many as there are, but of other proposals.
        "questions_add_up": "set count_questions = case proposal_id when 'p0' then 3 else 1 end",
        "open_questions_add_up": "set count_open_questions = 2 where proposal_id = 'p0'",
        "status_fits": "set status = 'answered' where proposal_id = 'p0'",
    },
}

"""Marts of the influence graph: clean rows, and one row spoiled for each check."""

from __future__ import annotations

CORE = {
    "fct_influence_edge": "select * from range(3)",
    "fct_opportunity": "select 'o' || i as opportunity_id, 'a' || i as account_id, i = 0 as "
    "is_open, timestamp '2026-06-01' as created_at, case when i > 0 then timestamp '2026-06-09' "
    "end as closed_at from range(4) as t(i)",
    "bridge_account_customer": "select 'a' || i as account_id, 'c' || i % 3 as customer_id "
    "from range(4) as t(i)",
}
MARTS = {
    "mart_influence_edge": "select 'e' || i as influence_edge_id, 'referral' as "
    "edge_type, 'c' || i as from_customer_id, "
    "'c' || i + 1 as to_customer_id, 2::bigint as count_events, case when i < 2 then 0.5::double "
    "else 0 end as strength_ratio, i = 2 as is_dropped, case when i = 2 then 'below_threshold' end "
    "as dropped_reason from range(3) as t(i)",
    "mart_influence_act": "select influence_edge_id || '|' || i as influence_act_id, "
    "influence_edge_id, not is_dropped as is_above_threshold, dropped_reason "
    "from mart_influence_edge, range(2) as acts(i) "
    "union all select 'referral|9', null, false, 'unknown_end'",
    "mart_influence_dropped": "select 'referral|' || reason as influence_dropped_id, "
    "'referral' as edge_type, reason, "
    "count_edges from (values ('counted', 2::bigint), ('below_threshold', 1), "
    "('unknown_end', null)) as reasons(reason, count_edges)",
    "mart_customer_influence": "select 'c' || i as customer_id, true as is_graph_known, case when "
    "i < 2 then 40.0::double else 0 end as influence_points, case when i < 2 then 2::bigint else 0 "
    "end as count_accounts_influenced from range(3) as t(i)",
    "mart_referrer_sensitivity": "select 'c0|' || customer_id as referrer_sensitivity_id, "
    "customer_id, customer_id = 'c0' as is_referrer_itself, influence_points, case customer_id "
    "when 'c0' then 0 else 30.0::double end as influence_points_without, "
    "influence_points - influence_points_without as lost_points "
    "from mart_customer_influence where influence_points > 0",
    "mart_graph_latency": "select 'a' || i as activity_id, 'o' || i // 2 as opportunity_id, "
    "1.5::double as latency_hours, i % 2 = 0 as is_opportunity_row, i = 0 as is_fast_decided, "
    "i = 0 as is_fast_converted, i = 2 as is_slow_decided, i = 2 as is_slow_converted "
    "from range(4) as t(i)",
    "mart_star_opportunity": "select customer_id || '|' || opportunity_id as star_opportunity_id, "
    "customer_id, opportunity_id, is_own, is_open from (values ('c0', 'o0', true, true), "
    "('c1', 'o0', false, true), ('c1', 'o1', true, false)) "
    "as star(customer_id, opportunity_id, is_own, is_open)",
}
BAD: dict[str, dict[str, str | None]] = {
    "mart_influence_edge": {
        "key_unique": "set influence_edge_id = 'e0' where influence_edge_id = 'e1'",
        "rows_equal_core": None,
        "no_edge_to_itself": "set to_customer_id = 'c1' where influence_edge_id = 'e1'",
        "dropped_has_reason": "set strength_ratio = 0.1 where influence_edge_id = 'e2'",
        "strength_is_a_share": "set strength_ratio = 0 where influence_edge_id = 'e1'",
    },
    "mart_influence_act": {
        "key_unique": "set influence_act_id = 'e0|0' where influence_act_id = 'e0|1'",
        "acts_are_those_of_the_edges": None,
        "dropped_has_reason": "set dropped_reason = null where influence_act_id = 'referral|9'",
    },
    "mart_influence_dropped": {
        "key_unique": "set influence_dropped_id = 'referral|counted' where reason = 'unknown_end'",
        "dropped_edges_add_up": "set edge_type = 'share' where reason = 'below_threshold'",
    },
    "mart_customer_influence": {
        "key_unique": "set customer_id = 'c0' where customer_id = 'c1'",
        "rows_equal_core": None,
        "points_are_bounded": "set influence_points = 100.1 where customer_id = 'c1'",
        "unknown_is_not_zero": "set is_graph_known = false where customer_id = 'c2'",
        "nobody_reached_no_points": "set influence_points = 0 where customer_id = 'c1'",
    },
    "mart_referrer_sensitivity": {
        "key_unique": "set referrer_sensitivity_id = 'c0|c0' where customer_id = 'c1'",
        "only_losses": "set influence_points_without = 40.1 where customer_id = 'c1'",
        "referrer_loses_all": "set influence_points_without = 1 where is_referrer_itself",
        "points_are_those_of_the_customer": "set influence_points = 41 where customer_id = 'c1'",
    },
    "mart_graph_latency": {
        "key_unique": "set activity_id = 'a0' where activity_id = 'a1'",
        "latency_not_negative": "set latency_hours = -0.1 where activity_id = 'a1'",
        # One opportunity twice and another not at all: as many as there are.
        "each_opportunity_once": "set is_opportunity_row = not is_opportunity_row "
        "where activity_id in ('a1', 'a2')",
        "converted_is_decided": "set is_fast_decided = false where activity_id = 'a0'",
    },
    "mart_star_opportunity": {
        "key_unique": "set star_opportunity_id = 'c0|o0' where star_opportunity_id = 'c1|o0'",
        # Another one in its place: as many as there are.
        "own_open_business_is_there": "set opportunity_id = 'o9' "
        "where star_opportunity_id = 'c0|o0'",
    },
}

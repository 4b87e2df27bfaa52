"""Marts of depth and breadth of relationships: clean rows, and one row spoiled for each check."""

from __future__ import annotations

CORE = {"dim_customer": "select 'c' || i as customer_id from range(3) as t(i)"}
_RATIO = "cast(case when i < 2 then {value} end as decimal(9, 4))"
_POINTS = "cast(100 * {0}_ratio * {1}_ratio * {2}_ratio as decimal(18, 12)) as {index}_points"
MARTS = {
    "mart_customer_touch": "select 't' || i as touch_id, 'c' || i as customer_id, 'call' as "
    "channel, timestamp '2026-06-09 10:00' as occurred_at, timestamp '2026-06-09 11:00' as "
    "known_at, 0.8::double as weight_points from range(3) as t(i)",
    "mart_relationship_account": "select 'c' || i as customer_id, "
    "case i when 0 then 'deep_wide' when 1 then 'deep_narrow' end as quadrant, "
    + "".join(
        f"{_RATIO.format(value=value)} as {factor}_ratio, "
        for factor, value in {
            "frequency": 0.6321,
            "relevance": 0.4,
            "coverage": 0.25,
            "accounts": 0.3935,
            "industries": 0.2835,
            "levels": 0.6321,
        }.items()
    )
    + _POINTS.format("frequency", "relevance", "coverage", index="depth")
    + ", "
    + _POINTS.format("accounts", "industries", "levels", index="breadth")
    + ", case when i = 2 then 'frequency' end as depth_unknown_factor, case when i = 2 then "
    "'accounts' end as breadth_unknown_factor from range(3) as t(i)",
    "mart_relationship_index_week": "select customer_id || '|2026-06-29|as_defined' as "
    "relationship_index_week_id, customer_id, date '2026-06-29' as week_start, date '2026-06-30' "
    "as index_date, 'as_defined' as basis, depth_points, breadth_points "
    "from mart_relationship_account",
    "mart_relationship_top20": "select 'x' || i as top20_id, i + 1 as rank_in_team, 'c' || i as "
    "customer_id, 'Frequency: call' as reasons_en, '频率：致电' as reasons_zh, 4.2::double as "
    "expected_gain_points, case i when 2 then 2 else 0 end::bigint as count_touches_done, "
    "['running', 'untouched', 'touched'][i + 1] as outcome, i > 0 as is_finished "
    "from range(3) as t(i)",
    "mart_journey_play": "select quadrant || '_play' as play_id, quadrant, 1::bigint as "
    "count_customers, 1::bigint as count_touched, 1::bigint as count_customers_4w_ago, 0::bigint "
    "as count_moved_since from (values ('deep_wide'), ('deep_narrow'), ('unknown')) as "
    "quadrants(quadrant)",
}
BAD: dict[str, dict[str, str | None]] = {
    "mart_customer_touch": {
        "key_unique": "set touch_id = 't0' where touch_id = 't1'",
        "known_after_it_happened": "set known_at = occurred_at - interval 1 second "
        "where touch_id = 't1'",
        "customer_known": "set channel = null where touch_id = 't1'",
        "weight_in_range": "set weight_points = -0.1 where touch_id = 't1'",
    },
    "mart_relationship_account": {
        "key_unique": "set customer_id = 'c0' where customer_id = 'c1'",
        "all_customers": None,
        "depth_is_product": "set depth_points = depth_points + 0.000000000001 "
        "where customer_id = 'c1'",
        "breadth_is_product": "set breadth_points = 0 where customer_id = 'c2'",
        "unknown_names_factor": "set breadth_unknown_factor = null where customer_id = 'c2'",
    },
    "mart_relationship_index_week": {
        "key_unique": "set relationship_index_week_id = 'c0|2026-06-29|as_defined' "
        "where customer_id = 'c1'",
        "last_week_is_today": "set breadth_points = 0 where customer_id = 'c1'",
        "index_in_range": "set breadth_points = 100.1 where customer_id = 'c1'",
    },
    "mart_relationship_top20": {
        "key_unique": "set top20_id = 'x0' where top20_id = 'x1'",
        "list_not_too_long": "set rank_in_team = 21 where top20_id = 'x1'",
        "reasons_given": "set reasons_zh = null where top20_id = 'x1'",
        "outcome_fits": "set count_touches_done = 0 where top20_id = 'x2'",
    },
    "mart_journey_play": {
        "key_unique": "set quadrant = 'deep_wide' where quadrant = 'deep_narrow'",
        # As many as there are, but in other quadrants.
        "customers_add_up": "set count_customers = case quadrant when 'deep_wide' then 2 when "
        "'deep_narrow' then 0 else 1 end",
        "touched_are_customers": "set count_moved_since = 2 where quadrant = 'deep_wide'",
    },
}

"""The backtest: what a score said, what it could know, and when it must keep silent."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import duckdb

DAYS = (date(2025, 7, 5), date(2025, 10, 3), date(2026, 1, 1), date(2026, 4, 1))
"""Cut-off days a horizon of 90 days apart, counted back from 2026-06-30."""
TABLES = """
    create table score_backtest (score_id varchar, outcome varchar, horizon_days bigint,
        top_n bigint, min_outcomes bigint, name_en varchar, name_zh varchar, reason varchar);
    insert into score_backtest values
        ('intent', 'opportunity_created', 90, 20, 30, 'A new opportunity', '新商机', 'r'),
        ('health', 'commercial_gain', 91, 4, 30, 'Higher attainment', '达成度提高', 'r');
    create table int_rules__thresholds as
        select 'intent_floor_points' as threshold_id, 1.0 as threshold_value;
    create table dim_date as
        select cast(day as date) as date_day
        from generate_series(timestamp '2020-01-01', timestamp '2026-12-31', interval 1 day)
            as days(day);
    create table dim_account (account_id varchar, source_system varchar, industry varchar,
        created_at timestamp);
    create table fct_intent_signal_hit (signal_hit_id varchar, signal_id varchar,
        account_id varchar, signal_date date, known_date date, weight double,
        half_life_days double);
    create table bridge_intent_signal_evidence (signal_hit_id varchar, known_at timestamp);
    create table fct_intent_score_day (score_date date, level varchar, account_id varchar,
        score_points decimal(18, 2));
    create table fct_opportunity (opportunity_id varchar, account_id varchar,
        source_system varchar, created_at timestamp, closed_at timestamp, is_won boolean);
    create table fct_order (order_id varchar, account_id varchar, ordered_at timestamp);
    create table bridge_account_customer (account_id varchar, customer_id varchar);
    create table dim_customer (customer_id varchar, industry varchar);
    create table fct_relationship_index_day (index_date date, customer_id varchar, basis varchar,
        definition_version varchar, depth_points double, breadth_points double,
        touch_points double, count_accounts bigint);
    create table int_relationship__definitions (definition_version varchar, half_life_days double);
    create table int_relationship__weighted_touches (customer_id varchar,
        definition_version varchar, weight double, occurred_date date, known_date date);
    create table fct_influence_reach_day (customer_id varchar, basis varchar, reach_date date,
        count_accounts bigint);
    create table mart_scorecard_family_week (family varchar, week_start date,
        attainment_points double);
"""
CHAIN = {
    "int_proof__known_scores": "intermediate/proof",
    "int_proof__outcomes": "intermediate/proof",
    "int_proof__backtest_subjects": "intermediate/proof",
    "mart_score_backtest": "marts/proof",
    "mart_score_backtest_summary": "marts/proof",
}


class Company:
    """Accounts with one hit each before every cut-off day, and outcomes that follow from it."""

    def __init__(self, render: Callable[[str], str], seed: int, accounts: int = 120) -> None:
        self.render = render
        self.chance = random.Random(seed)
        self.db = duckdb.connect()
        self.db.execute("set threads = 1")
        self.db.execute(TABLES)
        self.accounts = [f"crm:a{number}" for number in range(accounts)]
        for number, account in enumerate(self.accounts):
            self.insert("dim_account", account, "crm", ("retail", "saas")[number % 2], "2024-01-01")
            self.insert("bridge_account_customer", account, account)
        # The first hit of all, so that every cut-off day lies behind it.
        self.hit(self.accounts[0], date(2025, 6, 1), date(2025, 6, 1), 2.0)

    def insert(self, table: str, *values: Any) -> None:
        self.db.execute(f"insert into {table} values ({', '.join('?' * len(values))})", values)

    def hit(self, account: str, happened: date, known: date, weight: float) -> None:
        number = self.db.execute("select count(*) from fct_intent_signal_hit").fetchall()[0][0]
        name = f"h{number}"
        self.insert(
            "fct_intent_signal_hit", name, "pricing_page", account, happened, known, weight, 30.0
        )
        at = datetime.combine(known, datetime.min.time()) + timedelta(hours=23)
        self.insert("bridge_intent_signal_evidence", name, at)

    def store_scores(self, knew_until_days_later: int = 0) -> None:
        """Scores as the pipeline stores them; with days, as one that looks ahead would."""
        for day in DAYS:
            self.db.execute(
                """
                insert into fct_intent_score_day
                select $day, 'account', account_id, sum(points)
                from (
                    select account_id, cast(round(sum(
                        weight * power(0.5, date_diff('day', signal_date, $day) / half_life_days)
                    ), 2) as decimal(18, 2)) as points
                    from fct_intent_signal_hit
                    where known_date <= cast($day as date) + cast($later as integer)
                        and signal_date <= $day
                        and signal_date
                            + cast(floor(half_life_days * ln(weight) / ln(2)) as integer) >= $day
                    group by account_id, signal_id
                )
                group by account_id
                """,
                {"day": day, "later": knew_until_days_later},
            )

    def outcome(self, account: str, day: date) -> None:
        self.insert("fct_opportunity", f"o{account}{day}", account, "crm", day, None, False)

    def live(self, says_something: bool) -> None:
        """A hit of random weight per account and quarter; who has a strong one comes more often."""
        self.outcome(self.accounts[0], date(2024, 1, 1))
        for day in DAYS:
            for account in self.accounts:
                weight = self.chance.uniform(2, 40)
                self.hit(account, day - timedelta(days=5), day - timedelta(days=5), weight)
                ratio = 0.05 + 0.6 * weight / 40 if says_something else 0.35
                if self.chance.random() < ratio:
                    self.outcome(account, day + timedelta(days=self.chance.randint(1, 90)))

    def build(self) -> None:
        for name, folder in CHAIN.items():
            self.db.execute(
                f"create or replace table {name} as {self.render(f'{folder}/{name}.sql')}"
            )

    def summary(self, segment: str = "all", score: str = "intent") -> dict[str, Any]:
        self.build()
        cursor = self.db.execute(
            "select * from mart_score_backtest_summary where segment = ? and score_id = ?",
            [segment, score],
        )
        names = [column[0] for column in cursor.description or []]
        (row,) = cursor.fetchall()
        return dict(zip(names, row, strict=True))

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.db.execute(sql).fetchall()


def test_a_score_that_says_something_has_lift(render: Callable[[str], str]) -> None:
    company = Company(render, 1)
    company.live(says_something=True)
    company.store_scores()
    row = company.summary()
    assert (row["has_lift"], row["count_scores_refused"]) == (True, 0)
    assert 1 < row["lift_low"] < row["lift_top_decile"] < row["lift_high"]
    assert row["precision_at_n"] > row["base_ratio"]
    assert row["count_subjects"] == len(DAYS) * 120
    ratios = company.rows(
        "select decile, outcome_ratio, count_subjects from mart_score_backtest "
        "where segment = 'all' and score_id = 'intent' order by decile"
    )
    assert [decile for decile, _, _ in ratios] == list(range(1, 11))
    assert {count for _, _, count in ratios} == {48}
    assert ratios[0][1] > 2 * ratios[-1][1]
    # Expectations come from earlier days; on the first day there is none.
    assert row["calibration_error"] < 0.25
    assert company.rows(
        "select distinct count_judged from mart_score_backtest "
        "where segment = 'all' and score_id = 'intent'"
    ) == [(36,)]


def test_shuffled_outcomes_show_no_lift(render: Callable[[str], str]) -> None:
    """The same scores and as many outcomes, dealt out anew: one false alarm in forty is allowed.

    Measured with this jackknife on 1500 shuffles each: 1.4 to 2.3 %.
    """
    company = Company(render, 1)
    company.live(says_something=True)
    company.store_scores()
    chance = random.Random(100)
    rows = []
    for _ in range(5):
        for day in DAYS:
            found = [
                name
                for (name,) in company.rows(
                    f"""
                    select opportunity_id from fct_opportunity
                    where created_at > date '{day}'
                        and created_at <= date '{day + timedelta(days=90)}'
                    order by 1
                    """
                )
            ]
            dealt = chance.sample(company.accounts, len(found))
            for name, account in zip(found, dealt, strict=True):
                company.db.execute(
                    "update fct_opportunity set account_id = ? where opportunity_id = ?",
                    [account, name],
                )
        rows.append(company.summary())
    assert [row["has_lift"] for row in rows].count(True) <= 1
    lifts = [row["lift_top_decile"] for row in rows]
    assert 0.8 < sum(lifts) / len(lifts) < 1.2


def test_a_score_that_looks_ahead_is_refused(render: Callable[[str], str]) -> None:
    """Hits that become known with the outcome itself: a perfect score, and a worthless one."""
    company = Company(render, 1)
    company.live(says_something=False)
    for name, account, created in company.rows(
        "select opportunity_id, account_id, cast(created_at as date) from fct_opportunity "
        "where created_at > date '2025-07-05'"
    ):
        assert name
        before = max(day for day in DAYS if day < created)
        company.hit(account, before - timedelta(days=1), created, 90)
    company.store_scores(knew_until_days_later=90)
    company.build()
    ((lift,),) = company.rows(
        """
        select avg(count_outcomes) filter (where decile = 1) / avg(count_outcomes)
        from int_proof__backtest_subjects where segment = 'all' and score_id = 'intent'
        """
    )
    assert lift > 2, "the planted leak must look like a good score"
    row = company.summary()
    assert row["has_lift"] is None
    assert row["lift_top_decile"] is None and row["precision_at_n"] is None
    assert row["unknown_reason"] == "later_rows" and row["count_scores_refused"] > 50
    assert "Refused" in row["unknown_reason_en"]
    assert company.rows(
        "select count(lift), count(outcome_ratio), count(expected_ratio) from mart_score_backtest "
        "where score_id = 'intent'"
    ) == [(0, 0, 0)]


def test_the_same_hits_known_in_time_are_no_leak(render: Callable[[str], str]) -> None:
    company = Company(render, 1)
    company.live(says_something=False)
    company.hit(company.accounts[3], date(2025, 9, 1), date(2025, 12, 1), 30)
    company.store_scores()
    assert company.summary()["count_scores_refused"] == 0


def test_outcomes_count_after_the_day_and_within_the_horizon(
    render: Callable[[str], str],
) -> None:
    company = Company(render, 1, accounts=4)
    company.store_scores()
    last = DAYS[-1]
    for account, day in zip(
        company.accounts,
        (last, last + timedelta(days=1), last + timedelta(days=90), last + timedelta(days=91)),
        strict=True,
    ):
        company.outcome(account, day)
    company.build()
    assert company.rows(
        f"""
        select subject_id, count_outcomes from int_proof__backtest_subjects
        where segment = 'all' and cutoff_date = date '{last}' order by subject_id
        """
    ) == [("crm:a0", 0), ("crm:a1", 1), ("crm:a2", 1), ("crm:a3", 0)]


def test_too_few_outcomes_say_nothing(render: Callable[[str], str]) -> None:
    company = Company(render, 1, accounts=12)
    company.live(says_something=True)
    company.store_scores()
    row = company.summary()
    assert (row["has_lift"], row["lift_low"], row["unknown_reason"]) == (None, None, "too_few")
    assert "Too few" in row["unknown_reason_en"]


def test_health_has_too_few_quarters_and_says_so(render: Callable[[str], str]) -> None:
    company = Company(render, 1)
    company.live(says_something=True)
    company.store_scores()
    for week in range(78):
        for family in ("technical", "organisational", "commercial"):
            day = date(2026, 6, 22) - timedelta(weeks=week)
            company.insert("mart_scorecard_family_week", family, day, 80.0 - week)
    row = company.summary(score="health")
    assert (row["count_subjects"], row["count_outcomes"]) == (5, 5)
    assert (row["has_lift"], row["unknown_reason"]) == (None, "too_few")

"""Signals, accounts and timelines: what the page shows is what the marts hold."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamlit_app.data import intent
from streamlit_app.data.filters import Period, make_period

AS_OF = date(2026, 6, 30)
QUARTER = make_period("13w", AS_OF)
ALL = Period("all", None, None)
ACCOUNT = "crm:account26"


def number(connection: duckdb.DuckDBPyConnection, sql: str) -> Decimal:
    row = connection.execute(sql).fetchone()
    assert row is not None
    return Decimal(str(row[0]))


@pytest.mark.parametrize("by", ["signal", "industry"])
@pytest.mark.parametrize(
    "period", [QUARTER, make_period("4w", AS_OF), ALL], ids=lambda p: p.period_id
)
def test_groups_over_time_hold_every_signal_once(
    company: duckdb.DuckDBPyConnection, by: str, period: Period
) -> None:
    found = intent.signals(company, (), period, by)
    assert found is not None
    first = period.start or date(2000, 1, 1)
    inside = f"period_date between date '{first}' and date '{AS_OF}'"
    assert sum(found.totals) == number(
        company, f"select count(*) from mart_intent_signal where {inside}"
    )
    named = [group.key for group in found.groups if group.key is not None]
    counts = [group.count for group in found.groups if group.key is not None]
    assert len(set(named)) == len(named) and counts == sorted(counts, reverse=True)
    if by == "industry":
        unknown = found.groups[-1]
        assert unknown.key is None, "signals without an industry come last, and are not left out"
        assert unknown.count == number(
            company,
            f"select count(*) from mart_intent_signal where industry is null and {inside}",
        )
    steps = {b - a for a, b in zip(found.buckets, found.buckets[1:], strict=False)}
    if found.grain == "week":
        assert steps == {timedelta(weeks=1)}


def test_the_period_before_is_counted_where_data_reach_back(
    company: duckdb.DuckDBPyConnection,
) -> None:
    found = intent.signals(company, (("signal", ("budget_words",)),), QUARTER, "signal")
    assert found is not None and [group.key for group in found.groups] == ["budget_words"]
    before = QUARTER.previous()
    assert before is not None
    assert (
        found.groups[0].previous
        == sum(found.previous or ())
        == number(
            company,
            "select count(*) from mart_intent_signal where signal_id = 'budget_words' "
            f"and period_date >= date '{before.start}' and period_date < date '{before.end}'",
        )
    )
    year = intent.signals(company, (), make_period("12m", AS_OF), "signal")
    assert year is not None and year.previous is None
    assert {group.previous for group in year.groups} == {None}, "unknown is not 0"


def test_accounts_come_with_factors_that_add_up_exactly(
    company: duckdb.DuckDBPyConnection,
) -> None:
    found = intent.accounts(company, (), page_size=100)
    assert found is not None and found.count_all == len(found.rows) > 30
    assert all(account.factors and account.is_exact for account in found.rows)
    scores = [account.score_points or Decimal(0) for account in found.rows]
    assert scores == sorted(scores, reverse=True) and found.highest == scores[0]
    pages = [intent.accounts(company, (), page=page, page_size=10) for page in (1, 2, 3, 4)]
    assert [a.account_id for page in pages if page for a in page.rows] == [
        a.account_id for a in found.rows
    ]


def test_accounts_are_filtered_searched_and_ordered(company: duckdb.DuckDBPyConnection) -> None:
    selection = (("signal", ("budget_words",)), ("industry", ("retail",)))
    found = intent.accounts(company, selection, page_size=100)
    assert found is not None and found.rows
    assert {account.industry for account in found.rows} == {"retail"}
    assert all("budget_words" in {f.signal_id for f in a.factors} for a in found.rows)
    searched = intent.accounts(company, (), search=" ACCOUNT 26 ")
    assert searched is not None and [a.account_id for a in searched.rows] == [ACCOUNT]
    assert intent.accounts(company, (), search="' or 1=1 --") == intent.Accounts((), 0, None)
    for order in intent.ACCOUNT_ORDERS:
        listed = intent.accounts(company, (), order=order, page_size=100)
        assert listed is not None and listed.count_all > 30
        if order == "rise":
            rises = [(a.score_points or 0) - (a.points_before or 0) for a in listed.rows]
            assert rises == sorted(rises, reverse=True)
    # A filter that accounts do not carry makes the list unknown, not empty.
    assert intent.accounts(company, (("channel", ("web",)),)) is None


@given(st.lists(st.decimals(0, 1000, places=4), min_size=1, max_size=6), st.integers(0, 3))
def test_rounded_parts_add_up_to_the_rounded_sum(values: list[Decimal], digits: int) -> None:
    step = Decimal(1).scaleb(-digits)
    parts = intent.rounded_parts(values, digits)
    assert sum(parts) == sum(values).quantize(step)  # type: ignore[union-attr]
    assert all(abs(part - value) < step for part, value in zip(parts, values, strict=True))


def test_history_ends_with_the_score_and_shows_no_points_as_zero(
    own_company: duckdb.DuckDBPyConnection,
) -> None:
    found = intent.score_history(own_company, ACCOUNT)
    one = intent.account(own_company, ACCOUNT)
    assert found and one is not None
    assert found[-1][0] == AS_OF and found[-1][1] == float(one.score_points or 0)
    own_company.execute(
        f"delete from mart_intent_score_day where account_id = '{ACCOUNT}' "
        "and score_date in (date '2026-06-10', date '2026-06-30')"
    )
    changed = dict(intent.score_history(own_company, ACCOUNT) or ())
    assert changed[date(2026, 6, 10)] == changed[date(2026, 6, 30)] == 0.0
    assert intent.score_history(own_company, "nobody") == ()


def test_a_timeline_is_complete_whatever_the_pages(company: duckdb.DuckDBPyConnection) -> None:
    whole = intent.timeline(company, ACCOUNT, page_size=500)
    assert whole is not None and len(whole.events) == whole.count_all == sum(
        count for _, count in whole.counts
    )
    paged = [intent.timeline(company, ACCOUNT, page=page, page_size=7) for page in range(1, 9)]
    assert [event for part in paged if part for event in part.events] == list(whole.events)
    times = [event.occurred_at for event in whole.events]
    assert times == sorted(times, reverse=True)  # type: ignore[type-var]
    quotes = intent.timeline(company, ACCOUNT, ("quote",))
    assert quotes is not None and [event.kind for event in quotes.events] == ["quote"]
    assert quotes.events[0].signal_hit_id is None, "only signals have raw rows"


def test_every_signal_of_a_timeline_has_its_raw_rows(company: duckdb.DuckDBPyConnection) -> None:
    signals = intent.timeline(company, ACCOUNT, ("signal",), page_size=500)
    assert signals is not None and signals.events
    for event in signals.events:
        assert event.signal_hit_id is not None
        hit = intent.signal_hit(company, event.signal_hit_id)
        raw = intent.evidence(company, event.signal_hit_id)
        assert hit is not None and raw is not None
        assert len(raw) == hit.count_evidence == event.count_evidence
        for row in raw:
            is_line = row.source_file is not None and row.source_row is not None and row.url
            assert is_line or row.text_excerpt


def test_raw_rows_are_counted_also_where_the_timeline_does_not_say(
    own_company: duckdb.DuckDBPyConnection,
) -> None:
    before = intent.timeline(own_company, ACCOUNT)
    own_company.execute("alter table mart_account_timeline drop column count_evidence")
    assert intent.timeline(own_company, ACCOUNT) == before


@pytest.mark.parametrize("what", ["signals", "accounts", "factors", "timeline", "evidence"])
def test_files_hold_all_rows(company: duckdb.DuckDBPyConnection, what: str) -> None:
    key = "hit165" if what == "evidence" else ACCOUNT
    names, rows = intent.export(company, what, (), QUARTER, key=key)
    counted = {
        "signals": "select count(*) from mart_intent_signal "
        f"where period_date >= '{QUARTER.start}'",
        "accounts": "select count(*) from mart_intent_factor where score_date = '2026-06-30'",
        "factors": f"select count(*) from mart_intent_factor where account_id = '{ACCOUNT}' "
        "and score_date = '2026-06-30'",
        "timeline": f"select count(*) from mart_account_timeline where account_id = '{ACCOUNT}'",
        "evidence": "select count(*) from mart_intent_evidence where signal_hit_id = 'hit165'",
    }[what]
    listed = list(rows)
    assert len(listed) == number(company, counted) > 0
    assert {len(row) for row in listed} == {len(names)}


@pytest.mark.parametrize(
    "mart",
    [intent.SIGNAL_MART, intent.ACCOUNT_MART, intent.SCORE_MART, intent.FACTOR_MART,
     intent.EVIDENCE_MART, intent.TIMELINE_MART, intent.RULE_TABLE],
)  # fmt: skip
def test_a_version_without_a_mart_is_unknown(
    own_company: duckdb.DuckDBPyConnection, mart: str
) -> None:
    own_company.execute(f"drop table {mart}")
    answers = {
        intent.SIGNAL_MART: lambda: intent.signals(own_company, (), QUARTER, "signal"),
        intent.ACCOUNT_MART: lambda: intent.accounts(own_company, ()),
        intent.SCORE_MART: lambda: intent.score_history(own_company, ACCOUNT),
        intent.EVIDENCE_MART: lambda: intent.evidence(own_company, "hit4"),
        intent.TIMELINE_MART: lambda: intent.timeline(own_company, ACCOUNT),
    }
    if mart in answers:
        assert answers[mart]() is None
    elif mart == intent.FACTOR_MART:
        found = intent.accounts(own_company, ())
        assert found is not None and found.rows and not any(a.factors for a in found.rows)
    else:
        assert intent.signal_rules(own_company) == {}


def test_an_older_mart_without_a_column_reads_as_unknown(
    own_company: duckdb.DuckDBPyConnection,
) -> None:
    own_company.execute("alter table mart_intent_account drop column points_before")
    own_company.execute("alter table mart_intent_account drop column rep_name")
    one = intent.account(own_company, ACCOUNT)
    assert one is not None and one.score_points and one.points_before is None and not one.rep_name
    assert intent.accounts(own_company, (), order="rise") is not None

"""The truths about visits hold for the written log, line by line."""

from __future__ import annotations

import itertools
from typing import Any

import duckdb
import pytest

from tests.unit.demo_company.company import Company
from tests.unit.demo_company.web_log_tables import (
    WEB_SIGNALS,
    found_in_log,
    told_hits,
    web_tables,
)

DAY = 86_400


@pytest.fixture(scope="module")
def web(small: Company) -> duckdb.DuckDBPyConnection:
    return web_tables(small)


@pytest.mark.parametrize("signal", WEB_SIGNALS)
def test_signals_of_the_web_log(
    small: Company, web: duckdb.DuckDBPyConnection, signal: str
) -> None:
    truth = small.truth("intent_signals")[signal]
    assert found_in_log(web, signal) == told_hits(truth["hits"])
    assert len(truth["hits"]) == truth["count"] > 20


@pytest.mark.parametrize("signal", WEB_SIGNALS)
def test_planted_visits_are_hits_and_near_misses_are_none(small: Company, signal: str) -> None:
    truth = small.truth("intent_signals")[signal]
    who = {row["person"] or row["visitor"] for row in truth["hits"]}
    who |= {row["visitor"] for row in truth["hits"]}
    assert set(truth["planted"].values()) <= who
    assert truth["planted"]
    assert len(truth["near_misses"]) >= 2
    assert not who & set(truth["near_misses"].values())


def test_near_misses_are_near(small: Company, web: duckdb.DuckDBPyConnection) -> None:
    """They did what the signal asks for, but for one thing."""
    near = {signal: small.truth("intent_signals")[signal]["near_misses"] for signal in WEB_SIGNALS}

    def views(who: str, path: str) -> list[tuple[Any, ...]]:
        return web.execute(
            "select moment, path, seconds, session from web_view "
            "where (subject = ? or visitor = ?) and path like ? order by moment",
            [who, who, path],
        ).fetchall()

    dwell = near["competitor_comparison_dwell"]
    competitor = "/compare/competitor%"
    assert [view[2] for view in views(dwell["170_seconds"], competitor)] == [170]
    assert [view[2] for view in views(dwell["180_seconds"], competitor)] == [180]
    assert [view[2] for view in views(dwell["two_short_looks"], competitor)] == [100, 100]
    assert [view[2] for view in views(dwell["last_page"], competitor)] == [None]
    assert [view[2] for view in views(dwell["session_over"], competitor)] == [None]
    documents = near["technical_documents_downloaded"]
    (first, second) = views(documents["eight_days"], "/docs/%")
    assert first[1] != second[1] and second[0] - first[0] == 8 * DAY
    assert len({view[1] for view in views(documents["same_twice"], "/docs/%")}) == 1
    assert len(views(documents["same_with_parameter"], "/docs/%")) == 2
    service = near["service_comparison_visits"]
    assert len({view[3] for view in views(service["two_visits"], "/compare/service%")}) == 2
    assert len({view[3] for view in views(service["one_session"], "/compare/service%")}) == 1
    assert len(views(service["one_session"], "/compare/service%")) == 3
    fifteen = views(service["fifteen_days"], "/compare/service%")
    assert len(fifteen) == 3 and fifteen[-1][0] - fifteen[0][0] == 15 * DAY
    assert len({view[1] for view in views(service["two_pages"], "/compare/service%")}) == 2
    away = views(near["return_after_silence"]["twenty_nine_days"], "/%")
    assert 28.9 * DAY < max(b[0] - a[0] for a, b in itertools.pairwise(away)) < 30 * DAY
    elsewhere = views(near["return_after_silence"]["kept_reading_elsewhere"], "/")
    assert elsewhere[-1][0] - elsewhere[0][0] > 30 * DAY


def test_the_first_of_an_account_is_no_higher_level(
    small: Company, web: duckdb.DuckDBPyConnection
) -> None:
    first = {
        person
        for (person,) in web.execute(
            """
            select arg_min(person, moment) as person
            from web_view join employer using (person, account)
            group by account
            having arg_min(level_rank, moment) >= 3
            """
        ).fetchall()
    }
    hits = {row["person"] for row in small.truth("intent_signals")["higher_level_visitor"]["hits"]}
    assert len(first) > 20, "directors and executives who came first"
    assert not first & hits


def test_every_visitor_is_who_the_key_says(small: Company, web: duckdb.DuckDBPyConnection) -> None:
    truth = small.truth("visitor_identity")
    found = {
        visitor: (person, account, persons)
        for visitor, person, account, persons in web.execute("from identity").fetchall()
    }
    levels = {row["level"] for row in truth["visitors"]}
    assert levels == {"contact", "account", "conflict", "anonymous"}
    for row in truth["visitors"]:
        person, account, persons = found.pop(f"{row['address']} {row['agent']}")
        assert (person, account) == (row["person"], row["account"])
        assert (persons > 1) == (row["level"] == "conflict")
    assert not [who for who, (_, account, persons) in found.items() if account or persons]


def test_all_kinds_of_evidence_are_there(small: Company) -> None:
    truth = small.truth("visitor_identity")
    kinds = {kind for row in truth["visitors"] for kind in row["evidence"]}
    assert kinds == {
        "login",
        "click_id",
        "email",
        "lead_key",
        "contact_key",
        "address_range",
        "domain",
    }
    conflicts = [row for row in truth["visitors"] if row["level"] == "conflict"]
    assert sorted(row["account"] is None for row in conflicts) == [False, True]
    assert all(len(row["candidates"]) == 2 for row in conflicts)
    (wrong,) = truth["wrong_links"]
    assert wrong["linked_to"] != wrong["really"]
    devices = [row["person"] for row in truth["visitors"] if row["person"]]
    assert len(devices) > len(set(devices)), "some people have two browsers"


def test_odd_sessions(web: duckdb.DuckDBPyConnection, small: Company) -> None:
    told = small.truth("overlong_sessions")
    for row, is_overlong in [
        *((row, True) for row in told["sessions"]),
        *((row, False) for row in told["near_misses"]),
    ]:
        times = [
            at
            for (at,) in web.execute(
                "select moment from request where visitor = ? order by moment",
                [f"{row['address']} {row['agent']}"],
            ).fetchall()
        ]
        assert max(b - a for a, b in itertools.pairwise(times)) <= 1_800
        assert (times[-1] - times[0] > DAY) == is_overlong
        assert times[-1] - times[0] > 0.9 * DAY
        assert len(times) == row["views"]
    midnight = small.truth("midnight_sessions")
    assert midnight["count"] == len(midnight["sessions"]) >= 3
    assert all(row["started_at"][:10] < row["ended_at"][:10] for row in midnight["sessions"])


def test_robots_with_the_agent_of_a_browser(small: Company, web: duckdb.DuckDBPyConnection) -> None:
    truth = small.truth("web_bots")
    measured = {
        visitor: measures
        for visitor, *measures in web.execute(
            """
            with minute as (
                select visitor, count(*) as requests from request group by visitor, moment // 60
            )
            select
                visitor,
                count(*),
                avg((status >= 400)::integer),
                bool_or(path = '/robots.txt'),
                bool_or(regexp_matches(path, 'wp-login[.]php|[.]env$|phpmyadmin|[.]git/')),
                any_value(busiest)
            from request
            join (select visitor, max(requests) as busiest from minute group by visitor)
                using (visitor)
            group by visitor
            """
        ).fetchall()
    }
    agents = set(truth_agents(small))
    for row in truth["bots"]:
        requests, errors, robots, scans, busiest = measured[f"{row['address']} {row['agent']}"]
        assert row["agent"] not in agents
        reason = row["reason"]
        assert (reason == "requests_per_minute") == (busiest >= 190)
        assert (reason == "reads_robots_txt") == robots
        assert (reason == "scanner") == scans
        assert (reason == "error_share") == (requests > 50 and errors > 0.8)
    assert {row["reason"] for row in truth["bots"]} == {
        "requests_per_minute",
        "reads_robots_txt",
        "scanner",
        "error_share",
    }
    known = {f"{row['address']} {row['agent']}" for row in truth["bots"]}
    for visitor, (requests, errors, robots, scans, busiest) in measured.items():
        if visitor in known or visitor.split(" ", 1)[1] in agents:
            continue
        assert not robots and not scans and busiest < 120, visitor
        assert requests < 30 or errors < 0.5, visitor
    assert len(truth["near_misses"]) == 4
    assert all(f"{row['address']} {row['agent']}" in measured for row in truth["near_misses"])


def truth_agents(small: Company) -> list[str]:
    agents: list[str] = small.truth("web_traffic")["bot_agents"]
    return agents


def test_late_lines_stand_in_a_later_place(small: Company) -> None:
    truth = small.truth("late_web_lines")
    assert truth["count"] == len(truth["lines"]) == 2
    moved = {row["at"] < row["written"] for row in truth["lines"]}
    assert moved == {True, False}, "one line comes later than its time says and one earlier"

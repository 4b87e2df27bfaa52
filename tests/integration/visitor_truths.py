"""Who the visitors of the demo company are: the warehouse beside the answer key."""

from __future__ import annotations

from typing import Any

import duckdb

from dagster_project.settings import Settings
from tests.integration.demo_run import answer_key

CRM = "demo_crm:"
Who = tuple[str, str | None, str | None]


def visitor_differences(settings: Settings) -> list[str]:
    """Each visitor, planted value and review that differs from the answer key; empty if none does.

    Robots are in the answer key by the evidence in their lines, but are never linked.
    """
    truths = answer_key(settings.home)["truths"]
    expected = _expected(truths)
    with duckdb.connect(settings.warehouse, read_only=True) as connection:
        found, disputed = _found(connection)
        differences = [
            f"{browser}: {expected.get(browser)} expected, {who} found"
            for browser, who in found.items()
            if who != expected.get(browser, ("anonymous", None, None))
        ]
        differences += [f"{browser}: not in the warehouse" for browser in expected.keys() - found]
        differences += _review_differences(connection, truths, disputed)
        differences += _link_differences(connection, truths["web_links"])
    return differences


def _expected(truths: dict[str, Any]) -> dict[tuple[str, str], Who]:
    robots = {(bot["address"], bot["agent"]) for bot in truths["web_bots"]["bots"]}
    expected: dict[tuple[str, str], Who] = {}
    for visitor in truths["visitor_identity"]["visitors"]:
        browser = (visitor["address"], visitor["agent"])
        person = CRM + visitor["person"] if visitor["person"] else None
        account = CRM + visitor["account"] if visitor["account"] else None
        level = visitor["level"]
        if level == "conflict":
            # Nobody is named; a firm is where all of the disputed work for it.
            level = "account" if account else "anonymous"
        expected[browser] = (
            ("anonymous", None, None) if browser in robots else (level, person, account)
        )
    return expected


def _found(
    connection: duckdb.DuckDBPyConnection,
) -> tuple[dict[tuple[str, str], Who], set[tuple[str, str]]]:
    rows = connection.execute(
        """
        select visitor_address, user_agent, link_level, contact_id, account_id, is_disputed
        from core.dim_web_visitor where source_system = 'demo_web'
        """
    ).fetchall()
    found = {(address, agent): (level, *who) for address, agent, level, *who, _ in rows}
    return found, {(address, agent) for address, agent, *_, is_disputed in rows if is_disputed}


def _review_differences(
    connection: duckdb.DuckDBPyConnection,
    truths: dict[str, Any],
    disputed: set[tuple[str, str]],
) -> list[str]:
    """Two persons on one browser, and a guest in the network of another firm: nothing else."""
    rows = connection.execute(
        "select visitor_address, user_agent, review_kind, count_candidates "
        "from marts.mart_visitor_link_review"
    ).fetchall()
    conflicts = {
        (visitor["address"], visitor["agent"]): len(visitor["candidates"])
        for visitor in truths["visitor_identity"]["visitors"]
        if visitor["level"] == "conflict"
    }
    listed = {
        (address, agent): count for address, agent, kind, count in rows if kind == "two_persons"
    }
    others = [row for row in rows if row[2] != "two_persons"]
    differences = []
    if not conflicts or listed != conflicts:
        differences.append(f"two persons: {conflicts} expected, {listed} found")
    if [kind for _, _, kind, _ in others] != ["person_and_account_differ"]:
        differences.append(f"one guest in another firm's network expected, {others} found")
    if disputed != {(address, agent) for address, agent, *_ in rows}:
        differences.append(f"disputed visitors are not those of the review: {disputed}")
    return differences


def _link_differences(connection: duckdb.DuckDBPyConnection, links: dict[str, Any]) -> list[str]:
    """Every click id and login that was used names its person, and no other."""
    differences = []
    for kind, planted in {"click_id": links["click_ids"], "login": links["logins"]}.items():
        found = set(
            connection.execute(
                "select distinct evidence_value, contact_id from core.fct_visitor_link "
                "where evidence_kind = ? and source_system = 'demo_web'",
                [kind],
            ).fetchall()
        )
        expected = {(value, CRM + person) for value, person in planted.items()}
        differences += [f"{kind} {pair}: missing or too much" for pair in found ^ expected]
    return differences

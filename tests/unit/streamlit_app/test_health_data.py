"""Questions of the pages about health, relationships, one customer and contact load."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import duckdb
import pytest

from streamlit_app.charts import relationships as charts
from streamlit_app.data import contact_load, customers, health, intent, relationships
from streamlit_app.data.health import Scorecard


@pytest.fixture(scope="module")
def connection(company: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """A cursor of its own, so that tests of other modules never share one."""
    with company.cursor() as cursor:
        yield cursor


def scorecard(connection: duckdb.DuckDBPyConnection) -> Scorecard:
    found = health.scorecard(connection)
    assert found is not None
    return found


def test_the_scorecard_has_twelve_weeks_and_its_parts_add_up(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    card = scorecard(connection)
    assert len(card.weeks) == 12 and str(card.last_week) == "2026-06-22"
    for family in health.FAMILIES:
        now = card.family(family)[-1]
        assert now is not None and now.attainment_points is not None
        parts = [item.family_contribution_points or 0 for item in card.now(family)]
        assert sum(parts) == pytest.approx(now.attainment_points, abs=1e-6)
    whole = card.family(health.WHOLE)[-1]
    assert whole is not None
    total = sum(item.total_contribution_points or 0 for item in card.now())
    assert total == pytest.approx(whole.attainment_points, abs=1e-6)


def test_moves_add_up_to_the_change_of_the_whole(connection: duckdb.DuckDBPyConnection) -> None:
    card = scorecard(connection)
    found = health.moves(card)
    whole = card.family(health.WHOLE)[-1]
    assert whole is not None and whole.change_points is not None
    assert float(sum(item.points for item in found)) == pytest.approx(whole.change_points, abs=1e-6)
    sizes = [abs(item.points) for item in found]
    assert sizes == sorted(sizes, reverse=True)


def test_a_metric_that_becomes_unknown_is_a_move_of_its_own(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    card = scorecard(connection)
    name = "lead_conversion_ratio"
    metrics = tuple(
        replace(item, total_contribution_points=None, value=None, is_unknown=True)
        if (item.metric_id, item.week_start) == (name, card.last_week)
        else item
        for item in card.metrics
    )
    (move,) = (m for m in health.moves(replace(card, metrics=metrics)) if m.metric_id == name)
    assert move.became == "unknown" and move.points < 0
    assert health.moves(replace(card, weeks=card.weeks[-1:])) == ()


def test_the_period_of_a_value_is_what_it_looks_back_on(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    item = scorecard(connection).now()[0]
    assert str(item.period.start) == "2026-06-01" and str(item.period.end) == "2026-06-29"
    week = replace(item, window_start=None, window_end=None)
    assert str(week.period.start) == "2026-06-22" and week.period.days == 7


@pytest.mark.parametrize(
    ("values", "rounded"),
    [
        (("0.335", "0.335", "-0.665"), ("0.34", "0.33", "-0.67")),
        (("-0.5", "-0.25"), ("-0.50", "-0.25")),
        (("1.005", "1.005"), ("1.01", "1.00")),
    ],
)
def test_rounded_parts_add_up_also_below_zero(
    values: tuple[str, ...], rounded: tuple[str, ...]
) -> None:
    found = intent.rounded_parts([Decimal(value) for value in values], 2)
    exact = sum((Decimal(value) for value in values), Decimal(0))
    assert sum(found) == exact.quantize(Decimal("0.01"))
    assert all(abs(a - Decimal(b)) < Decimal("0.01") for a, b in zip(found, values, strict=True)), (
        found
    )
    assert sum(found) == sum(Decimal(value) for value in rounded)


def test_traps_that_found_something_come_first(connection: duckdb.DuckDBPyConnection) -> None:
    found = health.traps(connection) or ()
    assert [item.is_triggered for item in found] == [True] * 3 + [None] + [False] * 3
    cases = health.trap_cases(connection, "relationship_inflation", 2, 20)
    assert cases is not None and (cases.count_all, len(cases.rows)) == (31, 11)


def test_the_depth_is_the_product_of_its_factors(connection: duckdb.DuckDBPyConnection) -> None:
    page = relationships.relationships(connection, (), "", "", "name", 1, 100)
    assert page is not None and page.count_all == 40
    for item in page.rows:
        for index in ("depth", "breadth"):
            factors = [ratio for _, ratio in item.factors(index)]
            points = item.points(index)
            if points is None:
                assert None in factors and getattr(item, f"{index}_unknown_factor")
                continue
            product = Fraction(100)
            for ratio in factors:
                assert ratio is not None
                product *= Fraction(ratio)
            assert float(product) == pytest.approx(float(points))


def test_customers_are_filtered_searched_and_paged(connection: duckdb.DuckDBPyConnection) -> None:
    north = relationships.relationships(
        connection, (("team", ("North",)),), "", "deep_narrow", "depth", 1, 5
    )
    assert north is not None and {row.team_name for row in north.rows} == {"North"}
    assert {row.quadrant for row in north.rows} == {"deep_narrow"}
    unknown = relationships.relationships(connection, (), "", "unknown", "name", 1, 50)
    assert unknown is not None and {row.quadrant for row in unknown.rows} == {None}
    found = relationships.relationships(connection, (), "account 17", "", "name", 1, 5)
    assert found is not None and [row.customer_id for row in found.rows] == ["crm:account17"]
    hostile = relationships.relationships(connection, (), "x' or 1=1 --", "", "name", 1, 5)
    assert hostile is not None and hostile.count_all == 0
    channel = relationships.relationships(
        connection, (("channel", ("web",)),), "", "", "gain", 1, 5
    )
    assert channel is None, "customers are not recorded by channel"


def test_more_customers_than_marks_are_counted_in_fields(
    connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    single = relationships.plane(connection, (), "")
    monkeypatch.setattr(relationships, "MAX_POINTS", 10)
    binned = relationships.plane(connection, (), "")
    assert single is not None and binned is not None
    assert not single.is_binned and binned.is_binned
    assert sum(point.count_customers for point in binned.points) == single.count_known == 32
    assert single.count_unknown == 8 and dict(single.unknown_factors)["relevance"] == 5


def test_a_restated_series_replaces_only_what_another_definition_gave(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    found = relationships.index_weeks(connection)
    assert found is not None
    then, now = relationships.as_defined(found), relationships.restated(found)
    assert [item.week_start for item in then] == [item.week_start for item in now]
    assert {item.definition_version for item in now} == {"2"}
    changed = [
        a.week_start for a, b in zip(then, now, strict=True) if a.depth_points != b.depth_points
    ]
    (mark,) = (item.week_start for item in then if item.is_definition_change)
    assert changed and max(changed) < mark


def test_a_neighbourhood_is_bounded_and_says_how_many_there_are(
    connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = relationships.neighbourhood(connection, "crm:account5", True)
    monkeypatch.setattr(relationships, "MAX_NODES", 6)
    part = relationships.neighbourhood(connection, "crm:account5", True)
    assert whole is not None and part is not None
    assert part.count_neighbours == whole.count_neighbours == whole.count_shown > 30
    nodes = {edge.from_customer_id for edge in part.edges}
    nodes |= {edge.to_customer_id for edge in part.edges}
    assert len(nodes) == 6 and part.count_shown == 5
    clean = relationships.neighbourhood(connection, "crm:account5", False)
    assert clean is not None and all(edge.is_above_threshold for edge in clean.edges)


def test_places_in_the_graph_never_change(connection: duckdb.DuckDBPyConnection) -> None:
    names = [f"c{number}" for number in range(30)]
    places = charts.positions("c7", names)
    assert places == charts.positions("c7", names)
    assert places["c7"] == (0.0, 0.0) and len(set(places.values())) == 30


def test_only_edges_that_claim_influence_can_be_inflated(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    found = {item.edge_type: item for item in relationships.dropped(connection) or ()}
    assert found["co_attendance"].count_claims == found["co_attendance"].count_dropped == 0
    assert found["referral"].count_dropped == 19 and found["referral"].count_claims == 57
    kinds = {(item.reason, item.count_acts) for item in relationships.left_out(connection)}
    assert kinds == {("self", 3), ("not_delivered", None)}


def test_an_account_of_any_system_finds_its_customer(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    item = customers.customer(connection, "erp:account5x")
    assert item is not None and item.customer_id == "crm:account5"
    assert customers.account_ids(connection, item.customer_id) == ("crm:account5", "erp:account5x")
    assert customers.customer(connection, "nobody") is None


def test_people_are_told_with_what_they_bear(connection: duckdb.DuckDBPyConnection) -> None:
    (person,) = customers.people(connection, "crm:account5") or ()
    assert (person.count_contacts, person.count_touches) == (2, 15)


def test_people_are_known_from_touches_alone(own_company: duckdb.DuckDBPyConnection) -> None:
    own_company.execute("drop table mart_customer_record")
    (person,) = customers.people(own_company, "crm:account5") or ()
    assert (person.count_contacts, person.count_touches) == (0, 15)
    own_company.execute("drop table mart_customer_touch")
    assert customers.people(own_company, "crm:account5") is None


def test_events_of_all_systems_are_paged_without_loss(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    ids = ("crm:account5", "erp:account5x")
    first = customers.events(connection, "crm:account5", ids, (), 1, 10)
    assert first is not None and {kind for kind, _ in first.counts} >= {"touch", "signal", "visit"}
    seen = []
    for page in range(1, 2 + first.count() // 10):
        found = customers.events(connection, "crm:account5", ids, (), page, 10)
        assert found is not None
        seen += found.events
    assert len(seen) == first.count()
    times = [event.occurred_at for event in seen if event.occurred_at is not None]
    assert times == sorted(times, reverse=True)
    # A visit is told once: with its pages, not as a touch as well.
    assert not [event for event in seen if getattr(event, "channel", None) == "web"]


def test_load_classes_count_every_person_week(connection: duckdb.DuckDBPyConnection) -> None:
    found = contact_load.classes(connection, ()) or ()
    assert sum(item.count_person_weeks for item in found) == 40 * 3 * 20
    assert found[8].ratio == pytest.approx(133 / 266) and found[0].ratio == 0
    weeks = contact_load.weeks(connection, (("segment", ("small",)),)) or ()
    assert weeks[-1].ratio is None, "no safe frequency is known: not zero"


def test_a_mart_that_is_not_published_is_unknown(own_company: duckdb.DuckDBPyConnection) -> None:
    for mart in (
        *("mart_scorecard_family_week", "mart_trap", "mart_lead_lag", "mart_roadmap_step"),
        *("mart_score_backtest_summary", "mart_relationship_account", "mart_influence_edge"),
        *("mart_relationship_index_week", "mart_over_contact_week", "mart_customer_record"),
    ):
        own_company.execute(f"drop table {mart}")
    assert health.scorecard(own_company) is None and health.traps(own_company) is None
    assert health.lead_lag(own_company) is None and health.roadmap(own_company) is None
    assert health.hit_rates(own_company) is None
    assert relationships.plane(own_company, (), "") is None
    assert relationships.dropped(own_company) is None
    assert relationships.index_weeks(own_company) is None
    assert contact_load.classes(own_company, ()) is None
    assert customers.customer_records(own_company, "crm:account5") is None
    assert customers.account_ids(own_company, "crm:account5") == ("crm:account5",)

"""What the demo company planted about relationships, touches and questions, beside what was found.

Influence is worked out once more here, on the published edges and in the slowest possible way.
"""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dagster_project.settings import REPO_ROOT, Settings
from tests.integration.demo_run import published

Edges = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Propagation:
    """The only row of seeds/graph_propagation.csv."""

    max_steps: int
    damping: float
    floor: float
    max_pass_on: int
    saturation: float


def propagation() -> Propagation:
    with (REPO_ROOT / "seeds" / "graph_propagation.csv").open(encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    return Propagation(
        int(row["max_steps"]),
        float(row["damping_ratio"]),
        float(row["floor_ratio"]),
        int(row["max_pass_on_accounts"]),
        float(row["saturation_accounts"]),
    )


def bare(value: str | None) -> str | None:
    """A canonical id without its system."""
    return None if value is None else value.split(":", 1)[1]


def edges_of(settings: Settings) -> dict[str, dict[str, float]]:
    """Strongest counted edge from each customer to each other one."""
    edges: dict[str, dict[str, float]] = defaultdict(dict)
    for source, target, strength in published(
        settings,
        "select from_customer_id, to_customer_id, max(strength_ratio) from mart_influence_edge "
        "where is_above_threshold group by all",
    ):
        edges[source][target] = strength
    return dict(edges)


def influence_of(
    edges: Edges, source: str, rule: Propagation, without: str | None = None
) -> dict[str, float]:
    """Influence of one customer on each other, walking every way that visits no account twice.

    ``without``: an account that is taken out of the graph. Who passes influence on is decided on
    the whole graph, as the models do.
    """
    best: dict[str, float] = {}

    def walk(at: str, value: float, visited: tuple[str, ...]) -> None:
        if len(visited) > rule.max_steps:
            return
        if len(visited) > 1 and len(edges.get(at, {})) > rule.max_pass_on:
            return
        for target, strength in edges.get(at, {}).items():
            if target in visited or target == without:
                continue
            reached = value * strength * (rule.damping if len(visited) > 1 else 1)
            if len(visited) > 1 and reached < rule.floor - 1e-9:
                continue
            best[target] = max(best.get(target, 0.0), reached)
            walk(target, reached, (*visited, target))

    if source != without:
        walk(source, 1.0, (source,))
    return best


def points(influence: Mapping[str, float], rule: Propagation) -> float:
    return 100 * (1 - math.exp(-sum(influence.values()) / rule.saturation))


def planted_referrals(truths: Mapping[str, Any]) -> set[tuple[str, str]]:
    return {
        (source, target)
        for source, targets in truths["referrals"]["edges"].items()
        for target in targets
    }


def found_edges(settings: Settings, edge_type: str) -> set[tuple[str | None, str | None]]:
    """Ends of the counted edges of a kind."""
    return {
        (bare(source), bare(target))
        for source, target in published(
            settings,
            "select from_customer_id, to_customer_id from mart_influence_edge "
            f"where edge_type = '{edge_type}' and is_above_threshold",
        )
    }


def influence_that_differs(settings: Settings) -> list[tuple[Any, ...]]:
    """Customers whose published influence is not what the published edges give."""
    rule, edges = propagation(), edges_of(settings)
    differing = []
    for customer, shown, count in published(
        settings,
        "select customer_id, influence_points, count_accounts_influenced "
        "from mart_customer_influence",
    ):
        reached = influence_of(edges, customer, rule)
        if not math.isclose(shown, points(reached, rule), abs_tol=2e-6) or count != len(reached):
            differing.append((customer, shown, points(reached, rule), count, len(reached)))
    return differing


def sensitivity_that_differs(settings: Settings) -> list[tuple[Any, ...]]:
    """Referrer and customer whose published loss is not that of the graph without the referrer."""
    rule, edges = propagation(), edges_of(settings)
    referrers = {
        source
        for (source,) in published(
            settings,
            "select distinct from_customer_id from mart_influence_edge "
            "where edge_type = 'referral' and is_above_threshold",
        )
    }
    expected = {}
    for customer in edges:
        whole = influence_of(edges, customer, rule)
        over = points(whole, rule)
        for referrer in referrers:
            left = influence_of(edges, customer, rule, without=referrer)
            if left != whole:
                expected[referrer, customer] = (over, points(left, rule), len(whole) - len(left))
    found = {
        (referrer, customer): values
        for referrer, customer, *values in published(
            settings,
            "select referrer_customer_id, customer_id, influence_points, "
            "influence_points_without, count_accounts_lost from mart_referrer_sensitivity",
        )
    }
    assert expected
    return [
        (key, found.get(key), expected.get(key))
        for key in sorted({*found, *expected})
        if key not in found
        or key not in expected
        or not all(
            math.isclose(shown, worked_out, abs_tol=2e-6)
            for shown, worked_out in zip(found[key], expected[key], strict=True)
        )
    ]


def relationship_differences(settings: Settings, truths: Mapping[str, Any]) -> list[str]:
    """Planted referrals, sharers, moves, opt-outs and questions that were not found, and others."""
    counted = "select distinct from_person_id from mart_influence_act where edge_type = 'share'"
    pairs: dict[str, tuple[set[Any], set[Any]]] = {
        "referrals": (planted_referrals(truths), found_edges(settings, "referral")),
        "influential_sharers": (
            set(truths["influential_sharers"]["persons"]),
            {
                bare(person)
                for (person,) in published(settings, f"{counted} and count_acts_of_actor >= 3")
            },
        ),
        "noise of sharers": (
            {truths["influential_sharers"]["count_noise"]},
            {len(published(settings, f"{counted} and count_acts_of_actor < 3"))},
        ),
        "job_changes": (
            set(truths["job_changes"]["changed_employer"]),
            {
                bare(person)
                for (person,) in published(
                    settings,
                    "select from_person_id from mart_influence_act "
                    "where edge_type = 'person_moved' and is_above_threshold",
                )
            },
        ),
        "over_contact_optouts": (
            set(truths["over_contact_optouts"]["contacts"]),
            {
                bare(person)
                for (person,) in published(
                    settings,
                    "select person_id from mart_over_contact_week where is_over_contact_optout",
                )
            },
        ),
        "all optouts": (
            {truths["over_contact_optouts"]["count_all_optouts"]},
            {len(published(settings, "from mart_over_contact_week where has_opted_out"))},
        ),
        "open_community_questions": (
            set(truths["open_community_questions"]["posts"]),
            {
                bare(post)
                for (post,) in published(
                    settings,
                    "select community_post_id from mart_community_question where not is_answered",
                )
            },
        ),
    }
    return [
        f"{name}: not found {sorted(planted - found, key=str)}, not planted "
        f"{sorted(found - planted, key=str)}"
        for name, (planted, found) in pairs.items()
        if not planted or planted != found
    ]

"""What new log lines can change: the part of the graph that a fast run builds."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from dagster_project.defs import keys

FULL_RUN_TAG = "full_run"
"""dbt tag of models and tests that read every line ever landed: they wait for the next run that
builds everything, and with them what is made from them alone."""


@dataclass(frozen=True)
class Slice:
    """Part of the dbt project.

    Attributes:
        models: names of the models to build.
        views: those of them that hold no rows; they are made again, their tests are not run.
        left_out: names of the tests that wait for a run of everything.
    """

    models: frozenset[str]
    views: frozenset[str]
    left_out: frozenset[str]


NOTHING = Slice(frozenset(), frozenset(), frozenset())


def models_fed_by(manifest: Mapping[str, Any], systems: Collection[str]) -> Slice:
    """The models that rows of ``systems``, or what the pipeline writes about itself, go into.

    Rule tables are not among them: a changed rule row asks for a run of everything.
    """
    nodes = manifest["nodes"]
    reached = {
        unique_id
        for unique_id, source in manifest["sources"].items()
        if source["source_name"] in {*systems, keys.OPERATIONS}
    }
    waiting = [
        unique_id
        for unique_id, node in nodes.items()
        if node["resource_type"] == "model" and FULL_RUN_TAG not in node["tags"]
    ]
    while found := [
        unique_id
        for unique_id in waiting
        if not reached.isdisjoint(nodes[unique_id]["depends_on"]["nodes"])
    ]:
        reached.update(found)
        waiting = [unique_id for unique_id in waiting if unique_id not in reached]
    models = [node for unique_id, node in nodes.items() if unique_id in reached]
    return Slice(
        models=frozenset(node["name"] for node in models),
        views=frozenset(
            node["name"] for node in models if node["config"]["materialized"] == "view"
        ),
        left_out=frozenset(
            node["name"]
            for node in nodes.values()
            if node["resource_type"] == "test" and FULL_RUN_TAG in node["tags"]
        ),
    )


def models_in(manifest: Mapping[str, Any], folder: str) -> Slice:
    """The models of a domain (a folder below the layer), with all of their tests."""
    models = [
        node
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["fqn"][2:3] == [folder]
    ]
    return Slice(
        models=frozenset(node["name"] for node in models),
        views=frozenset(
            node["name"] for node in models if node["config"]["materialized"] == "view"
        ),
        left_out=frozenset(),
    )


def sources_of_model(manifest: Mapping[str, Any], model: str) -> set[str]:
    """Systems whose rows go into the model; empty where the project has no such model."""
    nodes = manifest["nodes"]
    below = [key for key, node in nodes.items() if node["name"] == model]
    systems: set[str] = set()
    seen: set[str] = set()
    while below:
        key = below.pop()
        if key in seen:
            continue
        seen.add(key)
        if key in manifest["sources"]:
            systems.add(manifest["sources"][key]["source_name"])
        else:
            below += nodes[key]["depends_on"].get("nodes", ())
    return systems - {keys.OPERATIONS}

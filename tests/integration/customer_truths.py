"""Who is one customer or person in the demo company, beside what the pipeline resolved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from dagster_project.settings import Settings
from tests.integration.demo_run import answer_key, published

LEAST_PRECISION = 0.99
LEAST_RECALL = 0.97
LEAST_PAIRS = 20


@dataclass(frozen=True)
class Quality:
    """Pairs of rows that are one, as found and as planted."""

    found: frozenset[tuple[str, str]]
    planted: frozenset[tuple[str, str]]

    @property
    def precision(self) -> float:
        return len(self.found & self.planted) / max(len(self.found), 1)

    @property
    def recall(self) -> float:
        return len(self.found & self.planted) / max(len(self.planted), 1)

    def __str__(self) -> str:
        return (
            f"precision {self.precision:.4f}, recall {self.recall:.4f} of {len(self.planted)} "
            f"pairs; wrong {sorted(self.found - self.planted)[:5]}, "
            f"missed {sorted(self.planted - self.found)[:5]}"
        )


def _pairs(clusters: Iterable[Iterable[str]]) -> frozenset[tuple[str, str]]:
    return frozenset(pair for members in clusters for pair in combinations(sorted(members), 2))


def _quality(settings: Settings, subject: str, cluster: str, links: Mapping[str, str]) -> Quality:
    found: dict[object, list[str]] = {}
    for record, name in published(
        settings,
        f"select record_id, {cluster} from mart_customer_record where subject = '{subject}'",
    ):
        found.setdefault(name, []).append(str(record))
    planted: dict[str, list[str]] = {}
    for record, name in links.items():
        planted.setdefault(name, [name]).append(record)
    return Quality(_pairs(found.values()), _pairs(planted.values()))


def qualities(settings: Settings, truths: Mapping[str, Any]) -> dict[str, Quality]:
    """Quality of accounts (ERP customers and CRM accounts) and persons (chat and CRM)."""
    customers = truths["crm_erp_links"]["customers"]
    contacts = truths["crm_chat_links"]["contacts"]
    return {
        "accounts": _quality(
            settings,
            "account",
            "customer_id",
            {f"demo_erp:{key}": f"demo_crm:{link['account']}" for key, link in customers.items()},
        ),
        "persons": _quality(
            settings,
            "contact",
            "person_id",
            {f"demo_chat:{key}": f"demo_crm:{link['person']}" for key, link in contacts.items()},
        ),
    }


def shortfalls(settings: Settings) -> list[str]:
    """Subjects whose pairs are not as good as promised; empty where all of them are."""
    found = qualities(settings, answer_key(settings.home)["truths"])
    return [
        f"{subject}: {quality}"
        for subject, quality in found.items()
        if len(quality.planted) < LEAST_PAIRS
        or quality.precision < LEAST_PRECISION
        or quality.recall < LEAST_RECALL
    ]

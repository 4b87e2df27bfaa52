"""What the demo company planted about intent, beside what the published marts and rules found."""

from __future__ import annotations

import csv
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.settings import Settings, process_environment, program
from tests.integration.demo_run import published

SPOKEN = ("budget_words", "finance_check", "security_asked_repeatedly")
"""Signals of texts: chat tools know nobody's CRM number, so their people are not compared."""
CORE = (
    "int_intent__rules",
    "int_intent__rule_periods",
    "int_intent__matched_visits",
    "int_intent__evidence",
    "int_intent__raised",
    "int_intent__hit_evidence",
    "fct_intent_signal_hit",
    "fct_intent_score_factor",
    "fct_intent_score_day",
)
EVIDENCE = "path:models/intermediate/intent/*_evidence.sql"

Hit = tuple[str | None, str | None, str]


def bare(value: str | None) -> str | None:
    """A canonical id without its system."""
    return None if value is None else value.split(":", 1)[1]


def text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def planted_hits(truths: Mapping[str, Any]) -> dict[str, list[Hit]]:
    """Account, person and time of each planted hit, by signal."""
    return {
        signal: sorted(
            (
                (hit["account"], None if signal in SPOKEN else hit.get("person"), hit["at"])
                for hit in planted["hits"]
            ),
            key=str,
        )
        for signal, planted in truths["intent_signals"].items()
        if isinstance(planted, dict) and "hits" in planted
    }


def found_hits(settings: Settings) -> dict[str, list[Hit]]:
    """The same of the published hits."""
    found: dict[str, list[Hit]] = {}
    for signal, account, person, at in published(
        settings, "select signal_id, account_id, contact_id, occurred_at from mart_intent_signal"
    ):
        who = None if signal in SPOKEN else bare(person)
        found.setdefault(signal, []).append((bare(account), who, text(at)))
    return {signal: sorted(hits, key=str) for signal, hits in found.items()}


def scores_that_differ(settings: Settings) -> list[tuple[Any, ...]]:
    """Published scores that are not exactly the sum of their published factors."""
    return published(
        settings,
        """
        select factors.intent_score_day_id, factors.points, scores.score_points
        from (
            select intent_score_day_id, sum(points) as points
            from mart_intent_factor group by intent_score_day_id
        ) as factors
        full join (
            select * from mart_intent_score_day
            where score_date > (select max(score_date) - 92 from mart_intent_score_day)
        ) as scores
            on factors.intent_score_day_id = scores.intent_score_day_id
        where factors.points is distinct from scores.score_points
        """,
    )


def points_on(hits: Iterable[tuple[date, date, float, float]], day: date, floor: float) -> float:
    """Decayed sum on a day of hits (happened, known, weight, half-life), slowly and obviously."""
    total = 0.0
    for happened, known, weight, half_life in hits:
        points = weight * 0.5 ** ((day - happened).days / half_life)
        if known <= day and points >= floor:
            total += points
    return total


@dataclass(frozen=True)
class RuleEdit:
    """A workspace with edited rule rows, built from the signals on in a copy of the warehouse."""

    warehouse: Path

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            return connection.execute(sql).fetchall()


def with_rules(
    settings: Settings, folder: Path, added: Sequence[Mapping[str, str]], as_of: date
) -> RuleEdit:
    """Add rows to the signal catalogue and build what follows from it; no SQL is touched.

    A row needs only what differs from the row of the same ``like``.
    """
    seeds = Path(shutil.copytree(settings.seeds, folder / "seeds"))
    path = seeds / "intent_signal.csv"
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        columns = list(reader.fieldnames or [])
        rows = list(reader)
    for row in added:
        base = next(known for known in rows if known["signal_id"] == row["like"])
        rows.append({**base, **{name: cell for name, cell in row.items() if name != "like"}})
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)

    # Views name their database, which is called like its file.
    warehouse = folder / settings.warehouse.name
    shutil.copy(settings.warehouse, warehouse)
    changed = Settings(home=settings.home, seeds=seeds)
    environment = {
        **process_environment(),
        **changed.dbt_environment(as_of),
        "SMH_WAREHOUSE": str(warehouse),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
    }
    _dbt(settings, environment, "seed", "--select", "intent_signal")
    _dbt(settings, environment, "run", "--select", *CORE, EVIDENCE)
    return RuleEdit(warehouse)


def _dbt(settings: Settings, environment: Mapping[str, str], *arguments: str) -> None:
    result = subprocess.run(
        [program("dbt"), *arguments, "--project-dir", str(settings.dbt_project)],
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def sessions_raised(
    sessions: Sequence[tuple[str, datetime]], count: int, window: timedelta
) -> list[tuple[str, datetime]]:
    """Where a rule that counts sessions of a person is raised: when the count is first reached."""
    raised = []
    by_person: dict[str, list[datetime]] = {}
    for person, at in sorted(sessions, key=lambda item: item[1]):
        seen = by_person.setdefault(person, [])
        before = seen and sum(seen[-1] - other <= window for other in seen) >= count
        seen.append(at)
        if sum(at - other <= window for other in seen) >= count and not before:
            raised.append((person, at))
    return sorted(raised)

"""Estimates m, u and the prior of the Fellegi-Sunter model with Splink, and writes rule rows.

u is estimated on one record per customer or person as they are linked now, because in all records
the true matches would pass for chance; m among records that share an exact key; the prior from
those keys and the share of true pairs that they find (``recall``).
"""

from __future__ import annotations

import csv
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.identity.comparisons import (
    BLOCKING,
    SUBJECTS,
    Level,
    load_records,
    splink_settings,
)

COLUMNS = (
    "subject",
    "comparison",
    "level",
    "similarity_min",
    "m_probability",
    "u_probability",
    "match_weight",
    "is_frequency_adjusted",
    "valid_from",
    "name_en",
    "name_zh",
    "reason",
)
FILE_NAME = "identity_match_weight.csv"
MIN_PAIRS = 20
"""With fewer pairs of a key nothing can be learned from it."""
PRIOR_PAIRS = 20
"""Weight of the first row of a level: what few pairs never showed is rare, not impossible."""


class TrainingError(ValueError):
    """Training that is not possible; the message says why and what to do."""


@dataclass(frozen=True)
class TrainingReport:
    """What a training did: lines for people, and the rows of all subjects, unchanged included."""

    lines: tuple[str, ...]
    rows: tuple[dict[str, str], ...]


@dataclass(frozen=True)
class _Estimate:
    m: float | None
    u: float | None


def train(
    warehouse: Path,
    seeds: Path,
    as_of: date,
    subjects: Sequence[str] = SUBJECTS,
    recall: float = 0.9,
    seed: int = 1,
) -> TrainingReport:
    """Estimate the weights of the levels that ``seeds/identity_match_weight.csv`` names.

    Args:
        warehouse: DuckDB file that dbt has built; it is only read.
        seeds: folder of the rule tables.
        as_of: first day of the new rows.
        subjects: ``account``, ``contact`` or both.
        recall: share of the true pairs that exact keys find, 0 to 1.
        seed: of the random sample for u.

    Raises:
        TrainingError: no warehouse, no records, no rule rows.
    """
    path = seeds / FILE_NAME
    if not warehouse.exists():
        raise TrainingError(f"{warehouse} is not there. Build it first: make run")
    if not path.exists():
        raise TrainingError(f"{path} is not there. It names the levels to estimate")
    if not 0 < recall <= 1:
        raise TrainingError(f"recall {recall} is no share. Give a number above 0, up to 1")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    lines: list[str] = []
    made: list[dict[str, str]] = []
    with duckdb.connect() as connection:
        connection.execute(f"attach '{warehouse}' as warehouse (read_only)")
        for subject in subjects:
            own = _valid_rows(rows, subject, as_of)
            first = {
                (row["comparison"], row["level"]): row
                for row in sorted(rows, key=lambda row: row["valid_from"], reverse=True)
                if row["subject"] == subject
            }
            made += _train_subject(connection, subject, own, first, as_of, recall, seed, lines)
    kept = [
        row
        for row in rows
        if not (row["subject"] in subjects and date.fromisoformat(row["valid_from"]) == as_of)
    ]
    # History stays: a row of today takes the place of an older one from today on.
    return TrainingReport(tuple(lines), tuple(kept + made))


def write_rows(path: Path, rows: Sequence[dict[str, str]]) -> None:
    """Write rows of ``identity_match_weight.csv``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def levels_of(rows: Sequence[dict[str, str]]) -> list[Level]:
    """Levels of rule rows, with their m and u."""
    return [
        Level(
            row["comparison"],
            row["level"],
            float(row["similarity_min"]),
            float(row["m_probability"]) if row["m_probability"] else None,
            float(row["u_probability"]) if row["u_probability"] else None,
            row["is_frequency_adjusted"] == "true",
        )
        for row in rows
        if row["comparison"] != "prior"
    ]


def _valid_rows(rows: Sequence[dict[str, str]], subject: str, as_of: date) -> list[dict[str, str]]:
    latest: dict[tuple[str, str], dict[str, str]] = {}
    for row in rows:
        key = (row["comparison"], row["level"])
        begins = date.fromisoformat(row["valid_from"])
        if row["subject"] != subject or begins > as_of:
            continue
        if key not in latest or date.fromisoformat(latest[key]["valid_from"]) <= begins:
            latest[key] = row
    if not latest:
        raise TrainingError(
            f"{FILE_NAME} has no row of {subject} that is valid on {as_of}. Add its levels"
        )
    return list(latest.values())


def _train_subject(
    connection: duckdb.DuckDBPyConnection,
    subject: str,
    rows: list[dict[str, str]],
    priors: dict[tuple[str, str], dict[str, str]],
    as_of: date,
    recall: float,
    seed: int,
    lines: list[str],
) -> list[dict[str, str]]:
    try:
        count = load_records(connection, subject, "warehouse.intermediate")
    except duckdb.CatalogException as error:
        raise TrainingError(
            f"the warehouse has no records of {subject}s yet. Build it first: make run"
        ) from error
    if count < 2:
        raise TrainingError(
            f"{count} {subject}s in the warehouse: nothing to compare. Load a source"
        )
    bridge = {"account": "bridge_account_customer", "contact": "bridge_contact_person"}[subject]
    connection.execute(
        f"create or replace table singles as select records.* from records "
        f"inner join warehouse.core.{bridge} as bridge "
        f"on records.record_id = bridge.{subject}_id "
        "where bridge.is_representative order by record_id"
    )
    # Splink starts from its own defaults, so that a training does not depend on the last one.
    levels = [replace(level, m_probability=None, u_probability=None) for level in levels_of(rows)]
    chance = _chance(connection, subject, levels, seed)
    # A record per customer is mostly of one system; how often systems differ needs all records.
    systems = _chance(connection, subject, levels, seed, "records")
    chance |= {key: value for key, value in systems.items() if key[0] == "system"}
    learned, count_pairs, sessions = _learned(connection, subject, levels, chance)
    known = _pairs_of_keys(connection, [c for c, _ in sessions], "records")
    all_pairs = count * (count - 1) / 2
    lines.append(f"{subject}: {count} records, {known} pairs share an exact key")
    for column, pairs in sessions:
        lines.append(f"  m learned among {pairs} pairs that share {column}")
    if not sessions:
        lines.append(f"  no key is shared by {MIN_PAIRS} pairs: nothing is learned, all rows stay")
        return []
    made = []
    for row in rows:
        if row["comparison"] == "prior":
            if known:
                prior = min(known / recall / all_pairs, 0.5)
                made.append(_row(row, prior, 1 - prior, as_of, f"{known} pairs of {count} records"))
                lines.append(f"  two random records are one with probability {prior:.6f}")
            continue
        key = (row["comparison"], row["level"])
        first = priors[key]
        m = _shrunk(learned, key, count_pairs.get(row["comparison"], 0), first["m_probability"])
        u = _shrunk(chance, key, _single_pairs(connection), first["u_probability"])
        if m is None or u is None or not (learned.get(key) or chance.get(key)):
            lines.append(f"  {row['comparison']} / {row['level']}: nothing seen, the row stays")
            continue
        # Chance never seen among so many pairs is at most about half a pair.
        u = max(u, 0.5 / max(_single_pairs(connection), 1))
        made.append(_row(row, m, u, as_of, f"{known} pairs of {count} records"))
    return made


def _row(row: dict[str, str], m: float, u: float, as_of: date, basis: str) -> dict[str, str]:
    m, u = float(f"{m:.6g}"), float(f"{u:.6g}")
    return row | {
        "m_probability": f"{m:.6g}",
        "u_probability": f"{u:.6g}",
        "match_weight": f"{math.log2(m / u):.6f}",
        "valid_from": as_of.isoformat(),
        "reason": f"Estimated by Splink: {basis}",
    }


def _shrunk(
    estimates: dict[tuple[str, str], float], key: tuple[str, str], count_pairs: float, prior: str
) -> float | None:
    """Mean of a Dirichlet posterior: the estimate of the pairs seen, and the first row of the level
    as if it were ``PRIOR_PAIRS`` more; None where the comparison had no value at all."""
    if all(comparison != key[0] for comparison, _ in estimates):
        return None
    seen = estimates.get(key, 0.0)
    return (count_pairs * seen + PRIOR_PAIRS * float(prior or seen)) / (count_pairs + PRIOR_PAIRS)


def _single_pairs(connection: duckdb.DuckDBPyConnection) -> float:
    row = connection.execute("select count(*) from singles").fetchone()
    count = int(row[0]) if row else 0
    return count * (count - 1) / 2


def _linker(
    connection: duckdb.DuckDBPyConnection, subject: str, levels: Sequence[Level], table: str
) -> Any:
    # Splink costs half a second to import; reading rows needs none of it.
    from splink import DuckDBAPI, Linker

    logging.getLogger("splink").setLevel(logging.ERROR)
    database = DuckDBAPI(connection)
    registered = database.register(table)
    return Linker(registered, splink_settings(subject, levels, 0.001), log_level=None)


def _chance(
    connection: duckdb.DuckDBPyConnection,
    subject: str,
    levels: Sequence[Level],
    seed: int,
    table: str = "singles",
) -> dict[tuple[str, str], float]:
    """u per comparison and level: how often records of different customers reach the level."""
    linker = _linker(connection, subject, levels, table)
    linker.training.estimate_u_using_random_sampling(
        max_pairs=2e6, seed=seed, min_count_per_level=None
    )
    return {
        key: value.u
        for key, value in _estimates(linker.misc.save_model_to_json()).items()
        if value.u is not None
    }


def _learned(
    connection: duckdb.DuckDBPyConnection,
    subject: str,
    levels: Sequence[Level],
    chance: dict[tuple[str, str], float],
) -> tuple[dict[tuple[str, str], float], dict[str, int], list[tuple[str, int]]]:
    """m per comparison and level, pairs per comparison, and the keys it was learned from."""
    least = 1e-6
    known = [
        replace(level, u_probability=max(chance.get((level.comparison, level.level), least), least))
        for level in levels
    ]
    linker = _linker(connection, subject, known, "records")
    sessions: list[tuple[str, int]] = []
    count_pairs: dict[str, int] = {}
    for column in BLOCKING[subject]:
        pairs = _pairs_of_keys(connection, [column], "records")
        if pairs < MIN_PAIRS:
            continue
        linker.training.estimate_parameters_using_expectation_maximisation(
            f"l.{column} = r.{column}",
            fix_u_probabilities=True,
            estimate_without_term_frequencies=True,
            record_sample_proportion=1.0,
        )
        sessions.append((column, pairs))
        for level in levels:
            if level.comparison != column:
                count_pairs[level.comparison] = count_pairs.get(level.comparison, 0) + pairs
    if not sessions:
        return {}, {}, []
    found = {
        key: value.m
        for key, value in _estimates(linker.misc.save_model_to_json()).items()
        if value.m is not None and key[0] in count_pairs
    }
    return found, count_pairs, sessions


def _pairs_of_keys(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[str], table: str
) -> int:
    if not columns:
        return 0
    found = " union ".join(
        f"select l.record_id as one, r.record_id as other from {table} as l "
        f"inner join {table} as r on l.{column} = r.{column} and l.record_id < r.record_id"
        for column in columns
    )
    row = connection.execute(f"select count(*) from ({found})").fetchone()
    return int(row[0]) if row else 0


def _estimates(model: dict[str, Any]) -> dict[tuple[str, str], _Estimate]:
    """Estimated m and u of a saved model; None where a level was not seen or not estimated."""
    found = {}
    for comparison in model["comparisons"]:
        for level in comparison["comparison_levels"]:
            if level.get("is_null_level"):
                continue
            found[comparison["output_column_name"], level["label_for_charts"]] = _Estimate(
                _number(level.get("m_probability")), _number(level.get("u_probability"))
            )
    return found


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None

"""Builds the demo company: first the world, then what each system wrote down about it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import change
from .conversation import write_chat, write_community, write_lines, write_mail
from .crm import write_crm
from .erp import write_erp
from .people import add_accounts, add_persons, add_staff
from .platform import write_platform
from .policy import write_policy
from .projects import write_projects
from .records import World
from .selling import add_deals, add_leads
from .signal_truths import tell_signals
from .sizes import AS_OF, DAY, END, SIZES, Size
from .sources_file import UNMAPPED_COLUMNS, sources_text
from .touches import add_touches
from .web import hit_line, periods, write_web
from .web_cases import WebCases, plant_web_cases
from .web_journeys import Hit, campaign_links, journey_hits
from .web_truths import identities_of, tell_web_truths

DEFAULT_SEED = 20260630
SILENT_PER_1000_LEADS = 95
ROTATION_NEAR = END - 45 * DAY
"""Planted visits around a change of the log file use the one about this moment."""
STATE_FILE = "demo_state.json"

Progress = Callable[[str], None]


@dataclass(frozen=True)
class BuiltCompany:
    """Where everything is, and the rows written per system and table."""

    folder: Path
    sources_file: Path
    answer_key: Path
    rows: dict[str, dict[str, int]]


def make_world(size: Size, seed: int) -> World:
    """Everything that happened at the company, in memory."""
    world = World(seed)
    add_staff(world, size)
    add_accounts(world, size)
    add_persons(world, count_cold=size.leads * SILENT_PER_1000_LEADS // 1000)
    add_leads(world, size)
    add_deals(world, size)
    add_touches(world, size)
    return world


def build(
    size_name: str,
    home: Path,
    answer_key: Path | None = None,
    seed: int = DEFAULT_SEED,
    progress: Progress = lambda text: None,
) -> BuiltCompany:
    """Write the source systems to ``home/demo``, replacing an older demo company there.

    Args:
        size_name: a key of SIZES.
        home: receives ``demo/``, ``sources.toml`` and ``demo_answer_key.json``.
        answer_key: another place for the answer key.
        seed: the same seed and size give the same bytes.
        progress: called with a line of text per step.

    Raises:
        ValueError: the size is unknown.
        OSError: the folder cannot be written.
    """
    if size_name not in SIZES:
        raise ValueError(f"Unknown size {size_name!r}. Use one of: {', '.join(SIZES)}.")
    size = SIZES[size_name]
    folder = home / "demo"
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    progress(f"inventing {size.accounts:,} accounts and {size.leads:,} leads")
    world = make_world(size, seed)
    rows: dict[str, dict[str, int]] = {}
    progress("writing CRM and ERP databases")
    rows["demo_crm"] = write_crm(world, folder)
    rows["demo_erp"] = write_erp(world, folder)
    progress("writing chat, mail and community exports")
    rows["demo_chat"] = write_chat(world, folder)
    rows["demo_mail"] = write_mail(world, folder)
    rows["demo_community"] = write_community(world, folder)
    progress("writing project files, policies and the platform database")
    rows["demo_projects"] = write_projects(world, folder)
    rows["demo_policy"] = write_policy(world, folder)
    rows["demo_platform"] = write_platform(world, folder)
    progress(f"writing {size.log_lines:,} lines of web log")
    hits, cases = _tell_visits(world, size)
    rows["demo_community"] |= {
        "campaign_links": write_lines(
            folder / "community" / "campaign_links.jsonl", campaign_links(world, hits)
        ),
        "networks": write_lines(folder / "community" / "networks.jsonl", cases.networks),
    }
    rows["demo_web"] = write_web(world, size, folder, hits, progress)
    sources_file = home / "sources.toml"
    sources_file.write_text(sources_text(), encoding="utf-8")
    key_path = answer_key or home / "demo_answer_key.json"
    write_json(key_path, answer_key_of(world, size, rows))
    state = {
        "size": size.name,
        "seed": seed,
        "advanced_days": 0,
        "late_web_lines": [[hit_line(hit), hit.status, hit.size] for hit in cases.late_hits],
    }
    write_json(folder / STATE_FILE, state)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            set_file_times(path, END)
    return BuiltCompany(folder, sources_file, key_path, rows)


def _tell_visits(world: World, size: Size) -> tuple[list[Hit], WebCases]:
    """All requests that are told one by one, in the order they are written, and their truths."""
    journeys = journey_hits(world)
    boundary = next(start for start, end, _ in periods(size) if end > ROTATION_NEAR)
    cases = plant_web_cases(world, size, journeys, boundary)
    hits = sorted([*journeys, *cases.hits], key=lambda hit: hit.order)
    identities = identities_of(world, hits, cases)
    tell_web_truths(world, hits, cases, identities)
    tell_signals(world, hits, cases, identities)
    links = [*campaign_links(world, hits)]
    logins = {hit.user for hit in hits if hit.user != "-"}
    world.truths["web_links"] = {
        "click_ids": {str(link["click_id"]): link["crm_person"] for link in links},
        "logins": {
            str(person.login): person.no for person in world.persons if person.login in logins
        },
        "count_click_ids": len(links),
        "count_logins": len(logins),
        "meaning": "Click id in a URL, or login name in the log line → CRM person. Other evidence "
        "is in visitor_identity.",
    }
    return hits, cases


def answer_key_of(world: World, size: Size, rows: dict[str, dict[str, int]]) -> dict[str, Any]:
    """What only tests may read: planted truths, planted faults and totals."""
    return {
        "size": size.name,
        "seed": world.seed,
        "as_of": AS_OF.isoformat(),
        "story": {
            "lag_weeks": change.LAG_WEEKS,
            "lead_ratio": change.LEAD_RATIO,
            "organisation_by_week": [round(change.organisation(w), 4) for w in range(78)],
            "commerce_by_week": [round(change.commerce(w), 4) for w in range(78)],
            "meaning": "Share of the change done by week since 2025-01-01. Automatic capture, "
            "team formation, adoption, rules and reuse follow the organisation; response time, "
            "win rate and cycle follow commerce, which is the organisation lag_weeks later.",
        },
        "rows_by_system": rows,
        "truths": world.truths,
        "faults": world.faults
        | {
            "unmapped_columns": {
                "count": sum(map(len, UNMAPPED_COLUMNS.values())),
                "columns_by_table": UNMAPPED_COLUMNS,
                "meaning": "Landed columns that no rule row uses.",
            }
        },
        "totals": world.totals
        | {
            "rejected_rows": {
                "demo_chat.messages": world.faults["redelivered_chat_messages"]["count"],
                "demo_mail.journal": world.faults["broken_mail_lines"]["count"],
                "demo_projects.points": world.faults["broken_points_line"]["count"],
                "demo_web.requests": world.faults["broken_log_lines"]["count"],
                "meaning": "Rows of the first load that must not be counted: broken lines, and "
                "lines that repeat a key of the same file.",
            }
        },
    }


def write_json(path: Path, value: Any) -> None:
    """Readable, reproducible JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True)
    path.write_text(f"{text}\n", encoding="utf-8")


def set_file_times(path: Path, second: int) -> None:
    """Give a file the company's own time, so that its freshness fits the as-of day."""
    os.utime(path, (second, second))

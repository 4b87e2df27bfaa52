"""How big a demo company is, and the calendar that all of its systems share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

DAY = 86_400
AS_OF = date(2026, 6, 30)
FIRST_DAY = date(2025, 1, 1)
START = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp())
END = int(datetime(2026, 7, 1, tzinfo=UTC).timestamp())
"""Nothing in the sources is younger: the end of AS_OF, UTC."""
LOG_START = START + 16 * 3_600
"""Midnight in Shanghai of 2 January 2025: the first moment of the web server's first log file."""
NIGHT_JOB = END - 1_800
"""When the systems' nightly jobs run: 07:30 in Shanghai. They touch a row of tables that people
seldom change, so that an old cursor means a broken source and not a quiet week."""
COUNT_DAYS = 546
COUNT_CHANGED = 3
"""Rows of a kind that a step of advance changes."""


@dataclass(frozen=True)
class Size:
    """Row counts of one demo company; ``lines_per_chunk`` bounds the memory of log writing."""

    name: str
    accounts: int
    teams: int
    reps_per_team: int
    leads: int
    log_lines: int
    log_days_per_file: int
    lines_per_chunk: int = 250_000


SIZES: dict[str, Size] = {
    size.name: size
    for size in (
        Size("tiny", 60, 3, 4, 400, 20_000, 7),
        Size("small", 300, 6, 5, 3_000, 300_000, 7),
        Size("medium", 3_000, 12, 12, 30_000, 3_000_000, 7),
        Size("large", 6_000, 20, 15, 60_000, 104_000_000, 1),
    )
}

"""The planted story of the company: the organisation changes, and commerce follows.

``organisation(week)`` rises from 0 to 1 in two steps (so that its delay can be measured), and
``commerce(week)`` is the same curve ``LAG_WEEKS`` later. On the attainment scale of the scorecard
the organisation gains ``LEAD_RATIO`` points for each point that commerce gains later: automatic
capture rises by 64.2 points, the win rate index by 64.2 / 2.3.
"""

from __future__ import annotations

import math

from .sizes import DAY, START

LAG_WEEKS = 8
LEAD_RATIO = 2.3

CAPTURE_FROM, CAPTURE_TO = 0.32, 0.962
RESPONSE_MINUTES_FROM, RESPONSE_MINUTES_TO = 47.0, 11.4
TEAM_FORMATION_HOURS_FROM, TEAM_FORMATION_HOURS_TO = 7.2 * 24, 4.2
TEAM_RESPONSE_DAYS_FROM, TEAM_RESPONSE_DAYS_TO = 11.3, 4.2
PROMOTION_MINUTES_FROM, PROMOTION_MINUTES_TO = 5.2 * 1440, 47.0
REFERRAL_SHARE_OF_HIGH_VALUE = 0.738
KNOWLEDGE_REUSE_PRACTICE, KNOWLEDGE_REUSE_STANDARD = 0.674, 0.82
COPIED_TEXT_SIMILARITY = 0.92


def week_of(second: int) -> float:
    return (second - START) / (7 * DAY)


def organisation(week: float) -> float:
    """Share of the organisational change done, 0..1: two steps, around weeks 20 and 48."""

    def step(centre: float, width: float) -> float:
        return 1 / (1 + math.exp(-(week - centre) / width))

    raw = 0.45 * step(20, 1.2) + 0.55 * step(48, 1.5)
    return 0.0 if raw < 0.003 else min(1.0, raw / 0.997)


def commerce(week: float) -> float:
    """Share of the commercial change done: the organisation's, LAG_WEEKS earlier."""
    return organisation(week - LAG_WEEKS)


def between(first: float, last: float, share: float) -> float:
    return first + (last - first) * share


def geometric(first: float, last: float, share: float) -> float:
    """Like between, but on a logarithmic scale: for times that shrink by orders of magnitude."""
    return math.exp(between(math.log(first), math.log(last), share))


def capture_ratio(second: int) -> float:
    """Share of touches captured automatically at that time."""
    return between(CAPTURE_FROM, CAPTURE_TO, organisation(week_of(second)))


def response_minutes(second: int) -> float:
    """Median minutes from a lead's creation to a rep's first answer."""
    share = commerce(week_of(second))
    return between(RESPONSE_MINUTES_FROM, RESPONSE_MINUTES_TO, share)


def win_ratio(second: int) -> float:
    """Share of closed opportunities that are won."""
    gain = (CAPTURE_TO - CAPTURE_FROM) / LEAD_RATIO / 2
    return 0.21 + gain * commerce(week_of(second))

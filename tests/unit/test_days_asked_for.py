"""Requests for days wait until a build has computed them."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from dagster_project import web_days
from dagster_project.settings import Settings

DAY = date(2026, 6, 10)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


def span(settings: Settings) -> tuple[date, date] | None:
    request = web_days.next_request(settings)
    return None if request is None else (request.first, request.last)


def test_nothing_is_asked_at_first(settings: Settings) -> None:
    assert span(settings) is None
    assert web_days.first_day(settings) is None


def test_days_that_adjoin_are_one_request_others_wait(settings: Settings) -> None:
    def day(number: int) -> date:
        return DAY + timedelta(days=number)

    web_days.ask(settings, day(7), day(8), "c")
    web_days.ask(settings, day(0), day(1), "a")
    web_days.ask(settings, day(2), day(4), "b")
    assert span(settings) == (day(0), day(4))
    request = web_days.next_request(settings)
    assert request is not None
    assert request.variables() == {"backfill_from": "2026-06-10", "backfill_to": "2026-06-14"}
    web_days.ask(settings, day(0), day(1), "asked while it was computed")
    request.done()
    assert span(settings) == (day(0), day(1))
    again = web_days.next_request(settings)
    assert again is not None
    again.done()
    assert span(settings) == (day(7), day(8))


def test_a_repeated_step_asks_once(settings: Settings) -> None:
    web_days.ask(settings, DAY, DAY, "run")
    web_days.ask(settings, DAY, DAY, "run")
    request = web_days.next_request(settings)
    assert request is not None and len(request.files) == 1


def test_a_range_without_a_day_is_refused(settings: Settings) -> None:
    with pytest.raises(ValueError, match="no day from"):
        web_days.ask(settings, DAY, DAY - timedelta(days=1), "run")
    assert span(settings) is None

"""The small demo company, which users see first: what only its number of rows can show."""

from __future__ import annotations

import pytest

from dagster_project.settings import Settings
from tests.integration import customer_truths, organisation_truths, scorecard_truths
from tests.integration.demo_run import TIMEOUT_SECONDS, command

pytestmark = [pytest.mark.integration, pytest.mark.systems, pytest.mark.timeout(TIMEOUT_SECONDS)]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A small demo company, loaded, built and published."""
    settings = Settings(home=tmp_path_factory.mktemp("story"))
    result = command(settings, "demo", "--size", "small", "--no-serve")
    assert result.code == 0, result.output
    return settings


def test_scorecard_and_proof_tell_the_planted_story(settings: Settings) -> None:
    assert scorecard_truths.story_that_differs(settings) == []
    assert scorecard_truths.figures_that_differ(settings) == []


def test_customers_are_the_planted_ones(settings: Settings) -> None:
    assert customer_truths.shortfalls(settings) == []


def test_traps_are_the_planted_ones(settings: Settings) -> None:
    assert organisation_truths.differences(settings) == []

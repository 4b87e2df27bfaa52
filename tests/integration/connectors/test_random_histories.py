"""After catching up, what has landed equals the source: random histories against PostgreSQL.

Each example runs as many histories as there are shapes of tables (`histories.SHAPES`).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.integration.connectors.histories import (
    BY_OVERLAP_ALONE,
    OVERLAP,
    OVERLAP_NUMBERS,
    SHAPES,
    Round,
    World,
    rounds,
)

pytestmark = pytest.mark.integration

FEW, MANY = 100, 2000


def options(histories: int, *, derandomize: bool) -> settings:
    """Settings of hypothesis for so many histories; its own database of examples is not kept."""
    return settings(
        max_examples=-(-histories // len(SHAPES)),
        deadline=None,
        database=None,
        derandomize=derandomize,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
        print_blob=True,
        report_multiple_bugs=False,
    )


def play(world: World, how: settings) -> None:
    @how
    @given(rounds)
    def histories(history: list[Round]) -> None:
        world.run(history)

    histories()


@pytest.fixture
def url(server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    url = f"postgresql://owner:s3cret%2F%40word@{server}"
    monkeypatch.setenv("SHOP_URL", url)
    return url


@pytest.fixture
def world(url: str) -> Iterator[World]:
    world = World(url, overlap=OVERLAP, overlap_numbers=OVERLAP_NUMBERS)
    yield world
    world.close()


def test_nothing_is_lost_in_a_hundred_histories(world: World) -> None:
    play(world, options(FEW, derandomize=True))


@pytest.mark.systems
@pytest.mark.timeout(3600)
def test_nothing_is_lost_in_thousands_of_histories(world: World) -> None:
    play(world, options(MANY, derandomize=False))


def test_nothing_is_lost_by_the_overlap_alone(url: str) -> None:
    play_by_overlap_alone(url, OVERLAP, OVERLAP_NUMBERS)


def test_without_overlap_rows_are_lost_and_found_missing(url: str) -> None:
    """The tests above can fail: they do where nothing is read again."""
    with pytest.raises(AssertionError, match=r"not landed Counter\(\{"):
        play_by_overlap_alone(url, 0, 0)


def play_by_overlap_alone(url: str, overlap: int, overlap_numbers: int) -> None:
    """Tables whose keys are not compared, and whose rows are not deleted."""
    world = World(url, overlap=overlap, overlap_numbers=overlap_numbers, shapes=BY_OVERLAP_ALONE)
    try:
        play(world, settings(options(FEW, derandomize=True), phases=[Phase.generate]))
    finally:
        world.close()

"""The access logs: totals, faults, who can be named, and memory that does not grow."""

from __future__ import annotations

import dataclasses
import gzip
import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dagster_project.demo_company.records import World
from dagster_project.demo_company.sizes import SIZES
from dagster_project.demo_company.web import write_web
from tests.unit.demo_company.company import Company

# Written from the description of the format, not from the code that writes the lines.
COMBINED = re.compile(
    r"^(?P<address>\S+) \S+ (?P<user>\S+) "
    r"\[(?P<at>[0-3]\d/(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)/\d{4}"
    r"(?::\d\d){3} [+-]\d{4})\] "
    r'"(?P<method>[A-Z]+) (?P<url>\S+) HTTP/[\d.]+" (?P<status>\d{3}) (?P<size>\d+|-) '
    r'"(?P<referrer>[^"]*)" "(?P<agent>[^"]*)"$'
)


def read_lines(place: Path) -> Iterator[tuple[str, str]]:
    """(file name, line) of all logs, oldest file first."""
    for path in sorted(place.iterdir(), key=lambda path: (path.name == "access.log", path.name)):
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for line in data.decode("utf-8").splitlines():
            yield path.name, line


@pytest.fixture(scope="module")
def parsed(small: Company) -> list[tuple[str, str, re.Match[str] | None]]:
    return [(name, line, COMBINED.match(line)) for name, line in read_lines(small.folder / "web")]


def at(match: re.Match[str]) -> datetime:
    return datetime.strptime(match["at"], "%d/%b/%Y:%H:%M:%S %z")


def test_totals(small: Company, parsed: list[tuple[str, str, re.Match[str] | None]]) -> None:
    totals = small.key["totals"]["web"]
    good = [match for _, _, match in parsed if match]
    assert len(good) == totals["lines"] == 300_000
    assert Counter(match["status"] for match in good) == totals["lines_by_status"]
    size = sum(int(match["size"]) for match in good if match["size"] != "-")
    assert size == totals["bytes"]
    assert len({name for name, _, _ in parsed}) == totals["files"]


def test_broken_lines(small: Company, parsed: list[tuple[str, str, re.Match[str] | None]]) -> None:
    fault = small.fault("broken_log_lines")
    broken = {name: line for name, line, match in parsed if not match}
    assert broken == fault["line_by_file"]
    assert sum(match is None for _, _, match in parsed) == fault["count"] == 12


def test_files_are_rotated_in_order(
    parsed: list[tuple[str, str, re.Match[str] | None]], small: Company
) -> None:
    spans: dict[str, list[datetime]] = defaultdict(list)
    late = {
        (row["address"], datetime.fromisoformat(row["at"]))
        for row in small.truth("late_web_lines")["lines"]
    }
    for name, _, match in parsed[::50]:
        if match and (match["address"], at(match)) not in late:
            spans[name].append(at(match))
    names = list(spans)
    assert names[-1] == "access.log"
    for earlier, later in itertools.pairwise(names):
        assert max(spans[earlier]) <= min(spans[later])
    last = datetime.fromisoformat(small.key["as_of"]).date()
    assert max(spans["access.log"]).astimezone(UTC).date() == last


def test_some_lines_are_out_of_order(
    parsed: list[tuple[str, str, re.Match[str] | None]],
) -> None:
    times = [at(match) for _, _, match in parsed[:40_000] if match]
    backwards = sum(later < earlier for earlier, later in itertools.pairwise(times))
    assert 0.0005 < backwards / len(times) < 0.02


def test_traffic_has_bots_staff_and_static_files(
    small: Company, parsed: list[tuple[str, str, re.Match[str] | None]]
) -> None:
    truth = small.truth("web_traffic")
    good = [match for _, _, match in parsed if match]
    bots = sum(match["agent"] in truth["bot_agents"] for match in good) / len(good)
    assert 0.03 < bots < 0.15
    assert any(match["address"] == truth["staff_address"] for match in good)
    static = sum(match["url"].startswith(("/static/", "/img/")) for match in good) / len(good)
    assert 0.2 < static < 0.6


def test_click_ids_and_logins_are_on_record(small: Company) -> None:
    truth = small.truth("web_links")
    clicks = {
        row["click_id"]: row["crm_person"] for row in small.lines("community/campaign_links.jsonl")
    }
    assert clicks == truth["click_ids"]
    logins = {
        row["login"]: row["crm_person"] for row in small.lines("community/portal_logins.jsonl")
    }
    assert truth["logins"].items() <= logins.items()


@pytest.mark.parametrize("lines_per_chunk", [500, 4_000])
def test_memory_follows_the_chunk_not_the_size(tmp_path: Path, lines_per_chunk: int) -> None:
    size = dataclasses.replace(
        SIZES["tiny"], log_lines=60_000, log_days_per_file=182, lines_per_chunk=lines_per_chunk
    )
    world = World(seed=1)
    rows = write_web(world, size, tmp_path, hits=[])
    totals = world.totals["web"]
    assert totals["max_chunk_lines"] <= lines_per_chunk
    assert totals["lines"] == 60_000
    assert rows["access_log_files"] == 3
    assert (
        sum(COMBINED.match(line) is not None for _, line in read_lines(tmp_path / "web")) == 60_000
    )

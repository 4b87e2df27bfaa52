"""A run of a part takes over the months that no build has written since, unread, and no others.

What was changed by hand, with as many rows as before, shows whether a month was read.
"""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from dagster_project.publishing import (
    Part,
    PublishedVersion,
    PublishingError,
    open_version,
    publish,
    publisher,
    rollback,
    version_info,
)
from dagster_project.publishing.storage import PublishedTable
from dagster_project.settings import Settings
from tests.unit.publishing import sample_home
from tests.unit.publishing.sample_home import NOW

MART = "mart_day"
PART = Part(models=frozenset({MART}), systems=frozenset())
# January to March, ten days each, and a row without a day.
ROWS = (
    "select 'web' as source, "
    "case when i < 30 then date '2026-01-01' + (i // 10 * 31 + i % 10)::int end as period_date, "
    "i as id, 1 as count_requests from range(31) as t(i)"
)
FEBRUARY = "period_date between date '2026-02-01' and date '2026-02-28'"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(publisher, "PARTITION_ROWS", 1)
    settings = sample_home.build(tmp_path)
    by_day = {"materialized": "replaced_days", "meta": {"day_column": "period_date"}}
    mart = sample_home.model(MART, config=by_day)
    sample_home.write_manifest(settings, [*sample_home.standard_nodes(), mart])
    sample_home.write_warehouse(settings, {MART: ROWS})
    built(settings, "other=b1")
    return settings


def built(settings: Settings, months: str | None, *statements: str) -> None:
    """What a build leaves: rows, and which build wrote each month."""
    with duckdb.connect(str(settings.warehouse)) as connection:
        for statement in statements:
            connection.execute(statement)
        comment = "version changes" if months is None else f"version {months} changes"
        connection.execute(f"comment on table {MART} is '{comment}'")


def by_hand(settings: Settings, *statements: str) -> None:
    with duckdb.connect(str(settings.warehouse)) as connection:
        for statement in statements:
            connection.execute(statement)


def published(settings: Settings, *, part: bool = True, run: int = 2) -> PublishedVersion:
    later = NOW + timedelta(minutes=run)
    return publish(settings, f"run-{run}", later, part=PART if part else None)


def table(settings: Settings, version: PublishedVersion) -> PublishedTable:
    return version_info(settings, version.version_id).tables[MART]


def counted(settings: Settings, version: PublishedVersion) -> list[tuple[object, ...]]:
    """Requests by month as a reader sees them."""
    with open_version(settings, version.version_id) as connection:
        return connection.sql(
            f"select cast(date_trunc('month', period_date) as date)::varchar, "
            f"sum(count_requests)::int from {MART} group by 1 order by 1 nulls first"
        ).fetchall()


def test_only_months_that_a_build_has_written_are_read(settings: Settings) -> None:
    first = published(settings, part=False, run=1)
    by_hand(settings, f"update {MART} set count_requests = 5 where period_date is null")
    built(
        settings,
        "other=b1,2026-02-01=b2",
        f"update {MART} set count_requests = 2 where {FEBRUARY}",
        f"update {MART} set count_requests = 3 where period_date >= '2026-03-01'",
    )
    second = published(settings)
    assert counted(settings, second) == [
        (None, 1),
        ("2026-01-01", 10),
        ("2026-02-01", 20),
        ("2026-03-01", 10),
    ]
    assert second.files_written == 2  # February and ops_versions
    before, after = table(settings, first).files, table(settings, second).files
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, True, False, True]
    # A month stays unread for as many parts as go by, until a whole run reads everything.
    assert counted(settings, published(settings, run=3)) == counted(settings, second)
    assert counted(settings, published(settings, part=False, run=4)) == [
        (None, 5),
        ("2026-01-01", 10),
        ("2026-02-01", 20),
        ("2026-03-01", 30),
    ]


def test_a_part_makes_the_same_version_as_a_whole_run(settings: Settings) -> None:
    published(settings, part=False, run=1)
    built(
        settings,
        "other=b1,2026-02-01=b2,2026-04-01=b2,null=b2",
        f"delete from {MART} where {FEBRUARY} or period_date is null",
        f"insert into {MART} values ('web', '2026-04-01', 99, 7)",
    )
    part = table(settings, published(settings))
    assert [(file.partition, file.rows) for file in part.files] == [
        ("2026-01-01", 10),
        ("2026-03-01", 10),
        ("2026-04-01", 1),
    ]
    assert part == table(settings, published(settings, part=False, run=3))


@pytest.mark.parametrize(
    "statement",
    [
        f"delete from {MART} where id = 10",
        f"insert into {MART} values ('web', '2026-02-01', 99, 9)",
        f"update {MART} set period_date = '2026-02-01' where id = 1",
        f"alter table {MART} alter count_requests type bigint",
    ],
)
def test_rows_added_or_removed_by_hand_and_other_types_are_seen(
    settings: Settings, statement: str
) -> None:
    published(settings, part=False, run=1)
    by_hand(settings, statement)
    part = table(settings, published(settings))
    assert part == table(settings, published(settings, part=False, run=3))


def test_a_lost_file_is_written_again(settings: Settings) -> None:
    first = published(settings, part=False, run=1)
    (lost,) = [f for f in table(settings, first).files if f.partition == "2026-02-01"]
    (settings.published / lost.path).unlink()
    second = published(settings)
    assert table(settings, second) == table(settings, first)
    assert (settings.published / lost.path).exists()


def test_a_version_without_states_is_read_and_followed(settings: Settings) -> None:
    first = published(settings, part=False, run=1)
    path = settings.published / "versions" / first.version_id / "manifest.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    states = [file.pop("state") for t in record["tables"].values() for file in t["files"]]
    assert any(states)
    path.write_text(json.dumps(record), encoding="utf-8")
    by_hand(settings, f"update {MART} set count_requests = 2 where {FEBRUARY}")
    second = published(settings)
    assert ("2026-02-01", 20) in counted(settings, second)
    assert all(file.state for file in table(settings, second).files)


def test_without_a_list_of_builds_every_month_is_read(settings: Settings) -> None:
    published(settings, part=False, run=1)
    # As a build by an earlier release would leave it, and then one that begins a list.
    built(settings, None, f"update {MART} set count_requests = 2 where {FEBRUARY}")
    second = published(settings)
    assert ("2026-02-01", 20) in counted(settings, second)
    assert not any(file.state for file in table(settings, second).files)
    built(settings, "other=b3", f"update {MART} set count_requests = 3 where {FEBRUARY}")
    assert ("2026-02-01", 30) in counted(settings, published(settings, run=3))


def test_a_part_after_a_rollback_follows_what_is_shown(settings: Settings) -> None:
    published(settings, part=False, run=1)
    february = f"update {MART} set count_requests = 2 where {FEBRUARY}"
    built(settings, "other=b1,2026-02-01=b2", february)
    published(settings)
    rollback(settings, NOW + timedelta(minutes=3))
    assert ("2026-02-01", 20) in counted(settings, published(settings, run=4))


def test_only_a_table_split_by_its_own_day_is_taken_over(settings: Settings) -> None:
    by_other_day = {"materialized": "replaced_days", "meta": {"day_column": "seen_date"}}
    mart = sample_home.model(MART, config=by_other_day)
    sample_home.write_manifest(settings, [*sample_home.standard_nodes(), mart])
    built(
        settings,
        "other=b1",
        f"alter table {MART} add column seen_date date",
        f"update {MART} set seen_date = period_date",
    )
    published(settings, part=False, run=1)
    by_hand(settings, f"update {MART} set count_requests = 2 where {FEBRUARY}")
    assert ("2026-02-01", 20) in counted(settings, published(settings))


def test_an_impossible_day_is_named_not_lost(settings: Settings) -> None:
    published(settings, part=False, run=1)
    months = "other=b1,2026-03-01=b2,infinity=b2"
    built(settings, months, f"update {MART} set period_date = 'infinity' where id = 29")
    with pytest.raises(PublishingError, match=r"mart_day.*impossible dates"):
        published(settings)

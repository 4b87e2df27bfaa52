"""A source whose structure changes: what lands, waits or is set apart, and the log of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagster_project.connectors.kinds import Window
from dagster_project.connectors.prepare import Preparation
from tests.unit.connectors.loading import Installation, execute

SOURCE = """
[[source]]
system = "shop"
kind = "sql"
url = "sqlite:///{here}/data/shop.sqlite"
drift = "POLICY"
  [[source.table]]
  name = "deals"
  load = "incremental"
  cursor = "changed_at"
  primary_key = "id"
"""
CREATE = "create table {name} (id integer primary key, name text, changed_at timestamp)"


@pytest.fixture
def database(shop: Installation) -> Path:
    path = shop.data / "shop.sqlite"
    execute(path, CREATE.format(name="deals"), "insert into deals values (1, 'a', '2025-01-01')")
    return path


def configure(shop: Installation, policy: str) -> None:
    shop.sources(SOURCE.replace("POLICY", policy))


def changes(shop: Installation) -> list[tuple[object, ...]]:
    """The log, without the empty file's rows."""
    return shop.query(
        "select change, column_name, type_before, type_after, policy, status "
        "from {ops.schema_changes} order by load_id, position"
    )


def test_evolve_lands_new_columns_and_logs_each_change_once(
    shop: Installation, database: Path
) -> None:
    configure(shop, "evolve")
    shop.load()
    execute(
        database,
        "alter table deals add column note text",
        "insert into deals values (2, 'b', '2025-01-02', 'n')",
    )
    assert shop.load()["deals"].rows_loaded == 1
    shop.load()
    execute(database, "alter table deals drop column name")
    shop.load()
    shop.load()
    execute(database, "alter table deals add column name text")
    shop.load()
    assert [row[:2] for row in changes(shop)] == [
        ("added", "note"),
        ("missing", "name"),
        ("returned", "name"),
    ]
    assert changes(shop)[0] == ("added", "note", None, "text", "evolve", "loaded")


def test_changed_type_is_logged_once(shop: Installation, database: Path) -> None:
    configure(shop, "evolve")
    shop.load()
    execute(
        database,
        "drop table deals",
        "create table deals (id text primary key, name text, changed_at timestamp)",
        "insert into deals values ('1', 'a', '2025-01-01'), ('x', 'b', '2025-01-02')",
    )
    first = shop.load()["deals"]
    assert first.rows_rejected == 2, "texts do not fit into a column of integers"
    shop.load()
    assert changes(shop) == [("type", "id", "integer", "text", "evolve", "loaded")]


def test_freeze_waits_for_a_changed_type(shop: Installation, database: Path) -> None:
    configure(shop, "freeze")
    shop.load()
    execute(
        database,
        "drop table deals",
        "create table deals (id integer primary key, name integer, changed_at timestamp)",
        "insert into deals values (2, 7, '2025-01-02')",
    )
    for _ in range(2):
        receipt = shop.load()["deals"]
        assert receipt.status == "failed" and "name" in receipt.message_en
    assert changes(shop) == [("type", "name", "text", "integer", "freeze", "failed")]
    configure(shop, "evolve")
    shop.load()
    assert shop.current("deals", "id", "id, name") == [(2, "7")]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("alter table deals add column note text", ("added", "note")),
        ("alter table deals drop column name", ("missing", "name")),
    ],
)
def test_freeze_waits_for_someone_and_then_loses_nothing(
    shop: Installation, database: Path, change: str, told: tuple[str, str]
) -> None:
    configure(shop, "freeze")
    shop.load()
    execute(database, change, "insert into deals (id, changed_at) values (2, '2025-01-02')")
    for _ in range(2):
        receipt = shop.load()["deals"]
        assert receipt.status == "failed"
        assert told[1] in receipt.message_en and told[1] in receipt.message_zh
        assert "evolve" in receipt.remedy_en and "evolve" in receipt.remedy_zh
    assert shop.current("deals", "id", "id") == [(1,)]
    assert [row[:2] for row in changes(shop)] == [told]
    assert changes(shop)[0][-1] == "failed"
    configure(shop, "evolve")
    assert shop.load()["deals"].rows_loaded >= 1
    assert shop.current("deals", "id", "id") == [(1,), (2,)]


def test_quarantine_sets_apart_rows_with_new_values_until_they_are_agreed_to(
    shop: Installation, database: Path
) -> None:
    configure(shop, "quarantine")
    shop.load()
    execute(
        database,
        "alter table deals add column note text",
        "insert into deals values (2, 'b', '2025-01-02', 'new'), (3, 'c', '2025-06-01', null)",
    )
    receipt = shop.load()["deals"]
    assert (receipt.rows_loaded, receipt.rows_rejected) == (1, 1)
    ((code, reason, raw),) = shop.quarantined("reason_code, reason_en, raw_text")
    assert code == "new_column" and "note" in reason and '"note": "new"' in raw
    assert shop.current("deals", "id", "id") == [(1,), (3,)]
    assert [row[:2] for row in changes(shop)] == [("added", "note")]
    configure(shop, "evolve")
    shop.load()
    assert shop.current("deals", "id", "id, note") == [(1, None), (2, "new"), (3, None)]


def test_renamed_table_is_recognised_and_a_vanished_one_is_told(
    shop: Installation, database: Path
) -> None:
    configure(shop, "evolve")
    shop.load()
    execute(database, "alter table deals rename to sales")
    for _ in range(2):
        receipt = shop.load()["deals"]
        assert receipt.status == "failed"
        assert '"sales"' in receipt.message_en and "sales" in receipt.remedy_zh
    execute(database, "drop table sales")
    assert "no table" in shop.load()["deals"].message_en
    assert shop.current("deals", "id", "id") == [(1,)], "what has landed stays"
    execute(database, CREATE.format(name="deals"))
    execute(database, "insert into deals values (1, 'a', '2025-01-01')")
    shop.load()
    assert [(row[0], row[2], row[3]) for row in changes(shop)] == [
        ("table_renamed", "deals", "sales"),
        ("table_gone", "deals", None),
        ("table_back", None, None),
    ]


def test_table_that_was_never_there_is_no_change(shop: Installation, database: Path) -> None:
    execute(database, "drop table deals")
    configure(shop, "evolve")
    assert shop.load()["deals"].status == "failed"
    assert changes(shop) == []


def test_table_of_a_query_that_vanishes_is_logged_once(shop: Installation, database: Path) -> None:
    source = SOURCE.replace("POLICY", "evolve")
    shop.sources(source + 'query = "select id, name, changed_at from deals"\n')
    shop.load()
    execute(database, "drop table deals")
    for _ in range(2):
        assert shop.load()["deals"].status == "failed"
    assert [row[:3] for row in changes(shop)] == [("table_gone", None, "deals")]
    assert shop.current("deals", "id", "id") == [(1,)], "what has landed stays"


def test_dropped_column_does_not_have_every_load_compare_with_the_whole_lake(
    shop: Installation, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(shop, "evolve")
    shop.load()
    execute(database, "alter table deals drop column name")
    shop.load()

    def whole(*_: object) -> str:
        pytest.fail("the lake was read")

    monkeypatch.setattr(Preparation, "_landed_hashes", whole)
    assert shop.load()["deals"].status == "unchanged"


def test_files_with_rows_set_apart_are_read_again_once_their_columns_are_agreed_to(
    shop: Installation,
) -> None:
    def configure_files(policy: str) -> None:
        shop.sources(
            f'[[source]]\nsystem = "shop"\nkind = "files"\nlocation = "{{here}}/data"\n'
            f'drift = "{policy}"\n[[source.table]]\nname = "items"\nglob = "*.csv"\n'
            'load = "append"\n'
        )

    configure_files("quarantine")
    (shop.data / "a.csv").write_text("id,name\n1,a\n")
    shop.load()
    (shop.data / "b.csv").write_text("id,name,note\n2,b,\n3,c,new\n")
    receipt = shop.load()["items"]
    assert (receipt.rows_loaded, receipt.rows_rejected) == (1, 1)
    configure_files("evolve")
    assert shop.load()["items"].rows_loaded == 1
    assert shop.rows("items", "id, name, note") == [
        ("1", "a", None),
        ("2", "b", None),
        ("3", "c", "new"),
    ]
    assert shop.load()["items"].status == "unchanged"


WHOLE = "the table was read whole"


@pytest.mark.parametrize("policy", ["evolve", "freeze", "quarantine"])
def test_values_that_landed_rows_have_in_a_new_column_land_with_it(
    shop: Installation, database: Path, policy: str
) -> None:
    execute(database, "insert into deals values (0, 'z', '2024-06-01')")
    configure(shop, policy)
    shop.load()
    # No cursor moves: rows that have landed have a value all the same.
    execute(
        database,
        "alter table deals add column level integer default 5",
        "insert into deals values (2, 'b', '2025-02-01', 6)",
    )
    if policy != "evolve":
        assert shop.load()["deals"].rows_loaded == 0
        configure(shop, "evolve")
    receipt = shop.load()["deals"]
    assert (receipt.rows_received, receipt.rows_loaded, receipt.rows_merged) == (3, 3, 2)
    assert f"level: {WHOLE}" in receipt.message_en and "整表" in receipt.message_zh
    assert shop.current("deals", "id", "id, level") == [(0, 5), (1, 5), (2, 6)]
    # Once: rows that were read whole are not read so again.
    execute(database, "insert into deals values (3, 'c', '2025-03-01', 7)")
    receipt = shop.load()["deals"]
    assert (receipt.rows_received, WHOLE in receipt.message_en) == (2, False)


def test_new_column_that_a_span_has_shown_is_still_read_for(
    shop: Installation, database: Path
) -> None:
    execute(database, "insert into deals values (0, 'z', '2024-06-01')")
    configure(shop, "evolve")
    shop.load()
    execute(
        database,
        "alter table deals add column level integer default 5",
        "insert into deals values (2, 'b', '2025-02-01', 6)",
    )
    shop.load(window=Window("2025-02-01", "2025-02-02"))
    assert shop.current("deals", "id", "id, level") == [(0, None), (1, None), (2, 6)]
    assert WHOLE in shop.load()["deals"].message_en
    assert shop.current("deals", "id", "id, level") == [(0, 5), (1, 5), (2, 6)]


def test_rows_without_a_key_are_not_landed_twice_for_a_new_column(
    shop: Installation, database: Path
) -> None:
    shop.sources(SOURCE.replace("POLICY", "evolve").replace('  primary_key = "id"\n', ""))
    execute(database, "insert into deals values (0, 'z', '2024-06-01')")
    shop.load()
    execute(
        database,
        "alter table deals add column level integer",
        "update deals set level = 5 where id = 0",
        "insert into deals values (2, 'b', '2025-02-01', 6)",
    )
    shop.load()
    assert shop.rows("deals", "id, level") == [(0, None), (1, None), (2, 6)]


def test_column_that_comes_back_is_read_for(shop: Installation, database: Path) -> None:
    configure(shop, "evolve")
    shop.load()
    execute(database, "alter table deals drop column name")
    shop.load()
    execute(database, "alter table deals add column name text default 'back'")
    assert "name: " + WHOLE in shop.load()["deals"].message_en
    assert shop.current("deals", "id", "id, name") == [(1, "back")]

"""Every problem of a sources file is told at once, with place and remedy."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from dagster_project.connectors import sources_file
from dagster_project.connectors.sources_file import (
    SourcesFileError,
    load_sources,
    missing_variables,
)
from tests.unit.connectors.loading import Installation

GOOD = """
as_of = 2026-06-30
[[source]]
system = "shop"
kind = "sql"
url = "sqlite:///{home}/demo/{here}.db"
  [[source.table]]
  name = "accounts"
  primary_key = "id"
  load = "incremental"
  cursor = ["updated_at", "created_at"]
[[source]]
system = "web"
kind = "access_log"
location = "{here}/logs"
glob = "access*.log*"
encoding = "latin-1"
"""


def problems(shop: Installation, text: str) -> str:
    shop.sources(text)
    with pytest.raises(SourcesFileError) as caught:
        load_sources(shop.settings)
    return str(caught.value)


def test_good_file_is_read_with_defaults_and_places(shop: Installation) -> None:
    shop.sources(GOOD)
    loaded = load_sources(shop.settings)
    sql, web = loaded.sources
    assert str(loaded.as_of) == "2026-06-30"
    assert isinstance(sql, sources_file.SqlSource)
    assert sql.url == f"sqlite:///{shop.settings.home}/demo/{shop.folder}.db"
    assert (sql.mapping_set, sql.label.zh, sql.time_zone) == ("shop", "shop", "UTC")
    table = sql.tables[0]
    assert (table.primary_key, table.overlap_seconds) == (("id",), 120)
    assert table.cursor == ("updated_at", "created_at")
    assert isinstance(web, sources_file.AccessLogSource)
    assert web.location == f"{shop.folder}/logs"
    assert [(t.name, t.glob, t.encoding) for t in web.tables] == [
        ("requests", "access*.log*", "latin-1")
    ]


def test_missing_file_names_file_and_remedy(shop: Installation) -> None:
    with pytest.raises(SourcesFileError, match=r"sources\.toml: no such file.*SMH_SOURCES"):
        load_sources(shop.settings)


def test_bad_toml_names_the_line(shop: Installation) -> None:
    told = problems(shop, 'as_of = 2026-06-30\n[[source]]\nsystem = "a\n')
    assert "sources.toml" in told
    assert "line 3" in told


def test_all_problems_are_listed_with_their_key(shop: Installation) -> None:
    told = problems(
        shop,
        """
        [[source]]
        system = "ops"
        kind = "sql"
        url = "postgresql://reader:secret@host/db"
        colour = "blue"
          [[source.table]]
          name = "accounts"
          load = "incremental"
        [[source]]
        system = "files"
        kind = "files"
        location = "x"
        time_zone = "Mars/Olympus"
          [[source.table]]
          name = "a"
          glob = "*.dat"
        [[source]]
        system = "b"
        kind = "ftp"
        """,
    )
    assert '"ops" is reserved' in told
    assert 'source[1] "ops" > colour: unknown key' in told
    assert 'source[1] "ops" > table[1] "accounts": load = "incremental" needs `cursor`' in told
    assert "Mars/Olympus" in told
    assert 'table[1] "a": `glob` = "*.dat" does not tell the format' in told
    assert 'source[3] "b": `kind` must be' in told


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('format = "snowplow"\nnames = ["a"]', 'format = "snowplow" says itself'),
        ('format = "jsonl"\nnames = ["a"]', "`names` and `quotes` are for CSV"),
        ('format = "parquet"\nquotes = false', "`names` and `quotes` are for CSV"),
    ],
)
def test_form_of_csv_is_for_csv(shop: Installation, lines: str, message: str) -> None:
    head = '[[source]]\nsystem = "a"\nkind = "files"\nlocation = "x"\n'
    assert message in problems(shop, f'{head}[[source.table]]\nname = "t"\nglob = "*"\n{lines}\n')


def test_password_in_url_is_refused_and_not_repeated(shop: Installation) -> None:
    told = problems(
        shop,
        '[[source]]\nsystem = "a"\nkind = "sql"\nurl = "postgresql://u:hunter2@h/d"\n'
        '[[source.table]]\nname = "t"\n',
    )
    assert "url_env" in told
    assert "hunter2" not in told


def test_repeated_systems_and_tables_are_refused(shop: Installation) -> None:
    source = '[[source]]\nsystem = "a"\nkind = "sql"\nurl = "sqlite:///x"\n'
    table = '[[source.table]]\nname = "t"\n'
    assert "table names must differ" in problems(shop, source + table + table)
    assert "systems must differ" in problems(shop, source + table + source + table)


def test_missing_variable_is_named(shop: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.sources(
        '[[source]]\nsystem = "a"\nkind = "sql"\nurl_env = "SHOP_URL"\n'
        '[[source.table]]\nname = "t"\n'
    )
    source = load_sources(shop.settings).sources[0]
    monkeypatch.delenv("SHOP_URL", raising=False)
    assert missing_variables(source) == [("url_env", "SHOP_URL")]
    monkeypatch.setenv("SHOP_URL", "sqlite:///x")
    assert missing_variables(source) == []


def test_connectors_never_import_dagster() -> None:
    folder = Path(sources_file.__file__).parent
    imported = {
        name.split(".")[0]
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
        )
    }
    assert "dlt" in imported
    assert "dagster" not in imported

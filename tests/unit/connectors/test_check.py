"""What a check says of sources that can be read, that show nothing and that cannot be read."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys

import pytest

from dagster_project.connectors import kinds
from dagster_project.connectors.check import check_source, exit_code, main
from dagster_project.connectors.kinds import KINDS
from dagster_project.connectors.sources_file import load_sources
from dagster_project.settings import REPO_ROOT, process_environment
from tests.unit.connectors.loading import SHOP, Installation, execute

TABLES = """  [[source.table]]
  name = "orders"
  [[source.table]]
  name = "people"
"""


@pytest.fixture
def shop(shop: Installation, monkeypatch: pytest.MonkeyPatch) -> Installation:
    shop.is_that_of_commands(monkeypatch)
    execute(
        shop.database,
        "create table orders (id integer)",
        "create table people (id integer)",
        "insert into orders values (1), (2)",
        "insert into people values (1)",
    )
    shop.sources(SHOP + TABLES)
    return shop


def findings_of(shop: Installation) -> list[tuple[str, str]]:
    source = load_sources(shop.settings).source("shop")
    return [(finding.level, finding.message.en) for finding in check_source(source)]


def test_a_source_that_shows_all(shop: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    assert main("sql", ["--check"]) == 0
    told = capsys.readouterr().out
    assert "ok: orders can be read; rows: 2." in told
    assert "正常: orders 可读取；行数：2。" in told


def test_an_empty_table_may_be_one_that_cannot_be_seen(
    shop: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    execute(shop.data / "shop.sqlite", "delete from people")
    assert main("sql", ["--check"]) == 1
    told = capsys.readouterr().out
    assert "limited: people: no rows can be seen." in told
    assert "受限: people：看不到任何数据行。" in told
    assert "→ If the table is not empty, the user lacks the right" in told
    assert "ok: orders can be read; rows: 2." in told


def test_a_table_that_is_gone_is_told_beside_the_others(shop: Installation) -> None:
    execute(shop.data / "shop.sqlite", "drop table orders")
    levels = [level for level, _ in findings_of(shop)]
    assert levels == ["ok", "missing", "ok"]
    assert "orders" in findings_of(shop)[1][1]


def test_a_secret_that_is_not_set_stops_the_check(
    shop: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.sources(
        (SHOP + TABLES).replace('url = "sqlite:///{here}/data/shop.sqlite"', 'url_env = "SHOP_URL"')
    )
    monkeypatch.delenv("SHOP_URL", raising=False)
    assert main("sql", ["--check"]) == 2
    told = capsys.readouterr().out
    assert "missing: shop: the environment variable SHOP_URL is not set." in told
    assert "→ 请设置 SHOP_URL" in told


def test_the_client_of_a_kind_may_fail_in_ways_of_its_own(
    shop: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_URL", "sqlite:////nowhere/at-all")
    shop.sources(
        (SHOP + TABLES).replace('url = "sqlite:///{here}/data/shop.sqlite"', 'url_env = "SHOP_URL"')
    )

    def broken(_: object) -> list[object]:
        raise RuntimeError("no answer from sqlite:////nowhere/at-all")

    monkeypatch.setattr(kinds.Kind, "checks", lambda self, source: broken(source))
    source = load_sources(shop.settings).source("shop")
    (finding,) = check_source(source)
    assert finding.message.en == "shop: it cannot be checked: RuntimeError: no answer from ***"
    assert exit_code([finding]) == 2


def test_files_are_listed_and_opened(shop: Installation) -> None:
    shop.sources(
        """
        [[source]]
        system = "shop"
        kind = "files"
        location = "{here}/data"
          [[source.table]]
          name = "orders"
          glob = "orders*.csv"
          [[source.table]]
          name = "people"
          glob = "people*.csv"
        """
    )
    (shop.data / "orders1.csv").write_text("id\n1\n", encoding="utf-8")
    (first, second) = findings_of(shop)
    assert first[0] == "ok" and "files that fit orders*.csv: 1" in first[1]
    assert second[0] == "missing" and "people*.csv" in second[1]


def test_there_is_no_source_of_the_kind(
    shop: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main("files", ["--check"]) == 2
    told = capsys.readouterr().err
    assert 'no source of kind "files"' in told
    assert "没有“files”类型的数据源" in told
    assert main("sql", ["--check", "--system", "other"]) == 2
    assert 'of kind "sql" named "other"' in capsys.readouterr().err


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_tells_how_to_set_it_up_and_which_rights_it_needs(kind: str) -> None:
    place = KINDS[kind].place
    text = (place / "README.md").read_text(encoding="utf-8")
    rights = re.search(r"^(## |\*\*)Rights\b.*?(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    assert rights, f"{place.name}: no section on the rights that are needed"
    assert len(rights[0]) > 100


@pytest.mark.parametrize("kind", KINDS)
def test_the_command_of_each_folder_says_that_there_is_nothing_to_check(
    kind: str,
    shop: Installation,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = KINDS[kind].folder
    shop.sources("")
    monkeypatch.setattr("sys.argv", [folder, "--check"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(f"dagster_project.connectors.{folder}", run_name="__main__")
    assert ended.value.code == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert f'no source of kind "{kind}". dagster_project/connectors/{folder}/README.md' in told.err
    assert f"没有“{kind}”类型的数据源。示例见" in told.err
    named = re.findall(r"dagster_project/connectors/\S+?\.md", told.err)
    assert named and all((REPO_ROOT / name).is_file() for name in named)
    # Without --check nothing is done, and the options are shown.
    monkeypatch.setattr("sys.argv", [folder])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(f"dagster_project.connectors.{folder}", run_name="__main__")
    assert (ended.value.code, "--check" in capsys.readouterr().err) == (2, True)


def test_every_kind_can_be_checked() -> None:
    """A kind whose check or command cannot be imported would fail only when it is needed."""
    for kind in kinds.KINDS.values():
        assert kind.check, kind.name
        assert callable(kinds._imported(kind.check)), kind.name
        assert (kind.place / "__main__.py").is_file(), kind.name


def test_the_command_runs_by_itself(shop: Installation) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dagster_project.connectors.sql_database", "--check"],
        cwd=REPO_ROOT,
        env=process_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "ok: people can be read; rows: 1." in done.stdout

"""A load that is killed loses nothing and doubles nothing; loads of systems run side by side."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dagster_project.connectors import __main__ as command
from dagster_project.connectors import lake
from dagster_project.connectors.lake import Lake, SystemState
from dagster_project.settings import Settings, utc_now
from tests.unit.connectors.loading import Installation, log_line

SOURCE = """
[[source]]
system = "shop"
kind = "access_log"
location = "{here}/data"
glob = "*.log"
"""


class KilledError(BaseException):
    """Stands for the end of the process: nothing catches it."""


def kill(*_: object, **__: object) -> None:
    raise KilledError


def counts(shop: Installation) -> tuple[int, int, int, int]:
    """Landed lines, different lines, receipts, quarantined rows."""
    ((landed, different),) = shop.query("select count(*), count(distinct url) from {shop.requests}")
    ((receipts,),) = shop.query("select count(*) from {ops.receipts} where rows_loaded > 0")
    ((quarantined,),) = shop.query("select count(*) from {ops.quarantined_rows}")
    return landed, different, receipts, quarantined


def break_at(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """Let the process die at a place of the commit."""
    if place == "while packing":
        monkeypatch.setattr(Lake, "_finish", lambda *_: None)
        monkeypatch.setattr(lake, "_write_text", kill)
    elif place == "before landing":
        monkeypatch.setattr(Lake, "_finish", kill)
    elif place == "after landing":
        original: Callable[..., Path] = Path.replace

        def replace(self: Path, target: Path) -> Path:
            if "ops" in Path(target).parts and self.name == "receipts.parquet":
                raise KilledError
            return original(self, target)

        monkeypatch.setattr(Path, "replace", replace)
    elif place == "before the state":
        original_text = lake._write_text

        def write(path: Path, text: str) -> None:
            if path.name == "state.json":
                raise KilledError
            original_text(path, text)

        monkeypatch.setattr(lake, "_write_text", write)


@pytest.mark.parametrize(
    "place", ["while packing", "before landing", "after landing", "before the state"]
)
def test_killed_load_is_finished_or_repeated(shop: Installation, place: str) -> None:
    shop.sources(SOURCE)
    text = "".join(log_line(request=f"GET /{n} HTTP/1.1") for n in range(5)) + "broken\n"
    (shop.data / "a.log").write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        break_at(patch, place)
        with pytest.raises(KilledError):
            shop.load()
    (shop.data / "b.log").write_text(log_line(request="GET /later HTTP/1.1"))
    shop.load()
    landed, different, receipts, quarantined = counts(shop)
    assert (landed, different, quarantined) == (6, 6, 1)
    # Before the intent the load never was; after it both loads have their receipt.
    assert receipts == (1 if place == "while packing" else 2)
    assert shop.load()["requests"].status == "unchanged"
    state = shop.settings.home / "lake" / "state" / "shop"
    assert sorted(path.name for path in state.iterdir()) == ["lock", "state.json"]
    assert not list(shop.settings.raw.rglob("*.partial"))


def test_load_ids_grow_even_if_the_clock_is_set_back(tmp_path: Path) -> None:
    one = Lake(Settings(home=tmp_path), "shop")
    now = utc_now()
    first = one.next_load_id(SystemState(), now)
    assert one.next_load_id(SystemState(last_load_id=first), now) > first
    assert one.next_load_id(SystemState(last_load_id="20990101T000000.000000Z"), now) == (
        "20990101T000000.000001Z"
    )


def test_second_load_of_a_system_waits_and_is_told(
    shop: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.sources(SOURCE)
    (shop.data / "a.log").write_text(log_line())
    monkeypatch.setattr(lake, "LOCK_SECONDS", 0.3)
    with Lake(shop.settings, "shop").locked():
        receipt = shop.load()["requests"]
    assert (receipt.status, receipt.is_transient) == ("failed", True)
    assert "Another load of shop" in receipt.message_en
    assert shop.load()["requests"].status == "loaded"


LOAD_IN_A_PROCESS = """
import sys
from pathlib import Path
from dagster_project.connectors import load_source
from dagster_project.connectors.sources_file import load_sources
from dagster_project.settings import Settings

folder, system = Path(sys.argv[1]), sys.argv[2]
settings = Settings(home=folder / "home", sources=folder / "sources.toml")
(receipt,) = load_source(load_sources(settings).source(system), settings)
sys.exit(receipt.status != "loaded")
"""


def test_systems_load_side_by_side(shop: Installation) -> None:
    shop.sources(SOURCE + SOURCE.replace('"shop"', '"other"'))
    (shop.data / "a.log").write_text(log_line())
    processes = [
        subprocess.Popen([sys.executable, "-c", LOAD_IN_A_PROCESS, str(shop.folder), system])
        for system in ("shop", "other")
    ]
    assert [process.wait() for process in processes] == [0, 0]
    assert shop.query("select count(*) from {ops.receipts}") == [(2,)]


def test_command_tells_what_to_do_and_fails_where_a_table_does(
    shop: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SMH_HOME", str(shop.settings.home))
    monkeypatch.setenv("SMH_SOURCES", str(shop.settings.sources_file))
    assert command.main([]) == 2
    assert "no such file" in capsys.readouterr().err
    shop.sources(SOURCE)
    assert command.main(["--check"]) == 2
    assert "fits *.log" in capsys.readouterr().out
    assert command.main([]) == 1
    assert "Put the file there" in capsys.readouterr().out
    (shop.data / "a.log").write_text(log_line())
    assert command.main(["--check"]) == 0
    assert command.main(["--system", "shop", "--table", "requests"]) == 0
    assert "shop.requests  loaded  1 " in capsys.readouterr().out
    assert command.main(["--system", "nobody"]) == 2
    assert "there are: shop" in capsys.readouterr().err
    assert command.main(["--table", "requests"]) == 2

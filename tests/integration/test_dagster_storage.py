"""Where Dagster keeps its runs: SQLite in the workspace, or PostgreSQL by one setting."""

from __future__ import annotations

import subprocess
from pathlib import Path

import dagster as dg
import pytest

from dagster_project.commands.instance import open_instance, prepare_dagster_home
from dagster_project.settings import Settings, load_settings, process_environment, program

pytestmark = pytest.mark.integration


@dg.op
def nothing() -> None: ...


@dg.job
def trivial() -> None:
    nothing()


def run_is_found_again(settings: Settings) -> bool:
    with open_instance(settings) as instance:
        run_id = trivial.execute_in_process(instance=instance).run_id
    with open_instance(settings) as instance:
        run = instance.get_run_by_id(run_id)
    return run is not None and run.is_success


def databases(settings: Settings) -> list[Path]:
    return list(settings.dagster_home.rglob("*.db"))


def test_default_is_sqlite_in_the_workspace(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    assert run_is_found_again(settings)
    assert databases(settings)


def test_dagsters_own_command_opens_it_from_any_folder(tmp_path: Path) -> None:
    home = prepare_dagster_home(Settings(home=tmp_path))
    done = subprocess.run(
        [program("dagster"), "instance", "info"],
        cwd=tmp_path,
        env=process_environment() | {"DAGSTER_HOME": str(home), "PYTHONPATH": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "PooledSqliteEventLogStorage" in done.stdout


def test_postgresql_by_one_setting(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"postgresql://owner:s3cret%2F%40word@{server}"
    monkeypatch.setenv("SMH_HOME", str(tmp_path))
    monkeypatch.setenv("SMH_DAGSTER_POSTGRES_URL", url)
    settings = load_settings()
    assert run_is_found_again(settings)
    assert not databases(settings)
    configuration = (settings.dagster_home / "dagster.yaml").read_text("utf-8")
    assert "s3cret" not in configuration, "the password must stay in the environment"

"""Settings: defaults, absolute paths, and errors that name the variable."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError

from dagster_project import settings as settings_module
from dagster_project.settings import REPO_ROOT, Settings, SettingsError, load_settings


def test_defaults_need_no_environment() -> None:
    settings = load_settings({})
    assert settings.home == REPO_ROOT / "workspace"
    assert settings.sources_file == settings.home / "sources.toml"
    assert settings.as_of is None
    assert settings.dbt_target == "duckdb"


def test_relative_paths_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings({"SMH_HOME": "here", "SMH_SOURCES": "my.toml"})
    assert settings.home == tmp_path / "here"
    assert settings.sources_file == tmp_path / "my.toml"
    assert settings.warehouse.is_absolute()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SMH_AS_OF", "yesterday"),
        ("SMH_KEEP_VERSIONS", "1"),
        ("SMH_DBT_TARGET", "oracle"),
        ("SMH_DASHBOARD_PORT", "70000"),
        ("SMH_LANGUAGE", "fr"),
    ],
)
def test_unusable_value_is_refused_by_name(variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match=variable) as caught:
        load_settings({variable: value})
    assert value in str(caught.value)


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError):
        Settings().home = Path("elsewhere")  # type: ignore[misc]


def test_dbt_reads_its_folders_relative_to_the_project(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    environment = settings.dbt_environment(date(2026, 6, 30))
    models = (settings.dbt_project / environment["SMH_GENERATED_MODELS"]).resolve()
    assert models == settings.generated_models
    assert (settings.dbt_project / environment["SMH_DBT_SEEDS"]).resolve() == settings.seeds
    assert environment["SMH_AS_OF"] == "2026-06-30"
    # A child process must read the same settings from what dbt is given.
    assert load_settings(environment).seeds == settings.seeds
    assert load_settings(environment).home == settings.home


@pytest.mark.parametrize("repository", ["/smh", "/home/somebody/projects/smh"])
@pytest.mark.parametrize("home", ["/data", "/srv/somebody/smh/home", "/home/somebody/smh-home"])
def test_what_dbt_writes_of_a_model_stays_in_the_target_folder(
    repository: str, home: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings_module, "REPO_ROOT", Path(repository))
    settings = Settings(home=Path(home))
    models = settings.dbt_environment(date(2026, 6, 30))["SMH_GENERATED_MODELS"]
    for folder in ("compiled", "run"):
        written = settings.dbt_artifacts / folder / "sales_migration_health" / models
        assert Path(os.path.normpath(written)).is_relative_to(settings.home / "dbt" / "target")


def test_the_target_folder_of_the_default_home_is_no_deeper_than_dbt_has_it() -> None:
    assert Settings().dbt_artifacts == REPO_ROOT / "workspace" / "dbt" / "target"

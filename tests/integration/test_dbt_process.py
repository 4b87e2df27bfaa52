"""dbt as the pipeline starts it: the results and exit codes of the `dbt` command, no manifest.

And wherever its folders lie, what it writes overwrites nothing.
"""

from __future__ import annotations

import json
import subprocess
from datetime import date
from pathlib import Path

import pytest

from dagster_project import settings as settings_module
from dagster_project.defs import dbt_process
from dagster_project.settings import Settings, process_environment

PROJECT = "name: small\nprofile: small\nflags: {send_anonymous_usage_stats: false}\n"
PROFILES = "small: {target: dev, outputs: {dev: {type: duckdb, path: ':memory:'}}}\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A dbt project of one model, which can be built."""
    (tmp_path / "models").mkdir()
    (tmp_path / "dbt_project.yml").write_text(PROJECT, encoding="utf-8")
    (tmp_path / "profiles.yml").write_text(PROFILES, encoding="utf-8")
    (tmp_path / "models" / "good.sql").write_text("select 1 as i", encoding="utf-8")
    return tmp_path


def run(project: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*dbt_process.COMMAND, *arguments],
        cwd=project,
        env=process_environment()
        | {"DBT_TARGET_PATH": str(project / "target"), "DBT_LOG_PATH": str(project / "logs")}
        | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def statuses(project: Path) -> dict[str, str]:
    record = json.loads((project / "target" / "run_results.json").read_text(encoding="utf-8"))
    return {result["unique_id"]: result["status"] for result in record["results"]}


def test_what_is_built_is_in_the_results_and_no_manifest_is_written(project: Path) -> None:
    built = run(project, "build")
    assert built.returncode == 0, built.stdout + built.stderr
    assert statuses(project) == {"model.small.good": "success"}
    assert (project / "target" / "compiled" / "small" / "models" / "good.sql").exists()
    assert not (project / "target" / "manifest.json").exists()


def test_what_cannot_be_built_is_in_the_results_too(project: Path) -> None:
    (project / "models" / "bad.sql").write_text("select * from nowhere", encoding="utf-8")
    built = run(project, "build")
    assert built.returncode == 1
    assert statuses(project) == {"model.small.good": "success", "model.small.bad": "error"}
    assert "nowhere" in built.stdout


def test_templates_are_compiled_once_and_again_when_they_change(project: Path) -> None:
    def kept() -> dict[str, int]:
        return {
            path.name: path.stat().st_mtime_ns
            for path in (project / "target" / "jinja").rglob("*.cache")
        }

    model = project / "models" / "good.sql"
    compiled = project / "target" / "compiled" / "small" / "models" / "good.sql"
    model.write_text("select {{ 1 + 1 }} as i", encoding="utf-8")
    assert run(project, "build").returncode == 0
    first = kept()
    assert run(project, "build").returncode == 0
    assert first
    assert kept() == first
    assert compiled.read_text(encoding="utf-8") == "select 2 as i"

    model.write_text("select {{ 1 + 2 }} as i", encoding="utf-8")
    assert run(project, "build").returncode == 0
    assert compiled.read_text(encoding="utf-8") == "select 3 as i"
    assert len(kept()) == len(first) + 1


def test_a_secret_stays_out_of_the_log(project: Path) -> None:
    (project / "models" / "told.sql").write_text("select 'open sesame' as i", encoding="utf-8")
    built = run(project, "--debug", "build", DBT_ENV_SECRET_WORD="sesame")
    logged = (project / "logs" / "dbt.log").read_text(encoding="utf-8")
    for text in (built.stdout, logged):
        assert "open *****" in text
        assert "sesame" not in text


@pytest.mark.parametrize(
    ("model", "arguments", "said"),
    [
        ("select * from {{ ref('nowhere') }}", ["build"], "nowhere"),
        ("select 1 as i", ["build", "--no-such-option"], "--no-such-option"),
    ],
)
def test_what_keeps_dbt_from_starting_is_said(
    project: Path, model: str, arguments: list[str], said: str
) -> None:
    (project / "models" / "bad.sql").write_text(model, encoding="utf-8")
    built = run(project, *arguments)
    assert built.returncode == 2
    assert said in built.stdout + built.stderr
    assert not (project / "target" / "run_results.json").exists()


def test_a_generated_model_is_not_overwritten_with_its_sql(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As many folders down to the project as up again from what dbt writes to the home.
    monkeypatch.setattr(settings_module, "REPO_ROOT", tmp_path / "a" / "b" / "c" / "d")
    settings = Settings(home=tmp_path / "home")
    for folder in (settings.dbt_project, settings.generated_models):
        folder.mkdir(parents=True)
    model = settings.generated_models / "made.sql"
    model.write_text("select {{ 1 + 1 }} as i", encoding="utf-8")
    paths = "model-paths: [\"{{ env_var('SMH_GENERATED_MODELS') }}\"]\n"
    (settings.dbt_project / "dbt_project.yml").write_text(PROJECT + paths, encoding="utf-8")
    (settings.dbt_project / "profiles.yml").write_text(PROFILES, encoding="utf-8")

    built = run(settings.dbt_project, "build", **settings.dbt_environment(date(2026, 6, 30)))

    assert built.returncode == 0, built.stdout + built.stderr
    assert model.read_text(encoding="utf-8") == "select {{ 1 + 1 }} as i"
    written = (settings.home / "dbt" / "target").rglob("made.sql")
    assert any("select 2 as i" in path.read_text(encoding="utf-8") for path in written)

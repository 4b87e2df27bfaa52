"""The doctor: each finding on a well and on an ill installation."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import duckdb
import pytest

from dagster_project.commands import doctor
from dagster_project.settings import REPO_ROOT, Settings


def levels(findings: object) -> list[str]:
    return [finding.level for finding in findings]  # type: ignore[attr-defined]


def test_lock_as_installed_is_ok() -> None:
    assert levels(doctor.examine_lock(REPO_ROOT / "requirements.lock")) == ["ok", "ok"]


def test_package_that_differs_from_the_lock_is_named(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text("pytest==0.0.1 \\\n    --hash=sha256:00\nabsent-package==1.0\n", "utf-8")
    finding = list(doctor.examine_lock(lock))[-1]
    assert finding.level == "problem"
    assert "pytest" in finding.text and "absent-package absent instead of 1.0" in finding.text
    assert "make clean setup" in finding.remedy


def test_sources_file_absent_broken_and_good(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    assert levels(doctor.examine_sources(settings)) == ["note"]
    settings.sources_file.write_text("[[source]\n", "utf-8")
    (finding,) = doctor.examine_sources(settings)
    assert finding.level == "problem" and "sources.toml" in finding.text
    settings.sources_file.write_text(
        '[[source]]\nsystem = "a"\nkind = "files"\nlocation = "{here}"\n'
        '[[source.table]]\nname = "t"\nglob = "*.csv"\n',
        "utf-8",
    )
    assert levels(doctor.examine_sources(settings)) == ["ok"]


def test_stale_manifest_is_noticed(tmp_path: Path) -> None:
    seeds = tmp_path / "seeds"
    seeds.mkdir()
    rule = seeds / "rule.csv"
    rule.write_text("a\n1\n", "utf-8")
    settings = Settings(home=tmp_path, seeds=seeds)
    assert levels(doctor.examine_manifest(settings)) == ["note"]
    manifest = settings.dbt_artifacts / "manifest.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text("{}", "utf-8")
    assert levels(doctor.examine_manifest(settings)) == ["ok"]
    later = manifest.stat().st_mtime + 60
    os.utime(rule, (later, later))
    (finding,) = doctor.examine_manifest(settings)
    assert finding.level == "note" and "rule.csv" in finding.text and "prepare" in finding.remedy


def test_warehouse_in_use_is_told_from_a_free_one(tmp_path: Path) -> None:
    warehouse = tmp_path / "warehouse.duckdb"
    assert levels(doctor.examine_warehouse(warehouse)) == ["note"]
    duckdb.connect(str(warehouse)).close()
    assert levels(doctor.examine_warehouse(warehouse)) == ["ok"]
    warehouse.write_bytes(b"no database at all" * 1000)
    (finding,) = doctor.examine_warehouse(warehouse)
    assert finding.level == "note" and finding.remedy


def test_taken_port_is_told_from_a_free_one() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        assert levels(doctor.examine_port("127.0.0.1", port)) == ["note"]
    assert levels(doctor.examine_port("127.0.0.1", port)) == ["ok"]


def test_exit_code_says_whether_there_is_a_problem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(home=tmp_path)
    assert doctor.doctor(settings) == 0
    settings.sources_file.write_text("nonsense", "utf-8")
    assert doctor.doctor(settings) == 1
    assert "1 problems" in capsys.readouterr().out

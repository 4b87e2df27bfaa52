"""What may import what, and who may read the environment: rules that a reviewer would forget."""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from dagster_project.settings import REPO_ROOT

PACKAGES = ("dagster_project", "streamlit_app", "expectations")
# folder → packages that nothing in it may import, with the reason
FORBIDDEN = {
    "dagster_project/connectors": (
        {"dagster", "dagster_dbt", "dagster_dlt"},
        "run without Dagster",
    ),
    "dagster_project/mapping": ({"dagster", "dagster_dbt"}, "run without Dagster"),
    "dagster_project/worklists": ({"dagster", "dbt", "streamlit"}, "serve pages and pipeline"),
    "dagster_project/publishing": ({"dagster", "dbt", "great_expectations"}, "read by the pages"),
    "streamlit_app": ({"dagster", "dbt", "great_expectations", "dlt", "sqlmesh"}, "start quickly"),
}


def modules(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)


def imported(source: str) -> set[str]:
    """Top-level names of everything that ``source`` imports, wherever it stands."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


def reads_environment(source: str) -> bool:
    return bool(re.search(r"\bos\.(environ|getenv)\b|from os import .*environ", source))


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_layers_import_only_what_they_may(folder: str) -> None:
    banned, reason = FORBIDDEN[folder]
    paths = list(modules(REPO_ROOT / folder))
    assert paths, f"{folder} holds no module: has it moved?"
    offenders = {
        str(path.relative_to(REPO_ROOT)): sorted(found)
        for path in paths
        if (found := imported(path.read_text(encoding="utf-8")) & banned)
    }
    assert not offenders, f"{folder} must {reason}"


def test_only_settings_reads_the_environment() -> None:
    readers = {
        str(path.relative_to(REPO_ROOT))
        for package in PACKAGES
        for path in modules(REPO_ROOT / package)
        if reads_environment(path.read_text(encoding="utf-8"))
    }
    assert readers == {"dagster_project/settings.py"}


def test_the_rules_themselves_find_offenders() -> None:
    assert imported("def f():\n    import dagster.core as d\n") == {"dagster"}
    assert imported("from dagster_dbt import dbt_assets") == {"dagster_dbt"}
    assert imported("from . import neighbour") == set()
    assert reads_environment("import os\nx = os.environ['A']")
    assert not reads_environment("import os\nos.replace('a', 'b')")


def test_compiled_sqlglot_is_absent() -> None:
    """SQLMesh dies with it: interpreted classes cannot inherit from compiled ones."""
    assert importlib.util.find_spec("sqlglotc") is None
    for lock in ("requirements.lock", "requirements-spark.lock"):
        text = (REPO_ROOT / lock).read_text(encoding="utf-8")
        assert not re.search(r"^sqlglot(c|rs)==", text, re.M)
        assert "http" not in re.sub(r"(?m)^\s*#.*$|^[\w.-]*http\w*==.*$", "", text)


def test_dbt_and_seeds_are_no_python_packages() -> None:
    """SQLMesh and dbt take a folder with ``__init__.py`` for something else."""
    for folder in ("dbt", "seeds"):
        assert not list((REPO_ROOT / folder).rglob("__init__.py"))

"""Models rendered for DuckDB without dbt: ``ref`` is a table of the same name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment

from dagster_project.settings import REPO_ROOT

MACROS = ("portable.sql", "project.sql", "statistics.sql")


@pytest.fixture(scope="session")
def render() -> Callable[[str], str]:
    """SQL of a model by its path below dbt/models."""
    source = "".join(
        (REPO_ROOT / "dbt" / "macros" / name).read_text(encoding="utf-8") for name in MACROS
    )

    class Adapter:
        def dispatch(self, name: str, package: str) -> Any:
            return lambda *args: getattr(module, f"default__{name}")(*args)

    environment = Environment(extensions=["jinja2.ext.do"])
    environment.globals.update(
        adapter=Adapter(),
        ref=lambda name: name,
        var=lambda name, default=None: "2026-06-30" if name == "as_of" else default,
        config=lambda **_: "",
        execute=False,
    )
    environment.globals["return"] = lambda value: value
    module: Any = environment.from_string(source).module
    environment.globals.update(
        {name: getattr(module, name) for name in dir(module) if not name.startswith("_")}
    )
    models = REPO_ROOT / "dbt" / "models"
    return lambda path: environment.from_string(
        (models / Path(path)).read_text(encoding="utf-8")
    ).render()

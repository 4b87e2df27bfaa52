"""Demo companies for the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dagster_project.demo_company import build
from tests.unit.demo_company.company import Company, read_company


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Company:
    home = tmp_path_factory.mktemp("small")
    build("small", home)
    return read_company(home)


@pytest.fixture
def make_tiny(tmp_path: Path) -> Callable[..., Company]:
    """Makes a tiny company in a folder of its own."""

    def make(name: str = "tiny", **options: Any) -> Company:
        home = tmp_path / name
        build("tiny", home, **options)
        return read_company(home)

    return make

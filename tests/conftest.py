"""What every run of the tests has: options, and the longest files first."""

from __future__ import annotations

import pytest

LONGEST = (
    "warehouse/test_spark.py",
    "integration/test_demo_pipeline.py",
    "warehouse/test_sqlmesh_plan.py",
    "integration/test_dbt_tests.py",
    "browser/test_dashboard.py",
    "integration/test_real_data.py",
    "browser/test_intent_pages.py",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--spark-size",
        choices=["tiny", "small"],
        default="tiny",
        help="demo company on which Spark and DuckDB are compared",
    )


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files begin first, so that no core waits for the other's last one."""

    def place(item: pytest.Item) -> int:
        name = item.path.as_posix()
        return next((i for i, file in enumerate(LONGEST) if name.endswith(file)), len(LONGEST))

    items.sort(key=place)

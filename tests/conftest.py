"""The longest files begin first, so that no core waits for the other's last one."""

from __future__ import annotations

import pytest

LONGEST = (
    "integration/test_demo_pipeline.py",
    "warehouse/test_sqlmesh_plan.py",
    "integration/test_dbt_tests.py",
    "browser/test_dashboard.py",
    "integration/test_real_data.py",
    "browser/test_health_pages.py",
    "browser/test_intent_pages.py",
    "warehouse/test_web_days.py",
    "warehouse/test_portability.py",
    "systems/test_business_databases.py",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        name = item.path.as_posix()
        return next((i for i, file in enumerate(LONGEST) if name.endswith(file)), len(LONGEST))

    items.sort(key=place)

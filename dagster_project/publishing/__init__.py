"""Published versions: immutable, switched atomically, read without locks.

Importing this package is light (standard library, duckdb, settings). The writer's functions are
loaded on first use because they need pyarrow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dagster_project.publishing.reader import (
    VersionInfo,
    current_version,
    open_version,
    publishing_status,
    renew_lease,
    version_info,
)
from dagster_project.publishing.storage import (
    HoldBackReason,
    PublishingError,
    Status,
    VersionNotFoundError,
)

if TYPE_CHECKING:
    from dagster_project.publishing.publisher import (
        Part,
        PublishedVersion,
        VersionEntry,
        hold_back,
        list_versions,
        publish,
        rollback,
    )

_WRITER = (
    "Part",
    "PublishedVersion",
    "VersionEntry",
    "hold_back",
    "list_versions",
    "publish",
    "rollback",
)

__all__ = [
    "HoldBackReason",
    "Part",
    "PublishedVersion",
    "PublishingError",
    "Status",
    "VersionEntry",
    "VersionInfo",
    "VersionNotFoundError",
    "current_version",
    "hold_back",
    "list_versions",
    "open_version",
    "publish",
    "publishing_status",
    "renew_lease",
    "rollback",
    "version_info",
]


def __getattr__(name: str) -> Any:
    if name in _WRITER:
        from dagster_project.publishing import publisher

        return getattr(publisher, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""dbt's command line as a Dagster resource, without two things that nobody here asks for."""

# Pydantic reads the annotations of the resource: no postponed annotations here.
import importlib.metadata
from collections.abc import Sequence
from functools import cached_property

from dagster_dbt import DbtCliResource
from packaging.version import Version, parse


class DbtCommand(DbtCliResource):
    """Starts dbt at once.

    dagster-dbt first asks ``dbt --version`` in a process of its own and then parses dbt's own
    macros for a handle to the warehouse, with which it could count rows: 6 CPU seconds before every
    build. The version is known from the installed package, and the handle would open the file that
    only dbt may write.
    """

    @cached_property
    def _cli_version(self) -> Version:
        return parse(importlib.metadata.version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> None:  # type: ignore[override]
        return None

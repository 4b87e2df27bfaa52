"""Compiles the rule tables in seeds/ to staging and canonical dbt models."""

from dagster_project.mapping.compiler import MappingReport, compile_mapping
from dagster_project.mapping.rows import MappingError

__all__ = ["MappingError", "MappingReport", "compile_mapping"]

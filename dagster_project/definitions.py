"""The one Dagster code location: everything from source system to published version.

Building the definitions reads three small things and runs nothing: the sources file, the rule
tables' compiled form and dbt's manifest, both made beforehand by
``python -m dagster_project prepare`` (``make run`` and ``make dev`` do it).
"""

from __future__ import annotations

import dagster as dg

from dagster_project.defs.build import build_definitions
from dagster_project.settings import load_settings

defs: dg.Definitions = build_definitions(load_settings())

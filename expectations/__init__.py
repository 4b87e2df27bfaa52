"""Expectations of landed tables and of marts, as declarative suites (``suites/*/*.yml``)."""

from __future__ import annotations

from expectations.definitions import Check, DefinitionError, Suite, load_suites

__all__ = ["Check", "DefinitionError", "Suite", "load_suites"]

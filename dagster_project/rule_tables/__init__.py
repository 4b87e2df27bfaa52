"""Checks the rule tables that no mapping needs: metrics, thresholds, funnel stages, codes."""

from dagster_project.rule_tables.checks import RuleTableError, check_rule_tables

__all__ = ["RuleTableError", "check_rule_tables"]

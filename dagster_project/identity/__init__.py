"""Estimates the match weights by which rows of several systems are linked.

Scoring is SQL in dbt (``dbt/macros/customer.sql``) from the rows of
``seeds/identity_match_weight.csv``; this package estimates those rows with Splink from what the
warehouse holds.
"""

from dagster_project.identity.training import TrainingError, TrainingReport, train

__all__ = ["TrainingError", "TrainingReport", "train"]

"""What the pipeline writes about itself (lake/raw/ops), as dbt sources."""

from __future__ import annotations

OPERATIONS = "ops"
OPERATIONS_TABLES = ("receipts", "quarantined_rows", "check_results")

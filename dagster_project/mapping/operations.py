"""What the pipeline writes about itself, and people on the worklists (lake/raw/ops)."""

from __future__ import annotations

OPERATIONS = "ops"
OPERATIONS_TABLES = (
    "receipts",
    "quarantined_rows",
    "removed_rows",
    "schema_changes",
    "check_results",
    "worklist_actions",
)

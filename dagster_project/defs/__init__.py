"""Thin Dagster definitions: every box an asset, every check an asset check, no rule of its own."""

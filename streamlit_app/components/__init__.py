"""Pieces of a page: they draw what the data layer answered."""

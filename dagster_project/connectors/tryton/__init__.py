"""Tryton, read from its PostgreSQL database; see README.md."""

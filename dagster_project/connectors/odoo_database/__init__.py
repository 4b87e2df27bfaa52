"""Odoo, read from its database (PostgreSQL); see README.md."""

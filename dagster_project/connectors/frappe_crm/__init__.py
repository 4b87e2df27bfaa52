"""Frappe CRM over its REST interface; see README.md beside this file."""

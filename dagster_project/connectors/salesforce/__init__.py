"""Salesforce through simple-salesforce; see reader.py."""

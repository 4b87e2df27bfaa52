"""Odoo over JSON-RPC, through OdooRPC; see reader.py."""

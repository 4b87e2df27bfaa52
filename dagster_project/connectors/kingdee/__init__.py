"""Kingdee K/3 Cloud (金蝶云星空) through Kingdee's own SDK; see reader.py."""

"""Web-server access logs; every line is landed exactly once. See README.md beside this file."""

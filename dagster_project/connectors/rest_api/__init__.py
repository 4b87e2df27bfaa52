"""Any REST interface, described in the sources file; see README.md beside this file."""

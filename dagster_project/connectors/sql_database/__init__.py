"""SQL databases through SQLAlchemy; see reader.py."""

"""Files of any exporter; see reader.py."""

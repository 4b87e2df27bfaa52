"""The dashboard: reads one published version per page run and never writes."""

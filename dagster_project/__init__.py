"""Sales migration health: orchestration, connectors and publishing."""

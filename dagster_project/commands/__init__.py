"""What `python -m dagster_project …` and the Makefile's targets do."""

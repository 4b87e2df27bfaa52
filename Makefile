# Every target is one plain command that also works without make; see README.md.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
RUN := $(BIN)/python -m dagster_project
SIZE ?= small
SERVE ?= 1
SYSTEMS ?= $(HOME)/.cache/sales-migration-health/systems
ENV ?= dev
export DAGSTER_DISABLE_TELEMETRY := 1
ifdef SOURCES
export SMH_SOURCES := $(abspath $(SOURCES))
endif
ifdef HOME_DIR
export SMH_HOME := $(abspath $(HOME_DIR))
endif

.DEFAULT_GOAL := help
.PHONY: help setup demo run backfill dev dashboard test test-spark test-systems check format plan rollback doctor bench bench-web bench-sql bench-indices screenshots clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

setup: $(VENV)/.installed ## Create the virtual environment with the locked packages

# The lock is complete, so nothing is resolved again: --no-deps also keeps out the compiled
# sqlglot that breaks SQLMesh.
$(VENV)/.installed: requirements.lock Makefile
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed: install it, or pass PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@# The commands of dagster, dbt and streamlit find this project's modules from any folder.
	@$(BIN)/python -c "import pathlib, sysconfig; pathlib.Path(sysconfig.get_path('purelib'), 'sales_migration_health.pth').write_text('$(CURDIR)\n')"
	@touch $@

demo: setup ## Create the demo company, run the pipeline, publish, serve (SERVE=0: stop after publishing)
	@$(RUN) demo --size $(SIZE) $(if $(filter 0,$(SERVE)),--no-serve,)

run: setup ## Run the pipeline on your own sources: make run SOURCES=my_sources.toml
	@$(RUN) run

backfill: setup ## Compute days of the web models again: make backfill FROM=2026-06-01 TO=2026-06-03
	@$(RUN) backfill --from $(FROM) --to $(TO)

dev: setup ## Open the Dagster UI with schedules and sensors
	@$(RUN) dev

dashboard: setup ## Serve the dashboard on the last published version
	@$(RUN) dashboard

test: setup ## Run every test that the machine allows; others skip with their reason
	$(BIN)/python -m pytest -m "not systems and not spark" --numprocesses 2 --dist loadfile --no-loadscope-reorder

test-spark: setup ## Build the project on a Spark cluster on loopback and compare with DuckDB
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-spark.lock
	$(BIN)/python -m pytest -m spark tests/warehouse

test-systems: setup ## Run the long tests: real systems, kept in SYSTEMS, the small demo, random histories
	$(BIN)/python -m pytest -m systems --systems $(SYSTEMS) --numprocesses 2 --dist loadfile tests/systems tests/integration

check: setup ## Lint and type-check: quiet means clean
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/sqlfluff lint --processes 2 --disable-progress-bar -q dbt/models dbt/tests

format: setup ## Format Python and SQL
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format .

plan: setup ## Show what an edit of a model or rule changes: make plan ENV=name
	@$(RUN) plan --env $(ENV)

rollback: setup ## Serve the version before the current one
	@$(RUN) rollback

doctor: setup ## Check versions, paths, locks and stale files, with remedies
	@$(RUN) doctor

bench: setup ## Print CPU seconds, rows and peak memory per step
	@$(BIN)/python -m tests.benchmarks.pipeline

bench-web: setup ## Print what reading, modelling and refreshing web logs cost, with ratios
	@$(BIN)/python -m tests.benchmarks.web_logs

bench-sql: setup ## Print what reading a PostgreSQL table costs, beside plain connectorx
	@$(BIN)/python -m tests.benchmarks.sql_reading

bench-indices: setup ## Print what a daily increment of the relationship indices costs, beside one scan
	@$(BIN)/python -m tests.benchmarks.relationship_indices

bench-pages: setup ## Print how fast the first page answers 20 readers while versions are published
	@$(BIN)/python -m tests.benchmarks.pages

screenshots: setup ## Take the README's screenshots from the running demo
	@$(BIN)/python docs/screenshots.py

clean: ## Remove the virtual environment and all data of the default workspace
	rm -rf $(VENV) workspace

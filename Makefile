# Two commands matter: `make up` runs the product, `make test` proves it.
# They need Python 3.11 or newer and a package index, nothing else.
PYTHON ?= python3
# Processes that run tests: more than cores, because some tests wait. What `make e2e` starts needs all of two cores.
WORKERS ?= 3
e2e: WORKERS = 2
VENV   := .venv
SUPERSET := .venv-superset
BIN    := $(VENV)/bin
APP    := $(BIN)/appanalytics
LOCKS  := requirements/bootstrap.txt requirements/run.txt requirements/dev.txt pyproject.toml
export PYTHONUTF8 = 1
# Tests and parts start hundreds of processes; each would compile the product anew.
export PYTHONDONTWRITEBYTECODE =

.PHONY: help setup setup-dev airflow-venv superset-venv telemelya-venv up down test coverage e2e wheel conformance lint types check bench docs locks clean

help:  ## Show this list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /\1\t/' | expand -t 12

setup: $(VENV)/.run  ## Make .venv with the command line in .venv/bin/appanalytics
setup-dev: $(VENV)/.dev  ## The same with the tools of development

$(VENV)/.uv: requirements/bootstrap.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "AppAnalytics needs Python 3.11 or newer; try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	@echo "Setting up $(VENV) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@touch $@

# Hashes are checked for every package; bytecode is compiled now so that the first command is fast.
$(VENV)/.run: $(VENV)/.uv requirements/run.txt pyproject.toml
	@test -f $(VENV)/.dev || $(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes -r requirements/run.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.uv requirements/dev.txt pyproject.toml
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes -r requirements/dev.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

airflow-venv: .venv-airflow/.made  ## Make the environment of Airflow

.venv-airflow/.made: $(VENV)/.uv requirements/airflow.txt pyproject.toml
	@echo "Setting up .venv-airflow …"
	@test -x .venv-airflow/bin/python || $(PYTHON) -m venv --without-pip .venv-airflow
	@$(BIN)/uv pip install --quiet --python .venv-airflow/bin/python --compile-bytecode --require-hashes -r requirements/bootstrap.txt
	@$(BIN)/uv pip install --quiet --python .venv-airflow/bin/python --compile-bytecode --require-hashes -r requirements/airflow.txt
	@$(BIN)/uv pip install --quiet --python .venv-airflow/bin/python --no-deps --no-build-isolation --editable .
	@touch $@

superset-venv: $(SUPERSET)/.done  ## Make Superset's own environment from its lock

$(SUPERSET)/.done: $(VENV)/.uv requirements/superset.txt
	@echo "Setting up $(SUPERSET) …"
	@test -x $(SUPERSET)/bin/python || $(PYTHON) -m venv --without-pip $(SUPERSET)
	@$(BIN)/uv pip install --quiet --python $(SUPERSET)/bin/python --compile-bytecode --require-hashes -r requirements/superset.txt
	@touch $@

telemelya-venv: .venv-telemelya/.made  ## Make the environment of a Bot API that others wrote, for tests

.venv-telemelya/.made: $(VENV)/.uv requirements/telemelya.txt
	@echo "Setting up .venv-telemelya …"
	@test -x .venv-telemelya/bin/python || $(PYTHON) -m venv --without-pip .venv-telemelya
	@$(BIN)/uv pip install --quiet --python .venv-telemelya/bin/python --require-hashes -r requirements/telemelya.txt
	@touch $@

up: setup airflow-venv superset-venv  ## Start everything on this machine: server with the demo, live events, Superset, Airflow; or your own files: DATA=folder; or over your ClickHouse: WAREHOUSE=http://…
	@$(if $(WAREHOUSE),test -f appanalytics.toml || $(APP) init --warehouse "$(WAREHOUSE)" --yes)
	@$(APP) up $(if $(DATA),--data "$(DATA)")

down: setup  ## Stop all parts; the data stay
	@$(APP) down

test: setup-dev  ## Run all tests
	@$(BIN)/pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder --ignore=tests/e2e --durations=15 --durations-min=5

coverage: setup-dev superset-venv airflow-venv telemelya-venv  ## Run all tests, e2e too; tell the branches none of them took
	@rm -f .coverage .coverage.*
	@$(BIN)/pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder --ignore=tests/e2e --cov --cov-report=
	@$(BIN)/pytest -q -n 2 --dist loadfile -m e2e --cov --cov-append --cov-report= tests/e2e
	@$(BIN)/coverage report
	@$(BIN)/python -m tests.branches

e2e: setup-dev superset-venv airflow-venv telemelya-venv  ## Run real Superset, Airflow, Postgres and a browser (Debian's chromium) against a demo
	@$(BIN)/pytest -q -n $(WORKERS) --dist loadfile -m e2e --durations=15 --durations-min=5 tests/e2e

wheel: setup-dev  ## Build the wheel, install it in an environment of its own, and use it there
	@rm -rf dist .venv-wheel && $(BIN)/python -m hatchling build -t wheel >/dev/null
	@$(PYTHON) -m venv --without-pip .venv-wheel
	@$(BIN)/uv pip install --quiet --python .venv-wheel/bin/python --require-hashes -r requirements/run.txt
	@$(BIN)/uv pip install --quiet --python .venv-wheel/bin/python --no-deps dist/*.whl
	@.venv-wheel/bin/python tests/wheel.py
	@rm -rf .venv-wheel

conformance: setup-dev  ## Run the clients' own suites: SUITE=<checkout of clickhouse-connect or clickhouse-js>
	@$(BIN)/python -m tests.conformance $(SUITE)

lint: setup-dev  ## Style of the code
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: setup-dev  ## Static types
	@$(BIN)/mypy

check: lint types test  ## Everything that a commit must pass

bench: setup-dev  ## Measure speed and size; writes benchmarks/RESULTS.md
	@$(BIN)/python -m benchmarks

docs: setup-dev  ## Write the generated pages of docs/ again
	@$(BIN)/python -m docs.generate

locks: $(VENV)/.uv  ## Choose newest versions and pin them with hashes
	@pin() { $(abspath $(BIN))/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
	    --no-emit-index-url "$$@"; }; cd requirements && \
	  pin bootstrap.in -o bootstrap.txt && \
	  pin ../pyproject.toml --extra all -o run.txt && \
	  pin ../pyproject.toml --extra all --group ../pyproject.toml:dev -o dev.txt && \
	  pin ../pyproject.toml airflow.in --extra all -o airflow.txt && \
	  pin superset.in -o superset.txt && pin telemelya.in -o telemelya.txt && \
	  pin sqlalchemy14.in -o sqlalchemy14.txt && pin sqlalchemy2.in -o sqlalchemy2.txt

clean:  ## Stop everything; remove the data folder (demo, reports, parts), environments and caches
	@test ! -x $(APP) || $(APP) down
	@rm -rf data $(VENV) $(SUPERSET) .venv-airflow .venv-telemelya .venv-wheel .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage* dist

# The commands of this project. `make help` lists them. PYTHON=python3.12 chooses another Python and
# builds .venv anew with it where .venv has another one.
PYTHON ?= $(if $(wildcard .venv/bin/python),.venv/bin/python,python3)
BIN := .venv/bin
DEMO ?= all
MAKEFLAGS += --no-print-directory

.DEFAULT_GOAL := help
.PHONY: help setup demo up down test pictures lint lock bench faults docs clean runtime bench-peers bench-drift bench-serving

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup:  ## make .venv with everything that tests and linters need
	@$(PYTHON) local/bootstrap.py dev

runtime:
	@$(PYTHON) local/bootstrap.py demo

demo: runtime  ## retrain, watch a storm come, promote, roll back, serve, in a real Airflow (DEMO=retrain|drift|promotion|serving|all)
	@$(BIN)/python -m local.demo "$(DEMO)"

up: runtime  ## start Airflow and both APIs and leave them running
	@$(BIN)/python -m local.up

down:  ## stop what `make up` or a killed demo left running
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m local.down; else echo "nothing was installed, so nothing runs"; fi

test: setup  ## run all tests (PostgreSQL is embedded, Airflow is real)
	@$(BIN)/python -m pytest

pictures: setup  ## pictures of the pages: the README's in docs/pictures, all of them in .pictures (needs Chromium)
	@GOVERNANCE_PICTURES=docs $(BIN)/python -m pytest -n0 tests/browser

lint: setup  ## ruff, mypy strict, import contracts, line budget
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m local.line_budget

lock: setup  ## compile the lock files from pyproject.toml (UPGRADE=1 takes newer versions)
	@$(BIN)/python -m local.lock $(if $(UPGRADE),--upgrade)

bench: setup  ## measure, beside the peers that are installed
	@for file in benchmarks/[a-z]*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

bench-drift: setup  ## measure drift at its full size, beside the peers that are installed (SIZE=S: under a minute)
	@$(BIN)/python benchmarks/drift.py --size $(or $(SIZE),M) $(if $(SIZE),,--fleet 1000)

bench-serving: setup  ## measure predictions over HTTP beside the peers that are installed; needs wrk (apt-get install wrk)
	@$(BIN)/python benchmarks/serving.py $(if $(JSON),--json)

bench-peers: setup  ## install what is measured beside ours, each in its own environment under .bench/
	@for peer in mlflow evidently nannyml; do \
	  $(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python .bench/$$peer || exit 1; \
	  $(BIN)/uv pip sync --quiet --require-hashes --python .bench/$$peer/bin/python benchmarks/peers/$$peer.txt || exit 1; \
	done

WHOLE_PLAN = tests/faults tests/evidence/drift/test_false_alarm_budget.py \
  tests/policy/promotion/test_false_promotions.py \
  tests/evidence/drift/test_a_winter_of_flights.py tests/docs/test_a_winter_of_flights.py \
  tests/api/test_schema_attack.py tests/serving/test_schema_attack.py tests/installation

faults: setup  ## the whole fault plan, forty simulated months, a whole winter, a long attack on the APIs; `make test` runs a sample
	@GOVERNANCE_FAULTS=full $(BIN)/python -m pytest $(WHOLE_PLAN)

docs: setup  ## generate the reference pages from the code
	@$(BIN)/python -m local.reference

clean: down  ## remove the environment, the demo's state and caches
	rm -rf .venv .airflow .governance .bench .pictures .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache build dist

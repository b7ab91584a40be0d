# Each target does all its own set-up, from Python 3.10 or newer alone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup swarm test check clean

help:  ## What can be done here
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.run  ## Install edge_infer into .venv

swarm: $(VENV)/.run  ## Fly five simulated drones; ARGS="--drones 3 --duration 60"
	@$(BIN)/edge-infer swarm $(ARGS)

test: $(VENV)/.test  ## Run the tests; ARGS="-k runtime"
	$(BIN)/python -m pytest $(ARGS)

check: $(VENV)/.test  ## Lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:  ## Remove what these targets made
	rm -rf $(VENV) build install log .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip

$(VENV)/.run: setup.py pyproject.toml | $(BIN)/python
	@echo "Installing edge_infer into $(VENV) (about a minute) ..." >&2
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.test: $(VENV)/.run
	@echo "Installing what the tests need into $(VENV) ..." >&2
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test,check,bench]'
	@touch $@

# Each target does all its own set-up, from Python 3.10 or newer alone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
# Tests of one file stay together: they share what is dear to make.
SIDE_BY_SIDE ?= -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help setup setup-train swarm test soak fuzz check model clean

help:  ## What can be done here
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.run  ## Install edge_infer into .venv

swarm: $(VENV)/.run  ## Fly five simulated drones; ARGS="--drones 3 --duration 60"
	@$(BIN)/edge-infer swarm $(ARGS)

test: $(VENV)/.test  ## Run the tests; ARGS="-k runtime"
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) $(ARGS)

soak: $(VENV)/.run  ## Fly simulated fleets until stopped; ARGS="--seed 7" flies one again
	@$(BIN)/python test/fleet/soak.py $(ARGS)

UPDATES := test/unit/updates
fuzz: $(VENV)/.run  ## Feed updates that are mutated; ARGS="--mutations 1000000 --seed 7"
	@PYTHONPATH=$(UPDATES)/packages:$(UPDATES)/slots:$(UPDATES)/transfer:$(UPDATES)/trust \
	  $(BIN)/python $(UPDATES)/fuzz.py $(ARGS)

check: $(VENV)/.test  ## Lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

setup-train: $(VENV)/.train  ## Install what training a model needs, too (PyTorch)

# What the shipped model was made with; PROCESSES is the number of cores.
MODULES ?= modules.npz
RUNS ?= runs
PROCESSES ?= 2
TRAIN = $(BIN)/edge-infer train
ON = --data $(MODULES) --processes $(PROCESSES)
model: $(VENV)/.train  ## Train the shipped model again; MODULES=path/to/modules.npz
	$(TRAIN) run --part finder $(ON) --out $(RUNS)/finder --steps 4000 --evaluate-every 400
	$(TRAIN) run --part classifier $(ON) --out $(RUNS)/classifier --size 32,64,128,0,1,1 \
	  --steps 22000 --evaluate-every 500
	$(TRAIN) prune $(ON) --start $(RUNS)/classifier --teacher $(RUNS)/classifier --keep 0.5 \
	  --out $(RUNS)/pruned --steps 6000 --evaluate-every 500
	$(TRAIN) qat $(ON) --start $(RUNS)/pruned --teacher $(RUNS)/classifier --out $(RUNS)/rounded \
	  --steps 500 --evaluate-every 100
	$(TRAIN) export --data $(MODULES) --finder $(RUNS)/finder --classifier $(RUNS)/rounded \
	  --out edge_infer/models/shipped/solar_thermal --name solar_thermal --version 0.5.0 --release 5

clean:  ## Remove what these targets made
	rm -rf $(VENV) build install log .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip

$(VENV)/.run: setup.py pyproject.toml | $(BIN)/python
	@echo "Installing edge_infer into $(VENV) (about a minute) ..." >&2
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.train: $(VENV)/.run
	@echo "Installing what training needs into $(VENV) (some minutes) ..." >&2
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[train,train-tflite,tflite]'
	@touch $@

$(VENV)/.test: $(VENV)/.run
	@echo "Installing what the tests need into $(VENV) ..." >&2
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test,check,bench]'
	@touch $@

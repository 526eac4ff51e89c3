# make demo        set up .venv, run the study `quickstart`: six models on the embedded data set
# make test        set up .venv, check style, types, imports, and run the tests
# make test-slow   the tests that take minutes
# make bench       speed beside packed sequences, padding and Flax: half an hour on 2 idle cores
# TORCH_INDEX=URL  take torch from this package index instead of the default one

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TORCH_INDEX ?=
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

# tests that need the real archives look for them here, and are skipped where there are none
RNNLAB_DATA ?= $(abspath $(wildcard ../shared/data))
PYTEST := RNNLAB_DATA="$(RNNLAB_DATA)" $(BIN)/python -m pytest

.PHONY: demo test test-slow bench check clean

demo: $(VENV)/.core
	$(BIN)/rnnlab study quickstart --report

test: check
	$(PYTEST) -m "not slow"

test-slow: $(VENV)/.dev
	$(PYTEST) -m slow

bench: $(VENV)/.core
	$(PIP) --editable '.[jax]'
	$(BIN)/rnnlab bench

check: $(VENV)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/basedpyright
	$(BIN)/lint-imports

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "rnnlab needs Python 3.11 or newer; name one: make PYTHON=python3.11 ..."; exit 2; }
	$(PYTHON) -m venv $(VENV)

# torch comes first and without its dependencies, so that TORCH_INDEX applies to it alone
$(VENV)/.torch: $(VENV)/bin/python constraints.txt
	$(PIP) $(if $(TORCH_INDEX),--no-deps --index-url $(TORCH_INDEX)) torch
	@touch $@

# with a C compiler this also builds the recurrent kernel
$(VENV)/.core: $(VENV)/.torch pyproject.toml setup.py $(wildcard src/rnnlab/nn/kernels/*.[ch])
	$(PIP) --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.core
	$(PIP) --editable '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .hypothesis

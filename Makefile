# Each target is enough by itself: it makes .venv, installs the pinned packages and goes.
PYTHON ?= python3
BIN := .venv/bin
# A path with letters beyond ASCII must not stop Python under LC_ALL=C.
export PYTHONUTF8 = 1

help:  ## what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

.venv/base: requirements/base.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r requirements/base.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/dev: requirements/dev.txt requirements/data.txt .venv/base
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r requirements/dev.txt -r requirements/data.txt
	@touch $@

setup: .venv/base  ## .venv with what the demo needs

demo: .venv/base  ## both businesses, simulated, from source to published marts
	$(BIN)/setia demo

test: .venv/dev  ## lint, types and every test
	$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/sqlfluff lint src
	$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile

docs: .venv/base  ## the generated parts of docs/, written anew; dbt's own pages, in build/docs
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/dbt_pages.py

lock: requirements/requirements.sh  ## compile the pins again
	sh requirements/requirements.sh

.PHONY: help setup demo test docs lock

# Everything a fresh machine needs is python3 (3.11 to 3.13, with its venv module), git and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
INSTALL := $(PIP) install --constraint constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo test postgres lint docs bench clean

help:  ## list the commands
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: $(VENV)/.package  ## the product in one minute, on images that it makes itself
	@$(BIN)/python -m demo

test: $(VENV)/.test postgres  ## the whole test suite
	@$(BIN)/python -m pytest -n 2 --dist worksteal --cov --cov-report=term:skip-covered $(ARGS)

# the server that tests of opsml run against; they start one of their own
postgres:
	@command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 \
	  || { [ "$$(id -u)" = 0 ] && apt-get -qq update \
	    && DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install postgresql >/dev/null; } \
	  || echo "PostgreSQL is not here and can't be installed: its tests are skipped"

lint: $(VENV)/.lint  ## style, types and the import contract
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

docs: $(VENV)/.test  ## run every code block of the documentation
	@$(BIN)/python -m pytest tests/docs $(ARGS)

bench: $(VENV)/.bench  ## measure against the peers, side by side; writes benchmarks/results.md
	@$(BIN)/python -m benchmarks $(ARGS)

clean:  ## remove what these commands made
	rm -rf $(VENV) .bench .hypothesis .mypy_cache .ruff_cache .pytest_cache .coverage*

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v <= (3, 13) else "imagecards needs Python 3.11 to 3.13; this is %d.%d: set PYTHON=python3.11" % v)'
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/.package: $(VENV)/.made pyproject.toml constraints.txt
	@$(INSTALL) --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.package
	@$(INSTALL) --group test
	@touch $@

$(VENV)/.lint: $(VENV)/.test
	@$(INSTALL) --group lint
	@touch $@

$(VENV)/.bench: $(VENV)/.test
	@$(INSTALL) --group bench
	@touch $@

# What a developer does here. `make` alone lists it. Nothing but Python 3.11 or newer has to be there beforehand.

PORT ?= 8000
ONCE ?=
VENV := .venv
BIN := $(VENV)/bin
RUN := $(VENV)/requirements.stamp
DEV := $(VENV)/requirements-dev.stamp
CODE := profiles mailboxes tracking serversync
DATABASE_TESTS := $(wildcard tests/mailboxes tests/tracking tests/serversync tests/stories)

# The first Python that is new enough; choose another one with `make PYTHON=…`.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$python; break; }; done)

.DEFAULT_GOAL := help
.PHONY: help demo test test-kill bench mutate lint format

help: ## List these commands.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(RUN) ## A company with its mail servers, console and worker (PORT=8000; ONCE=1 plays it, checks it and ends).
	@PYTHONUNBUFFERED=1 $(BIN)/python manage.py demo $(if $(ONCE),--once,--port $(PORT))

test: $(DEV) ## The suite on SQLite, what needs a database again on PostgreSQL, and the linters.
	$(BIN)/python -m pytest -n 2 -rs -m "not kill"
	TEST_DATABASE=postgres $(BIN)/python -m pytest -n 2 -rs -m "not debian and not own_database" $(DATABASE_TESTS)
	@$(MAKE) --no-print-directory lint

test-kill: $(DEV) ## Kill the worker at every step it takes, and look for lost or doubled mail.
	$(BIN)/python -m pytest -n 2 tests/kill -m kill

bench: $(DEV) ## How many messages a processor second brings into the database.
	$(BIN)/python -m tests.bench.run

mutate: $(DEV) ## Change the decisions in hundreds of small ways and see whether the tests notice.
	$(BIN)/mutmut run --max-children 2 | tr '\r' '\n' | tail -n 4
	$(BIN)/mutmut results

lint: export DJANGO_SETTINGS_MODULE = tests.settings
lint: $(DEV) ## Linters, formatting, types, and whether a migration is missing.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(CODE)
	$(BIN)/python manage.py makemigrations --check --dry-run

format: $(DEV) ## Format the code.
	$(BIN)/ruff format .

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed. Name it with make PYTHON=…" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "$(PYTHON) cannot make a virtual environment. On Debian: apt-get install python3-venv" >&2; exit 1; }

$(RUN): requirements.txt | $(BIN)/python
	@echo "Installing what the service runs on …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.txt
	@touch $@

$(DEV): requirements-dev.txt $(RUN)
	@echo "Installing what the suite needs …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements-dev.txt
	@touch $@

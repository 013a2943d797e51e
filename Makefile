# `make run` and `make test` work on a fresh machine with Python 3.11 or newer; both make .venv first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Some installers look for local wheels in UV_FIND_LINKS, pip in PIP_FIND_LINKS; empty is fine.
export UV_FIND_LINKS := $(or $(UV_FIND_LINKS),$(PIP_FIND_LINKS))

.PHONY: run test test-fast soak check format docs bench leaderboard clean

run: $(VENV)/.installed
	$(BIN)/python -m harness task=ner model=cross

# loadgroup: tests that share what takes long to make stay with one worker (see tests/conftest.py for the order).
PYTEST = $(BIN)/python -m pytest -n auto --dist loadgroup

test: $(VENV)/.installed-dev
	$(PYTEST)

# What takes under half a second each: under two minutes in all.
test-fast: $(VENV)/.installed-dev
	$(PYTEST) -m "not slow"

# Ten minutes of kills, full disks and parallel starts; too long for every `make test`.
soak: $(VENV)/.installed
	$(BIN)/python scripts/soak --minutes 10

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.installed-dev
	$(BIN)/python -m mkdocs build --strict

bench: $(VENV)/.installed-dev
	for file in benchmarks/*.py; do $(BIN)/python $$file --output || exit 1; done

leaderboard: $(VENV)/.installed
	$(BIN)/python -m harness.leaderboard results

$(VENV)/.installed: pyproject.toml constraints.txt
	./scripts/install $(PYTHON) $(VENV) .
	touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt
	./scripts/install $(PYTHON) $(VENV) '.[dev]'
	touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) site *.egg-info .pytest_cache .mypy_cache .ruff_cache

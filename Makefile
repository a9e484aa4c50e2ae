# Everything happens in .venv, made on first use; `make demo` shows what mien does, `make test` is all that CI runs.
TORCH ?= torch==2.13.0
PYTHON ?= python3
BIN := .venv/bin
OUT ?= out

.PHONY: demo test check bench docs
.DELETE_ON_ERROR:

.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check "$(TORCH)"
	$(BIN)/pip install --quiet --disable-pip-version-check --editable ".[dev]"
	touch $@

# The demo's photo, NASA's public-domain portrait of Eileen Collins, comes in scikit-image's wheel.
.venv/astronaut: .venv/ready
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps scikit-image
	touch $@

demo: .venv/astronaut
	$(BIN)/python examples/demo.py $(OUT)

# A process for each core, at most eight (each needs some 2 GiB); what is slow is shared out as they become free.
test: check
	$(BIN)/pytest --numprocesses auto --maxprocesses 8 --dist worksteal

check: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/pytest --doctest-modules src

bench: .venv/ready
	$(BIN)/python benchmarks/run.py

docs: .venv/astronaut
	$(BIN)/python docs/gallery.py

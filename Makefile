# Every target is one line over the command line; `make demo` and `make test` set up what they need, once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT ?= out/demo
READY := $(VENV)/.ready

.PHONY: help setup demo test oracles lint types bench bench-fetch clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -m venv $(VENV) && $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]' && touch $@

setup: $(READY) ## Make the virtual environment (demo and test do it by themselves)

demo: $(READY) ## Run the whole mill offline on a drawn biota, into out/demo
	@$(BIN)/biomill demo -o $(OUT)

test: $(READY) ## Run all tests
	@$(BIN)/python -m pytest -n 4 --dist loadscope --no-loadscope-reorder

oracles: $(READY) ## Make an environment of published trainers in out/oracles, once, which some tests then run
	@$(BIN)/python -m tests.oracles.make

lint: $(READY) ## Check style and formatting
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(READY) ## Check types
	@$(BIN)/mypy

bench: $(READY) ## Measure speed and memory against the named peers and floors
	@$(BIN)/python -m tests.benchmarks

bench-fetch: $(READY) ## Measure fetching beside img2dataset (makes an environment for it in out/bench-fetch, once)
	@$(BIN)/python -m tests.benchmarks.bench_fetch

clean: ## Remove what make made
	@rm -rf $(VENV) out build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

# Every target is one line over the command line; `make demo` and `make test` set up what they need, once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
export RECIPE OUT Q
# Tests start some thousand processes: without the modules' bytecode on disk each would compile them anew.
unexport PYTHONDONTWRITEBYTECODE
# What a target needs is looked for before anything is made.
NEEDS_run := RECIPE OUT
NEEDS_sql := OUT Q
NEEDS_status := OUT
NEEDS_report := OUT
NEEDS_screenshots := OUT
NEEDS_verify := OUT
EXAMPLE_RECIPE := RECIPE=my-recipe.toml
EXAMPLE_OUT := OUT=out/mine
EXAMPLE_Q := Q="SELECT * FROM funnel"
example = make $(1) $(foreach name,$(NEEDS_$(1)),$(EXAMPLE_$(name)))
$(foreach goal,$(MAKECMDGOALS),$(foreach name,$(NEEDS_$(goal)),$(if $($(name)),,$(error $(name)=... is missing: $(call example,$(goal))))))

.PHONY: help setup demo demo-train run status sql report screenshots verify test test-whole test-clusters test-train oracles lint types docs release bench bench-fetch bench-train clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -m venv $(VENV) && $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,docs]' && touch $@

TRAINING := $(VENV)/.training
$(TRAINING): $(READY)
	@$(BIN)/pip install --quiet --disable-pip-version-check -e '.[train]' && touch $@

setup: $(READY) ## Make the virtual environment (demo and test do it by themselves)

demo: $(READY) ## Run the whole pipeline offline on a drawn biota, into out/demo
	@$(BIN)/biomill demo -o "$${OUT:-out/demo}"

demo-train: $(TRAINING) ## Draw the larger biota, run the pipeline over it, train the built-in model, measure it and show the report; SEED=, OUT=
	@out="$${OUT:-out/demo-train}"; $(BIN)/biomill demo --biota tree -o "$$out" --seed "$${SEED:-17}" && \
	$(BIN)/biomill train "$$out/run" -o "$$out/model" --recipe tiny && \
	$(BIN)/biomill embed "$$out/run" --model "$$out/model" && \
	$(BIN)/biomill embed "$$out/run" --model tiny --name untrained && \
	$(BIN)/biomill evaluate "$$out/run" --embeddings "$$out/run/embeddings/model" --text taxon \
		--untrained "$$out/run/embeddings/untrained" --training "$$out/model" -o "$$out/evaluation" --open

run: $(READY) ## Run RECIPE=my-recipe.toml into OUT=out/mine; goes on where it stopped
	@$(BIN)/biomill run "$$RECIPE" -o "$$OUT"

status: $(READY) ## Say where the run in OUT stands, also while it goes on
	@$(BIN)/biomill status "$$OUT"

sql: $(READY) ## Ask the catalog of the run in OUT the question Q="SELECT ..."
	@$(BIN)/biomill sql "$$OUT" "$$Q"

report: $(READY) ## Make the report of the run in OUT anew, and say where it is
	@$(BIN)/biomill report "$$OUT"

screenshots: $(READY) ## Make the picture of the report in the README (needs Chromium)
	@$(BIN)/python -m tests.screenshots "$$OUT" docs/report.webp

verify: $(READY) ## Check everything that the run in OUT promises
	@$(BIN)/biomill verify "$$OUT"

# What starts services of its own, or asks Python for other packages, has its own target.
APART := --ignore=tests/oracles --ignore=tests/clusters --ignore=tests/train
PYTEST := $(BIN)/python -m pytest -n 4 --dist loadscope --no-loadscope-reorder

test: $(READY) ## Run the tests of all parts
	@$(PYTEST) $(APART) -m "not whole"

test-whole: $(READY) ## Run the pipeline on the demo and on real files, also killed and starved, and every command of the pages
	@$(PYTEST) $(APART) -m whole

test-clusters: $(READY) ## Run the demo into an object store (a server of this machine), with machines that are killed and go on elsewhere
	@$(BIN)/python -m pytest -n 2 --dist load tests/clusters

test-train: $(TRAINING) ## Install PyTorch (extra train) and run what needs it; then published trainers, loaders and clients, where `make oracles` made them
	@$(BIN)/python -m pytest -n 2 --dist load -o addopts="-q --doctest-modules --import-mode=importlib" pipeline/train pipeline/embed pipeline/feed/torch.py tests/train && $(BIN)/python -m pytest -n 2 --dist loadscope tests/oracles

oracles: $(READY) ## Make environments of published trainers, readers and older DuckDB clients in out/oracles, once, for test-train
	@$(BIN)/python -m tests.oracles.make; made=$$?; $(BIN)/python -m tests.oracles.duckdb_clients && exit $$made

lint: $(READY) ## Check style and formatting
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(READY) ## Check types
	@$(BIN)/mypy

docs: $(READY) ## Build the pages as a site into out/docs, without a network; a broken link is an error
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict && $(BIN)/python -m pytest tests/pages/test_front_links.py && echo out/docs/index.html

release: $(READY) ## Build sdist and wheel, try the wheel in a clean environment, print the tag to set
	@$(BIN)/python -m tests.release

bench: $(READY) ## Measure speed and memory against the named peers and floors
	@$(BIN)/python -m tests.performance

bench-fetch: $(READY) ## Measure fetching beside img2dataset (makes an environment for it in out/bench-fetch, once)
	@$(BIN)/python -m tests.performance.bench_fetch

bench-train: $(TRAINING) ## Train the built-in model for some steps: images/s, the time it waits for data, memory; on a GPU in bf16, too
	@$(BIN)/python -m tests.performance.bench_train

clean: ## Remove what make made
	@rm -rf $(VENV) out build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

.PHONY: mutants
mutants: $(READY) ## Make the product wrong in 400 small ways and say which of them no test notices (docs/testing.md)
	@$(BIN)/python -m tests.mutation

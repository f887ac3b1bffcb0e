# One environment, .venv, filled in layers from hash-pinned files; a stamp in it marks each layer that is in place.
# Needed on the machine: make and Python 3.11 or newer, no more.

PYTHON      ?= python3
PEER_PYTHON ?= $(PYTHON)
WORKERS     ?= 2
TORCH       ?= torch==2.13.0

VENV := .venv
PEER := .venv-pfhedge
BIN  := $(VENV)/bin
# The files are complete and pinned, so nothing is resolved; modules are compiled when first imported.
PIP  := -m pip install -qq --disable-pip-version-check --no-compile
PINS := --no-deps --require-hashes -r
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
        --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' $(LOCK_FLAGS)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo test proofs check check-pricing bench bars chains pictures news docs lock clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.package ## set up, then train a small hedge and show it beside the baselines
	$(BIN)/deephedge demo $(DEMO_ARGS)

test: $(VENV)/.dev ## set up, then run the tests: all but the proofs of single formulas, markets and contracts
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m 'not slow' $(PYTEST_ARGS)

proofs: $(VENV)/.news ## the whole test suite, long proofs too (some forty minutes on two cores)
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(PYTEST_ARGS)

check: $(VENV)/.dev ## formatting, lint, types, and which module may import which
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports --no-logo

bench: $(VENV)/.bench $(PEER)/.ready ## side-by-side benchmarks against pfhedge (its environment: PEER_PYTHON=python3.11 or 3.12)
	PFHEDGE_PYTHON=$(PEER)/bin/python $(BIN)/python -m bench.run $(BENCH_ARGS)

bars: $(VENV)/.bench ## the long studies behind the published numbers
	$(BIN)/python -m bench.bars $(BARS_ARGS)

chains: $(VENV)/.bench ## hedge option chains that were really quoted (their folder: DEEPHEDGE_DATA)
	$(BIN)/python -m bench.chains $(CHAINS_ARGS)

check-pricing: $(VENV)/.bench ## every contract and model that QuantLib prices too, side by side
	$(BIN)/python -m bench.parity.table $(PRICING_ARGS)

pictures: $(VENV)/.bench ## draw the sample paths that docs/theory shows
	$(BIN)/python -m bench.pictures $(PICTURES_ARGS)

news: $(VENV)/.news ## add the packages that read news: sentence vectors and word lists

docs: $(VENV)/.docs ## build the documentation into site/
	$(BIN)/zensical build --clean --strict

lock: $(VENV)/.dev ## compile requirements/*.txt again (LOCK_FLAGS=--upgrade takes newer versions)
	$(LOCK) pyproject.toml --group build -o requirements/core.txt
	$(LOCK) pyproject.toml --group build --extra dev -c requirements/core.txt -o requirements/dev.txt
	$(LOCK) pyproject.toml --group build --extra bench -c requirements/dev.txt -o requirements/bench.txt
	$(LOCK) pyproject.toml --group build --extra docs -c requirements/dev.txt -o requirements/docs.txt
	$(LOCK) requirements/news.in --no-deps -o requirements/news.txt
	$(LOCK) requirements/bench-pfhedge.in --no-deps -o requirements/bench-pfhedge.txt

clean: ## remove environments, caches and built files (results in runs/ stay)
	rm -rf $(VENV) $(PEER) .cache .hypothesis .import_linter_cache .pytest_cache .ruff_cache build dist site
	find src tests bench examples -type d -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

# ---- environments ----

define make_venv
	@$(2) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "deephedge needs Python 3.11 or newer, and '$(2)' is: $$($(2) --version 2>&1 || true)" >&2; \
	  echo "Name another one, for example: make $(or $(firstword $(MAKECMDGOALS)),help) PYTHON=python3.11" >&2; exit 1; }
	@$(2) -m venv --clear $(1) || { \
	  echo "Could not make a virtual environment; some systems ship venv as a package of its own (python3-venv)." >&2; \
	  rm -rf $(1); exit 1; }
endef

$(VENV)/.made:
	$(call make_venv,$(VENV),$(PYTHON))
	@touch $@

$(VENV)/.core: requirements/core.txt $(VENV)/.made
	@echo "Installing the pinned dependencies (a minute or two, once) ..."
	@$(BIN)/python $(PIP) $(PINS) requirements/core.txt
	@touch $@

$(VENV)/.package: pyproject.toml $(VENV)/.core
	@$(BIN)/python $(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev $(VENV)/.bench $(VENV)/.docs: $(VENV)/.%: requirements/%.txt $(VENV)/.package
	@echo "Installing what $(subst .,,$(@F)) needs ..."
	@$(BIN)/python $(PIP) $(PINS) requirements/$*.txt
	@touch $@

$(VENV)/.news: requirements/news.txt $(VENV)/.dev
	@echo "Installing sentence vectors and word lists ..."
	@$(BIN)/python $(PIP) $(PINS) requirements/news.txt
	@touch $@

$(PEER)/.ready: requirements/bench-pfhedge.txt
	$(call make_venv,$(PEER),$(PEER_PYTHON))
	@echo "Installing the peer and its torch ..."
	@$(PEER)/bin/python $(PIP) $(TORCH)
	@$(PEER)/bin/python $(PIP) $(PINS) requirements/bench-pfhedge.txt
	@touch $@

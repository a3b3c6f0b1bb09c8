# Everything a person or continuous integration does here has one name: `make help`.
# HOST, PORT, DATABASE_URL and PYTHON may stand in the environment or behind `make`
# (make run PORT=9000); make hands both kinds on to the commands below.

PYTHON ?= python3
BIN := .venv/bin
ARGS ?=
UV := uv==0.13.9

export PYTHON
# Programs are started hundreds of times: what Python compiled once is kept for the next start
unexport PYTHONDONTWRITEBYTECODE
.DEFAULT_GOAL := help
.PHONY: help run test check clauses lint types contracts templates definitions migrations \
  vendored locks drawings lock vendor diagrams screens clean environment dev-environment

help: ## Say what can be done
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: environment ## Start everything with the demo: HOST, PORT, DATABASE_URL are honoured
	@exec $(BIN)/python -m webapp.cli run

test: dev-environment ## Run the whole suite, PostgreSQL and Chromium included (ARGS="-k word" for a part)
	@sh .ci/system-packages test
	@# Ubuntu has Chromium only as a snap: there Playwright's own build stands in.
	@{ command -v chromium-headless-shell || command -v chromium || command -v chromium-browser || \
	   command -v google-chrome; } >/dev/null || \
	  timeout 600 $(BIN)/playwright install --with-deps chromium || echo "Going on without Chromium."
	$(BIN)/python -m pytest -n 4 --dist worksteal $(ARGS)

check: lint types contracts templates definitions migrations vendored locks drawings ## Everything that is judged without running the suite

clauses: dev-environment ## Which clauses of the policy documents the last full test run proved
	@$(BIN)/python -m tests.clauses

lint: dev-environment ## Python style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: dev-environment ## Types, strictly
	$(BIN)/mypy

contracts: dev-environment ## Who may import whom
	$(BIN)/lint-imports

templates: dev-environment ## Page templates
	$(BIN)/djlint webapp/templates --lint --quiet

definitions: dev-environment ## Diagrams, decision tables and forms
	$(BIN)/python -m webapp.cli definitions lint

migrations: dev-environment ## The migrations make exactly the tables of the models
	@mkdir -m 700 -p var && rm -f var/check.sqlite
	DATABASE_URL=sqlite:///var/check.sqlite $(BIN)/alembic upgrade head
	DATABASE_URL=sqlite:///var/check.sqlite $(BIN)/alembic check
	@rm -f var/check.sqlite

vendored: dev-environment ## Front-end files of others are unchanged
	$(BIN)/python -m tests.vendored check

locks: dev-environment ## Lock files name versions and hashes, and no address
	$(BIN)/python -m tests.locks

drawings: dev-environment ## Every diagram's picture is current
	$(BIN)/python -m tests.drawings

lock: dev-environment ## Resolve the requirements anew (network; ARGS=--upgrade for newer versions)
	@$(BIN)/python -m pip install -qq $(UV)
	sh .ci/lock $(ARGS)

vendor: dev-environment ## Fetch the front-end files again (npm, network)
	$(BIN)/python -m tests.vendored fetch

diagrams: ## Draw every BPMN file as SVG beside it (node; jsdom through npm the first time)
	cd webapp/diagrams && npm ci --no-audit --no-fund && node draw.cjs

screens: dev-environment ## Take the pictures of the README anew (Chromium)
	$(BIN)/python -m tests.screens $(ARGS)

# Measuring and proving: the last line is JSON, and the status is not zero below the bar.
# ARGS makes them shorter or longer; each says how in its head.
.PHONY: bench bench-http bench-peers bench-scale bench-timers soak fuzz faults

bench: dev-environment ## What a step costs beside the stock serializer, and how it grows (ARGS=CASES)
	@timeout 900 $(BIN)/python -m tests.benchmarks.step $(ARGS)

bench-peers: dev-environment ## Steps per second beside other engines (pip, npm the first time; ARGS="CASES LOOPS ROUNDS")
	@timeout 1800 $(BIN)/python -m tests.benchmarks.peers $(ARGS)

bench-http: dev-environment ## Cycles a second over HTTP among 50,000 open cases, eight clients, both databases
	@timeout 1800 $(BIN)/python -m tests.benchmarks.http $(ARGS)

bench-scale: dev-environment ## Lists, boards and statistics over many cases (ARGS="--cases 1000000 postgres" for the long form)
	@timeout 3600 $(BIN)/python -m tests.benchmarks.scale $(ARGS)

bench-timers: dev-environment ## Timers: 1,000 fall due among 200,000, four workers, both databases
	@timeout 900 $(BIN)/python -m tests.benchmarks.timers $(ARGS)

soak: dev-environment ## Random walks: the stored engine beside one never saved (ARGS="WALKS FIRST_SEED")
	@timeout 3600 $(BIN)/python -m tests.soak $(ARGS)

fuzz: dev-environment ## Mutated diagrams and expressions: nothing runs (ARGS="MODELS EXPRESSIONS SEED")
	@timeout 1800 $(BIN)/python -m tests.fuzz $(ARGS)

faults: dev-environment ## Kills, races and outages under load, and the audit (ARGS=--long, --seed=…, --only=…)
	@timeout 10800 $(BIN)/python -m tests.faults $(ARGS)

clean: ## Remove caches and node_modules; the environment and the data in var stay
	rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache build *.egg-info
	rm -rf webapp/diagrams/node_modules
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

environment:
	@sh .ci/system-packages run
	@sh .ci/environment

dev-environment:
	@sh .ci/system-packages venv
	@sh .ci/environment dev

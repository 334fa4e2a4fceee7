.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
LOCKS := deploy/requirements
export PYTHONPATH := $(CURDIR)

.PHONY: help
help: ## List the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: ## Run all of Botberi on this machine, until Ctrl-C
	@tools/local/bootstrap.sh run
	@BOTBERI_RUN="$(CURDIR)/.local" .venv/bin/python -m tools.local.run

AIM = $(if $(API),--api "$(API)") $(if $(SECRETS),--secrets "$(SECRETS)")

.PHONY: demo
demo: ## Show the journey of a user and of an administrator, while `make run` is up (API=https://… SECRETS=folder)
	@tools/local/bootstrap.sh python
	@.venv/bin/python -m tools.local.demo $(AIM)

.PHONY: smoke
smoke: ## The same journey, in short, to see whether an installation works (API=https://… SECRETS=folder)
	@tools/local/bootstrap.sh python
	@.venv/bin/python -m tools.local.demo --brief $(AIM)

.PHONY: attack-http
attack-http: ## Try what nobody should get through with, while it is up: 0 let through (API=https://… SECRETS=folder SUBSCRIBERS=http://…/{name})
	@tools/local/bootstrap.sh python
	@.venv/bin/python -m tools.attack $(AIM) $(if $(SUBSCRIBERS),--subscribers "$(SUBSCRIBERS)",$(if $(API),,--subscribers "http://localhost:8060/function/{name}"))

.PHONY: attack
attack: ## Try from within an agent what no agent may do: 0 let through (VERBOSE=1 says of each probe what came of it)
	@tools/local/bootstrap.sh python
	@.venv/bin/python -m tools.attack.agents $(if $(VERBOSE),--verbose)

.PHONY: tamper
tamper: ## Change what is kept for good in ten thousand ways, as a superuser, and see each found (CHANGES=200; SEED=1 repeats a run)
	@tools/local/bootstrap.sh test
	@.venv/bin/python -m tools.attack.tampering --changes $(or $(CHANGES),10000) $(addprefix --seed ,$(SEED))

.PHONY: reset
reset: ## Forget the data, secrets and logs of `make run`
	@tools/local/bootstrap.sh python
	@.venv/bin/python -m tools.local.reset

.PHONY: test
# Hundreds of processes are started: none shall compile again what the one before it did.
test: export PYTHONDONTWRITEBYTECODE =
test: lint ## Check and test everything
	@tools/local/bootstrap.sh test
	@.venv/bin/pytest -q -n auto --dist loadfile --no-loadscope-reorder

.PHONY: chaos
chaos: ## Break everything around the relay under load, and account for every event (KILLS=1000 is the long form; ONLY=kill; SAVE=1)
	@tools/local/bootstrap.sh chaos
	@.venv/bin/python -m tools.chaos --kills $(or $(KILLS),20) $(addprefix --only ,$(ONLY)) $(if $(SAVE),--save)

.PHONY: chaos-feed
chaos-feed: ## Cut those who follow their events at random moments while a gateway is killed, and account for every event (CUTS=1000)
	@tools/local/bootstrap.sh test
	@CUTS=$(or $(CUTS),1000) .venv/bin/pytest -q functions/services/realtime/tests/test_resuming.py -k disconnects

.PHONY: prove-instances
prove-instances: ## Have instances live through ten thousand steps of all that may happen to them, at any moment
	@tools/local/bootstrap.sh test
	@.venv/bin/pytest -q -s --hypothesis-profile long functions/tests/lifecycles

.PHONY: chaos-instances
chaos-instances: ## Kill everything at random while instances live, and account for each (LIFECYCLES=200; AT_ONCE=10; SEED=1 repeats a plan; SAVE=1)
	@tools/local/bootstrap.sh run
	@.venv/bin/python -m tools.chaos.instances --lifecycles $(or $(LIFECYCLES),200) $(if $(AT_ONCE),--at-once $(AT_ONCE)) $(if $(SEED),--seed $(SEED)) $(if $(SAVE),--save)

.PHONY: conformance
conformance: ## Have the protocols' official kits and clients try the real endpoints, through the edge, and print what passed (ONLY=mcp)
	@tools/local/bootstrap.sh conformance
	@.venv/bin/python -m tools.conformance $(addprefix --only ,$(ONLY))

.PHONY: bench-instances
bench-instances: ## Measure instances beside a bare functions-framework process, and at rest by the 100,000 (some 15 minutes; ONLY="wake rate"; SAVE=1)
	@tools/local/bootstrap.sh bench
	@.venv/bin/python -m tools.bench.instances $(addprefix --only ,$(ONLY)) $(if $(SAVE),--save)

.PHONY: chaos-runs
chaos-runs: ## Kill everything at random while runs are made and read, and account for every event (RUNS=1000; AT_ONCE=4; SEED=1 repeats a plan; SAVE=1)
	@tools/local/bootstrap.sh run
	@.venv/bin/python -m tools.chaos.runs --runs $(or $(RUNS),1000) $(if $(AT_ONCE),--at-once $(AT_ONCE)) $(if $(SEED),--seed $(SEED)) $(if $(SAVE),--save)

.PHONY: bench-runs
bench-runs: ## Measure runs beside a bare functions-framework process (5 to 8 minutes; ONLY="first rate"; SAVE=1)
	@tools/local/bootstrap.sh bench
	@.venv/bin/python -m tools.bench.runs $(addprefix --only ,$(ONLY)) $(if $(SAVE),--save)

.PHONY: bench-accounts
bench-accounts: ## Measure log-ins, sessions, and whether answers tell who has an account (5 minutes; ONLY="cost rates"; SAVE=1)
	@tools/local/bootstrap.sh bench
	@.venv/bin/python -m tools.bench.accounts $(addprefix --only ,$(ONLY)) $(if $(SAVE),--save)

.PHONY: bench-events
bench-events: ## Measure the event path beside its opponents (some 20 minutes), or beside a commit (AGAINST=main~5)
	@tools/local/bootstrap.sh bench
	@.venv/bin/python -m $(if $(AGAINST),tools.bench.events.against "$(AGAINST)" $(addprefix --only ,$(ONLY)),tools.bench.events --save)

.PHONY: lint
lint: ## Check style, types, layers and generated files
	@tools/local/bootstrap.sh python
	@.venv/bin/ruff check -q
	@.venv/bin/ruff format -q --check
	@.venv/bin/mypy .
	@.venv/bin/lint-imports --no-logo
	@.venv/bin/python -m tools.manifests --check

.PHONY: format
format: ## Format the code and mend what can be mended
	@tools/local/bootstrap.sh python
	@.venv/bin/ruff format
	@.venv/bin/ruff check --fix

.PHONY: schema
schema: ## Write migrations/*/schema.sql and docs/security/rights.md from databases that are migrated for it
	@tools/local/bootstrap.sh test
	@.venv/bin/python -m tools.manifests.schema

.PHONY: lock
lock: ## Resolve the dependencies again and write the locked files
	@tools/local/bootstrap.sh lock
	@compile() { out=$$1; shift; .venv/bin/uv pip compile -q pyproject.toml --universal --python-version 3.11 \
	  --generate-hashes --no-annotate --no-header "$$@" -o $(LOCKS)/$$out; }; \
	compile all.txt $(foreach g,passwords factors identities cache schemas jobs objects installer bus schedules gateway migrations watch host local dev,--group $(g)) $(LOCK_FLAGS); \
	lower() { out=$$1; shift; compile $$out -c $(LOCKS)/all.txt "$$@"; }; \
	lower function.txt; \
	lower function-cache.txt --group cache; \
	lower function-identities.txt --group identities; \
	lower function-jobs.txt --group jobs; \
	lower function-factors.txt --group factors; \
	lower function-passwords.txt --group passwords; \
	lower function-publishing.txt --group schemas --group objects; \
	lower function-schemas.txt --group schemas; \
	lower functions.txt --group cache --group factors --group identities --group jobs --group passwords --group schemas --group objects; \
	lower agent-host.txt --group objects --group installer; \
	lower events.txt --group bus --group schedules; \
	lower gateway.txt --group bus --group cache --group gateway; \
	lower runner.txt --group bus --group cache; \
	lower worker.txt --group jobs --group schemas; \
	lower migrations.txt --group migrations; \
	lower watch.txt --group watch --group jobs; \
	lower docs.txt --group host; \
	lower setup.txt --group passwords --group bus --group schedules --group migrations --group schemas --group objects; \
	lower bench.txt --group bench; \
	.venv/bin/uv pip compile -q --group audit --universal --python-version 3.11 --generate-hashes \
	  --no-annotate --no-header $(LOCK_FLAGS) -o $(LOCKS)/audit.txt; \
	.venv/bin/uv pip compile -q $(LOCKS)/conformance/python.in --universal --python-version 3.11 --generate-hashes \
	  --no-annotate --no-header $(LOCK_FLAGS) -o $(LOCKS)/conformance/python.txt; \
	for folder in asyncapi conformance console openapi; do npm install --prefix $(LOCKS)/$$folder --package-lock-only --silent; done; \
	grep -A40 '^uv==' $(LOCKS)/all.txt | awk 'NR==1 || /^    --hash/ {print; next} {exit}' > $(LOCKS)/bootstrap.txt

.PHONY: audit
audit: ## Look for known vulnerabilities and unsafe configuration
	@tools/local/bootstrap.sh audit
	@.ci/audit

.PHONY: console
console: ## Build the console from console/ into deploy/nginx/console, with its types checked
	@tools/local/bootstrap.sh console
	@.venv/bin/python -m tools.console

.PHONY: console-pictures
console-pictures: ## Take pictures of the console's pages, light and dark, into docs/console
	@tools/local/bootstrap.sh test
	@PICTURES=docs/console .venv/bin/pytest -q functions/tests/end_to_end/test_console.py

.PHONY: manifests
manifests: ## Write the generated files from what the functions declare
	@tools/local/bootstrap.sh python
	@.venv/bin/python -m tools.manifests

ENGINE = $(PYTHON) -m tools.images.engine
COMPOSE = docker compose -f docker-compose.local.yml --env-file environments/dev/botberi.env

.PHONY: images
images: ## Build every container image and print what they weigh
	@$(ENGINE)
	@tools/local/bootstrap.sh python
	@.venv/bin/python -m tools.images.images

.PHONY: compose
compose: ## Run all of Botberi in containers, until `make compose-down`
	@$(ENGINE)
	@COMPOSE_PARALLEL_LIMIT=1 $(COMPOSE) build --quiet
	@$(COMPOSE) up --detach --wait

.PHONY: compose-down
compose-down: ## Stop the containers of `make compose`; their data is kept
	@$(ENGINE)
	@$(COMPOSE) down

.PHONY: compose-test
compose-test: ## Test the images and the whole topology on a container engine
	@$(ENGINE)
	@tools/local/bootstrap.sh python
	@.venv/bin/pytest -q -rs -s -p no:randomly -m containers tools/images

.PHONY: bench-functions
bench-functions: ## Measure functions beside a bare one and FastAPI
	@tools/local/bootstrap.sh bench
	@.venv/bin/python -m tools.bench.http

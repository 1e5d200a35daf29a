# Everything here runs inside .venv, which `make setup` builds from requirements/*.txt (locked: names, versions, hashes).
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
CODE := nungil services tests bench deploy faults
unexport VIRTUAL_ENV PYTHONHOME

.PHONY: help
help: ## show this list
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F '\t' '{ printf "  make %-13s %s\n", $$1, $$2 }'

# --- the environment -------------------------------------------------------------------------------------------------
# A stamp says which requirements are installed: the recipes below run again only when those files change.

.PHONY: setup
setup: $(VENV)/.dev-installed ## build the environment, with what tests need

$(VENV)/.run-installed: requirements/run.txt pyproject.toml requirements/install.sh
	@requirements/install.sh $(VENV) requirements/run.txt
	@touch $@

$(VENV)/.dev-installed: $(VENV)/.run-installed requirements/dev.txt
	@requirements/install.sh $(VENV) requirements/run.txt requirements/dev.txt
	@touch $@

.PHONY: lock
lock: ## pin requirements/*.in again (needs uv); UPGRADE=1 takes newer versions
	@for name in run dev go; do \
	  UV_CUSTOM_COMPILE_COMMAND="make lock" uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-emit-find-links $(if $(UPGRADE),--upgrade) requirements/$$name.in -o requirements/$$name.txt; \
	done; requirements/services/lock.sh

# --- use it ----------------------------------------------------------------------------------------------------------

.PHONY: run
run: $(VENV)/.run-installed ## start everything with the demo pictures; Ctrl-C stops it
	@nungil up --demo

.PHONY: demo
demo: $(VENV)/.run-installed ## the same in a temporary folder; succeeds only if every step gave what it should
	@folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; nungil up --data "$$folder" --port 0 --demo --then-stop

.PHONY: servers
servers: $(VENV)/.run-installed ## fetch and start Kafka, MinIO, Milvus, PostgreSQL and a fault proxy on loopback
	@python -m nungil.local_servers start

.PHONY: servers-stop
servers-stop: $(VENV)/.run-installed ## stop them; what they hold stays in .cache/servers/run
	@python -m nungil.local_servers stop

# --- check it --------------------------------------------------------------------------------------------------------
# AGAIN=1 runs only the tests that failed last, one after the other.
FAILED := --last-failed --last-failed-no-failures none

.PHONY: test
test: lint ## lint, then every test that needs nothing beyond Python and make (browser tests where Chromium is)
	@pytest -q $(if $(AGAIN),$(FAILED),-n 3 --dist loadfile) --ignore=tests/real

.PHONY: test-real
test-real: $(VENV)/.dev-installed ## the contracts and tests/real on the real servers, with no network but loopback; needs Java, Maven, Go, PostgreSQL
	@python -m nungil.local_servers exec -- pytest -q $(if $(AGAIN),$(FAILED),--contract-table) tests/contract tests/real

.PHONY: contracts
contracts: $(VENV)/.dev-installed ## the contracts alone on the real servers; writes docs/contracts.md
	@python -m nungil.local_servers exec -- pytest -q --write-contract-table tests/contract

.PHONY: lint
lint: $(VENV)/.dev-installed proto-check ## formatting, mistakes, types, the direction of imports, protos
	@ruff format --check --quiet $(CODE)
	@ruff check --quiet $(CODE)
	@mypy --no-error-summary -p nungil -p services -p bench -p faults
	@report=$$(lint-imports 2>&1) || { echo "$$report"; exit 1; }

.PHONY: format
format: $(VENV)/.dev-installed ## format the code and mend what can be mended
	@ruff format --quiet $(CODE)
	@ruff check --quiet --fix $(CODE)

.PHONY: proto
proto: $(VENV)/.dev-installed ## write nungil/api from protos/
	@protos/generate.sh

.PHONY: proto-check
proto-check: $(VENV)/.dev-installed ## protos: style, nothing broken since the release, generated code fresh
	@buf lint protos
	@buf breaking protos --against protos/released.binpb
	@fresh=$$(mktemp -d); trap 'rm -rf "$$fresh"' EXIT; protos/generate.sh "$$fresh"; \
	  diff -r --exclude=__pycache__ --exclude=__init__.py "$$fresh/nungil/api" nungil/api || { echo "nungil/api is not what protos/ gives: make proto" >&2; exit 1; }

.PHONY: manifests
manifests: $(VENV)/.dev-installed ## write deploy/k8s/rendered from the overlays (needs kubectl or kustomize)
	@python deploy/k8s/render.py

.PHONY: bench
bench: $(VENV)/.dev-installed ## measure speed, each claim with its peer; writes docs/benchmarks.md
	@python -m bench

.PHONY: faults
faults: $(VENV)/.dev-installed ## kill, pause and cut off each part during an import, on both stacks; writes docs/faults.md. SEED=1, SHORT=1
	@failed=0; for stack in embedded real; do \
	  python -m faults --stack $$stack --seed $(or $(SEED),1) $(if $(SHORT),--short,--write) || failed=1; done; exit $$failed

.PHONY: quality
quality: $(VENV)/.dev-installed ## measure what is found, on ../shared/data, through the public API
	@python -m bench.quality

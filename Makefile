# Two commands are all that a new user types: `make up` and `make test`.
# PYTHON: any CPython from 3.11 with the venv module (Debian: python3-venv).
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
UV_VERSION := 0.13.9

.PHONY: help up env env-dev test test-fast test-deps lint types arch lock sbom audit-deps clean
help:  ## what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

up: env  ## build the environment, start the demo plant and the node
	$(BIN)/anlan up

env: .venv/.runtime  ## the environment of the main job
env-dev: .venv/.dev  ## … and of tests, lint and types

.venv/bin/uv:
	@test -n "$(PYTHON)" || { echo "No Python from 3.11 with venv was found. On Debian: apt-get install python3 python3-venv"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

.venv/.runtime: requirements.lock pyproject.toml | .venv/bin/uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	$(BIN)/python -m compileall -q src
	$(BIN)/python -m anlan.monitor.warm  # compiles the engine's kernel once, so that no start waits for it
	$(BIN)/python -m anlan.risk.warm  # … and the walks over fault trees
	@touch $@

.venv/.dev: requirements-dev.lock .venv/.runtime
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -r requirements-dev.lock
	@touch $@

# Rewritten tests are kept even where the user's shell forbids it: else each worker and each process that a test starts compiles all anew.
test test-fast: export PYTHONDONTWRITEBYTECODE =
test: env-dev  ## everything this machine can test; what is missing is skipped by name
	$(BIN)/python scripts/run_tests.py

test-fast: env-dev  ## the quick tests only
	$(BIN)/python scripts/run_tests.py --group quick

test-deps:  ## what some tests need from Debian (as root)
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium-headless-shell fonts-noto-cjk glewlwyd mosquitto postgresql-17 xfsprogs faketime >/dev/null

lint: env-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: env-dev
	$(BIN)/mypy

arch: env-dev
	$(BIN)/lint-imports

lock: | .venv/bin/uv  ## write the lock files anew
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --no-emit-index-url --no-header --quiet -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --all-extras --group dev --universal --python-version 3.11 --no-emit-index-url --no-header --quiet -c requirements.lock -o requirements-dev.lock

sbom: env-dev  ## the bill of materials of a release, from requirements.lock
	$(BIN)/python scripts/sbom.py

audit-deps: env-dev  ## known vulnerabilities of the libraries; says so when it can't ask
	$(BIN)/python scripts/audit_deps.py

clean:
	rm -rf .venv var artefacts .pytest_cache .mypy_cache .ruff_cache .hypothesis

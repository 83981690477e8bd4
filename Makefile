# `make demo` and `make test` are all a newcomer needs; both set everything up first.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DATA ?= phantom:150
OUT ?= demo

# A command that fails in a pipe fails.
SHELL := bash
.SHELLFLAGS := -o pipefail -ec

.PHONY: setup services demo test lint soak docs

setup: $(VENV)/installed

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[client,codecs,dev,docs,map,oidc,pacs,scale,serve,volume,wsi]'
	touch $@

# Real servers for the tests, each with what it needs in an environment of its own; without them
# those tests are skipped.
services: .venv-milvus/installed .venv-pg/installed

.venv-milvus/installed: tests/tools/milvus.txt
	$(PYTHON) -m venv .venv-milvus
	.venv-milvus/bin/pip install --quiet --disable-pip-version-check -r $<
	.venv-milvus/bin/pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@

.venv-pg/installed: tests/tools/postgresql.txt
	$(PYTHON) -m venv .venv-pg
	.venv-pg/bin/pip install --quiet --disable-pip-version-check -r $<
	touch $@

demo: setup
	$(BIN)/acir demo --data $(DATA) --out $(OUT)

lint: setup
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports

# One thread a process: torch's own threads only get in each other's way on small tensors.
test: lint
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --dist loadfile

# The full counts of the long checks; each folder of tests has its own target and file of results.
SOAKS := $(sort $(foreach path,$(shell grep -rl 'mark\.soak' tests),$(word 2,$(subst /, ,$(path)))))

soak: $(SOAKS:%=soak-%)

$(SOAKS:%=soak-%): soak-%: setup
	@mkdir -p benchmarks/results/soak
	OMP_NUM_THREADS=1 $(BIN)/pytest -m soak -vv --no-header --durations=0 tests/$* \
	  | tee benchmarks/results/soak/$(basename $*).txt

docs: setup
	$(BIN)/mkdocs build --strict

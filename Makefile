# The environment that every target uses. `make demo` and `make test` need only python3 and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow test-browser test-containers check format specs docs \
	images locks engines bench clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 17

setup: $(STAMP) ## make .venv with everything that one machine needs

$(STAMP): pyproject.toml constraints.txt
	@echo "making $(VENV); this takes a minute or two"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -qq --upgrade pip
	$(BIN)/python -m pip install -qq --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: $(STAMP) ## the main job on bundled examples: prompt design, PET and full tuning side by side
	$(BIN)/tuneline demo

test: $(STAMP) ## lint, types and the fast tests
	$(MAKE) --no-print-directory check
	$(BIN)/python -m pytest -m "not slow and not packaging and not browser and not containers and not engines" -n 2

test-slow: $(STAMP) ## the slow tests: whole pipelines, the wheel in a fresh environment, the base model
	$(BIN)/python -m pytest -m "slow or packaging" -n 2

test-browser: $(STAMP) ## the reports in headless Chromium, which must be installed
	TUNELINE_REQUIRE_BROWSER=1 $(BIN)/python -m pytest -m browser

test-containers: $(STAMP) ## builds the images and runs pipelines in them; starts Docker where it may
	$(BIN)/python -m pytest -m containers

check: $(STAMP) ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(STAMP) ## format and fix what can be fixed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

specs: $(STAMP) ## compile every pipeline into pipelines/specs/
	$(BIN)/python -m tuneline.pipelines.compile

engines: $(STAMP) ## try every pipeline on every engine and write docs/engines.md
	TUNELINE_WRITE_ENGINES=1 $(BIN)/python -m pytest -m engines tests/engines

docs: $(STAMP) ## write docs/rules.md from the rules of the data stage
	$(BIN)/python -m tuneline.data.checks.document > docs/rules.md

# OPTIONS are those of the build: make images OPTIONS='--image-registry ghcr.io/acme --push'
images: $(STAMP) ## build the container images, list what is in them, name them for compile
	$(BIN)/python -m containers.build $(OPTIONS)

locks: $(STAMP) ## renew the lock files of the images
	$(BIN)/python -m containers.lock

bench: $(STAMP) ## measure against named peers
	$(BIN)/python -m benchmarks.task_overhead
	$(BIN)/python -m benchmarks.prepare
	$(BIN)/python -m benchmarks.score
	$(BIN)/python -m benchmarks.trainer

clean: ## remove what the targets made
	rm -rf $(VENV) build dist runs tuneline-registry

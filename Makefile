# Everything starts from a bare machine: Python 3.11 or later, make, and a package index.
# `make demo` and `make test` set themselves up in .venv, and again only when pyproject.toml changes.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
SHELL := /bin/sh

# A stray setting in the environment must not send an install elsewhere, shadow our modules, or have every process that a
# test starts compile them anew.
unexport PYTHONHOME PYTHONPATH PYTHONDONTWRITEBYTECODE PIP_USER PIP_TARGET PIP_PREFIX PIP_ROOT PIP_DRY_RUN PIP_NO_DEPS PIP_REQUIRE_VIRTUALENV

VENV ?= .venv
BIN := $(VENV)/bin
BENCH_VENV ?= .venv-bench

# The first of these that is 3.11 or later; `make PYTHON=/path/to/python …` chooses another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14 python; do \
  command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
  && { command -v $$p; break; }; done)

# Twice quiet is pip's "errors only".
PIP = -m pip --disable-pip-version-check --no-input -qq

# $(call step,name,command): say what runs, run it, say how it went and how long it took.
define step
@printf '\n--- %s\n' '$(1)'; began=$$(date +%s); { $(2); }; status=$$?; \
 printf -- '--- %s: %s in %d s\n' '$(1)' "$$(test $$status -eq 0 && echo ok || echo FAILED)" \
 $$(( $$(date +%s) - began )); exit $$status
endef

.PHONY: help
help: ## Show what can be made
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{printf "%-16s %s\n", $$1, $$2}'

# --- set-up ----------------------------------------------------------------------------------------------

$(BIN)/python:
	@test -n '$(PYTHON)' || { echo 'frugal needs Python 3.11 or later, and found none: install one, or say `make PYTHON=/path/to/python`.' >&2; exit 1; }
	@printf -- '--- set-up: %s with %s\n' '$(VENV)' "$$($(PYTHON) --version)"
	@$(PYTHON) -m venv --clear $(VENV) || { echo 'no virtual environment could be made: on Debian and Ubuntu, install python3-venv.' >&2; rm -rf $(VENV); exit 1; }

# What a user gets with `pip install "frugal[all]"`.
$(VENV)/.has-all: $(BIN)/python pyproject.toml
	@printf -- '--- set-up: frugal and its extras\n'
	@$(BIN)/python $(PIP) install -e '.[all]'
	@touch $@

# What it takes to work on frugal; dependency groups need pip 25.1.
$(VENV)/.has-dev: $(BIN)/python pyproject.toml
	@printf -- '--- set-up: frugal, its extras and the development tools\n'
	@$(BIN)/python $(PIP) install --upgrade 'pip>=25.1'
	@$(BIN)/python $(PIP) install -e '.[all]' --group dev
	@touch $(VENV)/.has-all $@

$(VENV)/.has-docs: $(VENV)/.has-dev
	@printf -- '--- set-up: the documentation tools\n'
	@$(BIN)/python $(PIP) install --group docs
	@touch $@

$(BENCH_VENV)/.has-bench: pyproject.toml
	@$(MAKE) --no-print-directory VENV=$(BENCH_VENV) $(BENCH_VENV)/bin/python
	@printf -- '--- set-up: frugal, its extras and the peers it is measured beside\n'
	@$(BENCH_VENV)/bin/python $(PIP) install --upgrade 'pip>=25.1'
	@$(BENCH_VENV)/bin/python $(PIP) install -e '.[all]'
	@$(BENCH_VENV)/bin/python $(PIP) install --group bench || $(BENCH_VENV)/bin/python benchmarks/harness/peers.py
	@touch $@

.PHONY: dev
dev: $(VENV)/.has-dev ## Set up .venv for development

# --- the two that matter ---------------------------------------------------------------------------------

.PHONY: demo
demo: $(VENV)/.has-all ## Show the main job, offline
	@$(BIN)/frugal demo

.PHONY: test
test: $(VENV)/.has-dev ## Run every check, in order; what CI runs
	@date +%s > $(VENV)/.test-began
	@$(MAKE) --no-print-directory lint types imports unit blocks
	@printf '\n=== all checks passed in %d s\n' $$(( $$(date +%s) - $$(cat $(VENV)/.test-began) ))

# --- each check alone ------------------------------------------------------------------------------------

.PHONY: fmt
fmt: $(VENV)/.has-dev ## Format, and mend what can be mended
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format .

.PHONY: lint
lint: $(VENV)/.has-dev ## Formatting and style (ruff)
	$(call step,format (ruff),$(BIN)/ruff format --check --quiet .)
	$(call step,style (ruff),$(BIN)/ruff check --quiet .)

TYPED = frugal conftest.py tests/conftest.py $(wildcard tests/typing examples)

.PHONY: types
types: $(VENV)/.has-dev ## Static types, under two checkers
	$(call step,types (mypy --strict),$(BIN)/mypy $(TYPED))
	$(call step,typing tests (basedpyright),$(BIN)/basedpyright --pythonpath $(BIN)/python)

.PHONY: imports
imports: $(VENV)/.has-dev ## The floors of the architecture (import-linter)
	$(call step,floors (import-linter),$(BIN)/lint-imports --no-logo --no-cache > $(VENV)/.floors 2>&1 || { cat $(VENV)/.floors; false; })

# Exit status 5 is "no test is so marked".
.PHONY: unit
unit: $(VENV)/.has-dev ## The tests, but for the long ones
	$(call step,tests (pytest),$(BIN)/python -m pytest -q -n 2 --dist worksteal -m "not soak and not serial")
	$(call step,tests that want the machine alone (pytest),$(BIN)/python -m pytest -q -m "serial and not soak" || test $$? -eq 5)

.PHONY: blocks
blocks: $(VENV)/.has-dev ## The code blocks of README and docs, and the docstrings
	$(call step,code blocks (sybil),$(BIN)/python -m pytest -q $(wildcard README.md README.zh-TW.md CONTRIBUTING.md docs) frugal)

# --- further ---------------------------------------------------------------------------------------------

.PHONY: cov
cov: $(VENV)/.has-dev ## Branch coverage of the tests
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest -q -n 2 -m "not soak"
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report

.PHONY: devmode
devmode: $(VENV)/.has-dev ## The tests in Python's development mode: no coroutine unawaited, no task left, no file unclosed
	@PYTHONDEVMODE=1 PYTHONWARNINGS=error $(BIN)/python -m pytest -q -n 2 --dist worksteal -m "not soak" --timeout 600

.PHONY: soak
soak: $(VENV)/.has-dev ## The long tests: minutes to hours
	@$(BIN)/python -m pytest -m soak --timeout=7200

.PHONY: mutants
mutants: $(VENV)/.has-dev ## Break each guard, and see the test fail that it names; `make mutants ONLY=words` for some
	@$(BIN)/python .ci/mutants.py $(ONLY)

.PHONY: api
api: $(VENV)/.has-dev ## Rewrite tests/public_api.txt, to be reviewed
	@$(BIN)/python tests/unit/test_public_api.py > $(VENV)/.public_api
	@mv $(VENV)/.public_api tests/public_api.txt
	@git --no-pager diff --stat -- tests/public_api.txt

# Not `--quiet`: mkdocs would not see its own warnings, and nothing could fail.
.PHONY: docs
docs: $(VENV)/.has-docs ## Build the documentation into site/, warnings as errors
	$(call step,documentation (mkdocs),NO_MKDOCS_2_WARNING=1 DISABLE_MKDOCS_2_WARNING=true $(BIN)/mkdocs build --strict > $(VENV)/.docs 2>&1 || { cat $(VENV)/.docs; false; })

.PHONY: pictures
pictures: $(VENV)/.has-dev ## Make docs/images again, from the demo's ledger; wants Chromium and chromedriver
	@$(BIN)/python .ci/pictures.py

BENCH_DATA := read_payloads replay_agent_sessions backtest_agent_sessions budget_azure_trace routing_gsm8k routing_adaptive semantic_paraphrase semantic_clinc

.PHONY: bench
bench: $(BENCH_VENV)/.has-bench ## Measure speed beside the peers; `ONLY=name` for one question, `QUICK=1` to see that it works
	@$(BENCH_VENV)/bin/python benchmarks/run.py $(foreach name,$(ONLY),--only $(name)) $(if $(QUICK),--quick)

.PHONY: bench-data
bench-data: $(BENCH_VENV)/.has-bench ## Measure money and quality on real data; `ONLY=name` for one script
	@for name in $(or $(ONLY),$(BENCH_DATA)); do printf '\n--- %s\n' $$name; $(BENCH_VENV)/bin/python benchmarks/$$name.py || exit 1; done

# What the sdist holds must be enough to test what the wheel holds; tests that read our sources have none there.
BUILT_TESTS := tests/unit/test_acceptance.py tests/unit/test_exports.py tests/unit/test_public_api.py tests/unit/test_docstrings.py \
  tests/unit/test_api_style.py tests/unit/test_first_mistakes.py tests/unit/test_promises.py tests/laws/test_values.py README.md README.zh-TW.md docs/tutorial

.PHONY: build
build: $(VENV)/.has-dev ## Wheel and sdist, tried from the built file in a clean environment
	@rm -rf dist build/clean build/sdist build/wheel
	$(call step,build (sdist and from it the wheel),$(BIN)/python -m build --outdir dist . > $(VENV)/.build 2>&1 || { cat $(VENV)/.build; false; })
	$(call step,metadata (twine),$(BIN)/twine check --strict dist/*)
	$(call step,the wheel alone runs the README,$(BIN)/python -m venv build/clean && build/clean/bin/python $(PIP) install dist/*.whl && build/clean/bin/python -I .ci/try_wheel.py README.md)
	$(call step,the tests of the sdist with the wheel,mkdir -p build/sdist build/wheel && tar xzf dist/*.tar.gz -C build/sdist --strip-components=1 && rm -rf build/sdist/frugal && $(BIN)/python -m zipfile -e dist/*.whl build/wheel && python=$$(pwd)/$(BIN)/python && cd build/sdist && PYTHONPATH=../wheel $$python -c 'import frugal; assert "build/wheel" in frugal.__file__' && PYTHONPATH=$$(cd ../wheel && pwd) $$python -m pytest -q -p no:cacheprovider $(BUILT_TESTS))

EXTRAS := semantic ann otlp report

.PHONY: extras
extras: build ## Each extra, installed alone from the wheel, does what it is for; without it, it is asked for by name
	@build/clean/bin/python -I .ci/try_extra.py core
	@for name in $(EXTRAS); do rm -rf build/extra; \
	  $(BIN)/python -m venv build/extra && build/extra/bin/python $(PIP) install "$$(ls dist/*.whl)[$$name]" \
	  && build/extra/bin/python -I .ci/try_extra.py $$name || exit 1; done

.PHONY: clean
clean: ## Remove what was built and cached; environments too
	@rm -rf $(VENV) $(BENCH_VENV) build dist site .coverage .coverage.* htmlcov .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

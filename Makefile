# Everything happens in one folder, $(VENV): nothing is installed anywhere else. What it holds follows pyproject.toml,
# and is installed again only when that file changes.

PYTHON ?= python3
VENV ?= .venv
PORT ?= 8000
ARGS ?=
ENGINES ?= all

BIN := $(abspath $(VENV))/bin
PIP := $(BIN)/python -m pip install
MADE := $(VENV)/.made
FOR_RUN := $(VENV)/.for-run
FOR_TEST := $(VENV)/.for-test
COMPILED := $(VENV)-compiled
FOR_COMPILED := $(COMPILED)/.made
MEASURED := $(foreach name,abilities asgi contract contract_drain hosts lifecycle notify ready settings,tests/functional/test_$(name).py)
CIRCUSCTL := $(VENV)/bin/circusctl --endpoint ipc://examples/flask/circus.sock --timeout 120

# pip speaks of errors alone.
export PIP_QUIET := 2
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help run test test-compiled check format docs matrix clean

help:
	@echo 'make run      serve the example app with Circus and Chaussette  (PORT=8000)'
	@echo 'make test     check format, style, types and imports, then run the tests  (ARGS="-k contract" for pytest)'
	@echo 'make test-compiled   the tests of our own engines, on a compiled wheel in $(VENV)-compiled'
	@echo 'make check    the same without the tests'
	@echo 'make format   put the format right'
	@echo 'make docs     write the generated pages of docs/ and README.md anew'
	@echo 'make matrix   measure what engines can do, for the docs  (ENGINES=waitress,fast)'
	@echo 'make clean    remove $(VENV) and every cache'
	@echo
	@echo 'PYTHON=python3.13 chooses another Python, VENV=.venv-3.13 another folder for it.'

run: $(FOR_RUN)
	@echo
	@echo 'Four workers share one socket: http://localhost:$(PORT) (Ctrl-C ends them). In a second terminal, in this folder:'
	@echo '  curl localhost:$(PORT)'
	@echo '  $(CIRCUSCTL) stats       # the workers'
	@echo '  $(CIRCUSCTL) incr web    # one more'
	@echo '  $(CIRCUSCTL) reload web  # new ones in place of the old: no request is lost'
	@echo
	@cd examples/flask && $(BIN)/chaussette config circus --workers 4 --port $(PORT) hello:app >'$(abspath $(VENV))/circus.ini'
	@cd examples/flask && exec $(BIN)/circusd --log-level warning '$(abspath $(VENV))/circus.ini'

test: check
	$(BIN)/pytest -n 2 $(ARGS)

test-compiled: $(FOR_COMPILED)
	TEST_COMPILED=1 '$(COMPILED)/bin/python' -m pytest -n 2 -k 'fast or http11 or engine or compiled' $(ARGS) \
	  tests/unit tests/functional/fast tests/functional/test_compiled.py tests/functional/test_contract.py \
	  tests/functional/test_contract_drain.py tests/functional/test_lifecycle.py tests/functional/test_rolling.py

check: $(FOR_TEST)
	$(BIN)/ruff format --check --quiet
	$(BIN)/ruff check --quiet
	$(BIN)/mypy
	PATH="$(BIN):$$PATH" lint-imports

format: $(FOR_TEST)
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

docs: $(FOR_TEST)
	$(BIN)/python scripts/generate_reference.py

matrix: $(FOR_TEST)
	$(BIN)/pytest -n 2 --measure $(ENGINES) $(MEASURED)
	$(BIN)/python scripts/generate_reference.py

clean:
	rm -rf '$(VENV)' '$(COMPILED)' .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find src tests benchmarks examples scripts -name __pycache__ -prune -exec rm -rf {} +

$(MADE):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Chaussette needs Python 3.11 or later, and $(PYTHON) is not: make $(MAKECMDGOALS) PYTHON=python3.13" >&2; exit 1; }
	@echo 'Making $(VENV), which takes a moment'
	@$(PYTHON) -m venv --clear '$(VENV)'
	@touch $@

$(FOR_RUN): pyproject.toml | $(MADE)
	@$(PIP) --editable '.[example]'
	@touch $@

# meinheld is the one engine that no extra can bring, because it must be built with flags of its own.
$(FOR_TEST): pyproject.toml | $(MADE)
	@$(PIP) --editable '.[dev]'
	@$(BIN)/chaussette install meinheld
	@touch $@

# Nothing but the wheel is installed in it: all else it finds in $(VENV), whose own Chaussette, an editable one, it does not see.
$(FOR_COMPILED): hatch_build.py $(shell find src -name '*.py') $(FOR_TEST)
	@echo 'Compiling into $(COMPILED), which takes a moment'
	@$(BIN)/python -m venv --clear --without-pip '$(COMPILED)'
	@CHAUSSETTE_COMPILE=1 $(BIN)/python -m pip --python '$(COMPILED)/bin/python' install --no-deps .
	@'$(COMPILED)/bin/python' -c 'import sys, sysconfig; \
	  open(sysconfig.get_path("purelib") + "/beside.pth", "w").write(sys.argv[1])' \
	  "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
	@touch $@

# Everything a fresh machine needs: Python 3.11 or newer, git and make.
#   make demo    the whole pipeline on this machine, with real trades
#   make quick   lint, types and the tests that need no engine: half a minute
#   make test    all tests
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: demo demo-down test quick check golden bench torture lock clean

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "cryptoctl needs Python 3.11 or newer; name one with PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.local: $(BIN)/python lock/local.txt pyproject.toml
	$(PIP) install --require-hashes -r lock/local.txt
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(BIN)/python lock/dev.txt pyproject.toml
	$(PIP) install --require-hashes -r lock/dev.txt
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.local

demo: $(VENV)/.local  ## the whole pipeline on this machine, with real trades
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh examples/demo.sh

demo-down: $(VENV)/.local  ## removes what `make demo` made
	$(BIN)/cryptoctl down --env demo --local --yes
	$(BIN)/cryptoctl local stop

quick: check  ## lint, types, layers and the pure tests: no process, no connection, half a minute
	$(BIN)/pytest -n auto --dist worksteal -q -m pure

# Four workers on two cores: half of what the tests do is waiting for the engine.
test: check  ## lint, types, layers, tests
	$(BIN)/pytest -n 4 --dist loadfile --no-loadscope-reorder -q -m 'not torture'

check: $(VENV)/.dev  ## lint, types and layers alone
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

torture: $(VENV)/.dev  ## the long versions of the tests that `make test` samples
	$(BIN)/pytest -n 2 --dist loadfile -q -m torture

golden: $(VENV)/.dev  ## writes anew what the commands say (tests/hostile/messages.txt); read the difference
	GOLDEN=1 $(BIN)/pytest -q tests/cli tests/hostile -k messages

bench: $(VENV)/.dev  ## the measurements behind docs/performance.md
	$(BIN)/python -m bench

LOCK := $(BIN)/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host

lock: $(VENV)/.dev  ## pins anew, with hashes; names no index
	$(PIP) install pip-tools
	CUSTOM_COMPILE_COMMAND="make lock" $(LOCK) --extra local --extra dev -o lock/dev.txt pyproject.toml
	CUSTOM_COMPILE_COMMAND="make lock" $(LOCK) --extra local --all-build-deps -c lock/dev.txt -o lock/local.txt pyproject.toml

clean:
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

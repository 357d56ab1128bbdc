# What a fresh machine needs: Python 3.11 or newer, git and make. `make help` lists the targets.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

RELEASE := .venv-release

# Where the shell forbids the cache of compiled modules, each of the tests' processes compiles them again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo demo-down quick test check offline coverage mutation judges python314 golden bench torture pictures lock dist sbom clean

help:  ## this list
	@awk -F':.*  ## ' '/^[a-z0-9-]+:.*  ## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

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

demo: $(VENV)/.local  ## the whole pipeline on this machine, with 300 real trades
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh examples/demo.sh

demo-down: $(VENV)/.local  ## remove what `make demo` created
	$(BIN)/cryptoctl down --env demo --local --yes
	$(BIN)/cryptoctl local stop

quick: check  ## lint, types, layers and the pure tests but for the most thorough
	$(BIN)/pytest -n auto --dist worksteal -q -m 'pure and not thorough' --hypothesis-profile quick tests/core tests/dashboard tests/feed tests/files tests/handlers tests/ui tests/unit tests/*.py

# Five workers on two cores: some of what the tests do is waiting for the engine. A test that hangs ends the run, and says
# where each of its threads is.
SUITE := -n 5 --dist loadfile --no-loadscope-reorder -q -m 'not torture' \
	--max-worker-restart 0 -o faulthandler_timeout=600 -o faulthandler_exit_on_timeout=true

test: $(VENV)/.dev  ## everything a change has to pass: lint, types, layers, tests
	@$(MAKE) --no-print-directory -j 2 check $(VENV)/.compiled
	$(BIN)/pytest $(SUITE)

check: $(VENV)/.dev  ## lint, types and layers, without the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The tests of a new clone are compiled once, and while mypy runs: else each of pytest's workers does it.
$(VENV)/.compiled: $(VENV)/.dev
	$(BIN)/pytest --collect-only -qq > $@ || { tail -n 30 $@; rm $@; exit 1; }

offline: $(VENV)/.dev  ## the tests without a network; anything that tries to reach beyond loopback fails it (Linux)
	sh tests/offline.sh $(BIN)/pytest $(SUITE)

# In Python 3.11 a thread that starts while another one does dies when it is traced, and whoever waits for it waits
# for ever. The selftest runs whole in torture alone.
coverage: $(VENV)/.dev  ## branch coverage of core, handlers, reconcile and ops by the tests (Python 3.12 or newer)
	$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 12) and "coverage needs Python 3.12 or newer")'
	rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest $(SUITE)
	$(BIN)/coverage run -m pytest -q -m torture tests/cli/test_selftest.py
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

mutation: $(VENV)/.dev  ## changes to the code, one at a time, that no pure test notices
	$(BIN)/python tests/mutation.py

torture: $(VENV)/.dev  ## the long versions of the tests that `make test` samples
	$(BIN)/pytest -n 2 --dist loadfile -q -m torture

# Tools that others wrote; nothing else needs them. They are installed beside, not into, what cryptoctl needs.
JUDGES := build/judges

judges: $(VENV)/.dev  ## tools that others wrote, over policies, requests (needs npm), resources and workflows
	rm -rf $(JUDGES)
	mkdir -p $(JUDGES)
	cp tests/judges/package.json tests/judges/simulate.mjs $(JUDGES)
	npm --prefix $(JUDGES) install --no-audit --no-fund --silent
	$(PYTHON) -m venv $(JUDGES)/venv
	$(JUDGES)/venv/bin/python -m pip --disable-pip-version-check --quiet install parliament==1.6.4 zizmor==1.32.0
	$(JUDGES)/venv/bin/zizmor --offline .github
	$(PYTHON) -m venv $(JUDGES)/scanner
	$(JUDGES)/scanner/bin/python -m pip --disable-pip-version-check --quiet install checkov==3.3.30
	$(BIN)/python tests/judges/scan.py $(JUDGES)/scan $(JUDGES)/scanner/bin/checkov
	JUDGES=$(JUDGES) $(BIN)/pytest -q tests/permissions/test_operating.py tests/permissions/test_deploying.py -k "enough or each_action"
	$(BIN)/python tests/judges/probes.py $(JUDGES)
	$(JUDGES)/venv/bin/python tests/judges/lint.py $(JUDGES)/policies
	node $(JUDGES)/simulate.mjs $(JUDGES)/asked.jsonl $(JUDGES)/probes.json

PYTHON314 := build/python314

# What the tests need is installed beside the rest, in pure Python. Deeply nested JSON takes a deep stack.
python314: $(VENV)/.dev  ## the tests of core and handlers on CPython 3.14, in Node (npm's pyodide)
	@for each in node npm; do command -v $$each > /dev/null || { \
		echo "make python314 needs $$each: npm's package pyodide is CPython 3.14 for Node." >&2; exit 1; }; done
	rm -rf $(PYTHON314)
	mkdir -p $(PYTHON314)
	cp tests/python314/package.json tests/python314/run.mjs $(PYTHON314)
	npm --prefix $(PYTHON314) install --no-audit --no-fund --silent
	$(PIP) install --target $(PYTHON314)/packages --no-warn-conflicts --only-binary=:all: --platform any \
		--python-version 3.14 --implementation py --abi none -r tests/python314/requirements.txt
	ulimit -s $$(ulimit -H -s) && node --stack-size=30000 $(PYTHON314)/run.mjs $(CURDIR) $(CURDIR)/$(PYTHON314)/packages

golden: $(VENV)/.dev  ## write tests/hostile/messages.txt, what the commands print; review the diff
	GOLDEN=1 $(BIN)/pytest -q tests/cli tests/hostile -k messages

bench: $(VENV)/.dev  ## the measurements behind docs/performance.md
	$(BIN)/python -m bench

# For every system and Python at once: what one of them alone needs is marked so.
LOCK := $(BIN)/uv pip compile --quiet --universal --fork-strategy fewest --python-version 3.11 --generate-hashes \
	--custom-compile-command "make lock"

pictures: $(VENV)/.dev  ## docs/pictures/, from the real commands on the embedded engine; the dashboard needs Chromium
	$(BIN)/python docs/pictures/make.py

lock: $(VENV)/.dev  ## pin the dependencies in lock/, with hashes
	$(PIP) install uv
	$(LOCK) --extra local --extra files --extra feed --extra dashboard --extra dev -o lock/dev.txt pyproject.toml
	$(LOCK) --extra local -c lock/dev.txt -o lock/local.txt pyproject.toml lock/build.in
	$(LOCK) -o lock/release.txt lock/release.in

dist: $(VENV)/.local  ## the wheel and the source distribution, in dist/
	rm -rf dist
	$(BIN)/hatchling build

$(RELEASE)/.done: lock/release.txt
	$(PYTHON) -m venv $(RELEASE)
	$(RELEASE)/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r lock/release.txt
	@touch $@

# What is in a fresh environment with the wheel and all that lock/local.txt pins.
sbom: dist $(RELEASE)/.done  ## the software bill of materials (CycloneDX), in build/
	rm -rf build
	$(PYTHON) -m venv --without-pip build/installed
	$(PIP) --python build/installed/bin/python install --require-hashes -r lock/local.txt
	$(PIP) --python build/installed/bin/python install --no-deps dist/*.whl
	$(RELEASE)/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible \
		--output-file build/sbom.cdx.json build/installed

clean:  ## remove everything that these targets created in this directory
	rm -rf $(VENV) $(RELEASE) dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

# make profile    set everything up, run the AlexNet profile and show the answer
# make tensorboard   show the runs of logdir/ in TensorBoard
# make test       tests, ruff and the type checker
# make test-fast  tests without the slow ones, in less than a minute
# make lint       ruff, the type checker, and the dashboard's scripts where npm is there
# make docs       write the reference in docs/json.md anew
# make bench      the comparisons that need a quiet machine
# make stress     hostile traces, altered records, kills, full disks: ten minutes, a table at the end
# make clean      remove the virtual environment and caches; logdir/ stays
#
# make profile ARGS="--num-batches 20"      options for `alexprof profile`
# make profile PYTHON=/usr/bin/python3.12   another Python (3.10 to 3.13)

VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
LOGDIR ?= logdir
PORT ?= 6006
SCRIPTS := tests/browser
MAKEFLAGS += --no-print-directory

# The first Python that runs and is of a version that TensorFlow has wheels for.
PYTHON ?= $(shell for p in python3 python3.12 python3.11 python3.10 python3.13; do \
  $$p -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null \
  && echo $$p && break; done)

.PHONY: profile tensorboard test test-fast lint lint-js docs bench clean
.DELETE_ON_ERROR:

profile: $(VENV)/.installed
	@$(BIN)/alexprof profile --logdir "$(LOGDIR)" $(ARGS)

tensorboard: $(VENV)/.installed
	@$(BIN)/tensorboard --logdir "$(LOGDIR)" --port $(PORT)

test: $(VENV)/.installed-dev lint
	@$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile $(ARGS)

test-fast: $(VENV)/.installed-dev
	@$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile -m "not slow" $(ARGS)

lint: $(VENV)/.installed-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@if command -v npm >/dev/null; then $(MAKE) lint-js; \
	elif [ "$$ALEXPROF_BROWSER" = required ]; then echo "no npm (apt install npm)" >&2; exit 2; \
	else echo "no npm: the dashboard's scripts are not checked (apt install npm)"; fi

# Types and style of the dashboard's scripts: TypeScript and ESLint, nothing that is shipped.
lint-js: $(SCRIPTS)/node_modules/.installed
	@cd $(SCRIPTS) && npm run --silent check

$(SCRIPTS)/node_modules/.installed: $(SCRIPTS)/package-lock.json
	@cd $(SCRIPTS) && npm ci --silent --no-audit --no-fund
	@touch $@

docs: $(VENV)/.installed-dev
	@$(BIN)/python -m docs.json_reference

bench: $(VENV)/.installed-dev
	@$(BIN)/python -m benchmarks $(ARGS)

.PHONY: stress
stress: $(VENV)/.installed-dev
	@$(BIN)/python -m benchmarks.stress $(ARGS)

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

# Made once, and again when pyproject.toml changes. A half-made environment has no stamp.
$(VENV)/.installed: pyproject.toml
	@$(call make_venv)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@$(BIN)/python -m alexprof.tensorboard.vega
	@touch $@

$(VENV)/.installed-dev: pyproject.toml
	@$(call make_venv)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@$(BIN)/python -m alexprof.tensorboard.vega
	@touch $@ $(VENV)/.installed

# Debian's python3 comes without venv's other half (package python3-venv).
define make_venv
if [ -z "$(PYTHON)" ]; then \
  echo "no Python 3.10 to 3.13 found: install one (Debian: apt install python3-venv)," \
       "or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3" >&2; exit 2; fi; \
if [ ! -x $(BIN)/python ] || ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
  if ! $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; then \
    if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
      echo "installing Debian's python3-venv"; \
      apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null || exit 2; \
    else \
      echo "$(PYTHON) can't make virtual environments: sudo apt install python3-venv" >&2; exit 2; \
    fi; fi; \
  echo "making $(VENV) with $$($(PYTHON) --version) (TensorFlow is large: a few minutes the first time)"; \
  $(PYTHON) -m venv --clear $(VENV) || exit 2; \
  $(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip || exit 2; fi
endef

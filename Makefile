# Countersign. `make` says what can be done here; .venv/ and var/ are all it writes.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamps

# uv does not read pip's configuration: a package index set there is handed on, and where even that
# is not enough (a local folder of wheels, say) pip itself takes over, slower.
define fetch
index=$$($(BIN)/pip config list | sed -n "s/^[a-z:]*\.index-url='\(.*\)'$$/\1/p" | tail -n 1); \
if [ -n "$$index" ]; then export UV_DEFAULT_INDEX="$$index"; fi; \
$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r $(1) \
|| $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(1)
endef

compile = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate

# Rooms that keep something; their tests run on either backend.
STORING := $(addprefix tests/,audit authenticator channels desk directory factors jobs keys methods oidc partners policy portal saml signin state store)

.PHONY: help install run test check lint bench size lock
.DELETE_ON_ERROR:

help: ## say what can be done here
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

install: $(STAMP)/installed ## set up .venv with the `idp` command in it

run: install ## start the provider, two demo applications, a phone and demo people (Ctrl-C stops them)
	@exec $(BIN)/idp demo $(ARGS)

test: $(STAMP)/dev ## run the tests (what they need beside Python is installed by apt when root)
	@.ci/peers
	@$(BIN)/pytest -n auto $(ARGS)

check: lint ## everything: lint, the tests with long searches, and all that store anything on PostgreSQL and Redis
	@COUNTERSIGN_LONG=1 $(MAKE) --no-print-directory test
	@COUNTERSIGN_BACKEND=postgres $(BIN)/pytest -n auto $(STORING)

lint: $(STAMP)/dev ## style, types, who may import whom, and the limits on size
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	$(BIN)/pytest -q tests/tooling/test_limits.py

bench: $(STAMP)/dev ## measure sign-ins per core and the rest of bench/README.md
	$(BIN)/python bench/run.py $(ARGS)

size: $(STAMP)/dev ## measure whether 100,000 people and 5 million audit rows cost more than ten
	$(BIN)/python bench/size.py $(ARGS)

lock: $(STAMP)/installed ## recompile the three requirement locks from pyproject.toml
	$(compile) --extra demo --extra build -o requirements.lock pyproject.toml
	$(compile) --all-extras -c requirements.lock -o requirements-dev.lock pyproject.toml
	echo uv | $(compile) -o requirements-uv.lock -

$(STAMP)/python:
	@command -v $(PYTHON) >/dev/null || { echo "Python is missing: install python3 (3.11 or newer)." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Countersign needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V)." >&2; \
	  echo "Name another one with: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) comes without its venv module; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@mkdir -p $(STAMP) && touch $@

$(STAMP)/uv: requirements-uv.lock | $(STAMP)/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.lock
	@touch $@

$(STAMP)/runtime: requirements.lock $(STAMP)/uv
	@echo "Installing what Countersign needs into $(VENV) ..."
	@$(call fetch,requirements.lock)
	@touch $@

$(STAMP)/installed: pyproject.toml $(STAMP)/runtime
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

$(STAMP)/dev: requirements-dev.lock $(STAMP)/installed
	@echo "Installing what the tests need into $(VENV) ..."
	@$(call fetch,requirements-dev.lock)
	@touch $@

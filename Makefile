# make up      a network of three nodes on this machine, and its gateway (the Procfile); Ctrl-C ends it;
#              GATEWAY_PORT=8081 where another program has 8080
# make test    everything that has to hold before a change is accepted; the default
# make seeds   simulates a thousand more networks that meet every fault, each from a seed; SEEDS=5000
#              takes as many. It prints the command that repeats what went wrong. Also one of a
#              thousand nodes, and more seeds of what `make test` tries with a few; and it shows that
#              seeds find what is wrong: it leaves out rules of the protocol, one at a time
# make soak    the tests with real nodes that take minutes, and two thousand simulated networks
# make bench   measures what a node costs against a bare ZeroMQ echo, and how gossip scales; for more
#              see bench/README.md
# make clean   removes what the others made, the nodes' data in .data excepted
#
# They need Linux and Python 3.11 or later. PYTHON=python3.13 picks another than `python3`.

PYTHON ?= python3
VENV := .venv
SEEDS ?= 1000
# Tests start hundreds of nodes, which need not compile their code each time.
unexport PYTHONDONTWRITEBYTECODE
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.DEFAULT_GOAL := test
.PHONY: up test seeds soak bench clean

# honcho takes the shell's place, so that a SIGTERM for make reaches it.
up: $(INSTALLED)
	@exec env PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/honcho start

test: $(INSTALLED)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pytest

seeds: $(INSTALLED)
	SEEDS=$(SEEDS) $(BIN)/pytest -m seeds

soak: $(INSTALLED)
	$(BIN)/pytest -m 'soak or seeds'

bench: $(INSTALLED)
	$(BIN)/python -m bench

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp is written last: an installation that was cut short is done again, from nothing.
$(INSTALLED): pyproject.toml
	@command -v $(PYTHON) >/dev/null || { \
		echo "There is no $(PYTHON) here; install Python 3.11 or later, or name one: make PYTHON=..." >&2; \
		exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "$(PYTHON) is older than Python 3.11; name a later one: make PYTHON=..." >&2; \
		exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) lacks venv or ensurepip; on Debian and Ubuntu, apt install python3-venv." >&2; \
		exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

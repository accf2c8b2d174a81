# `make train` and `make test` set up .venv by themselves, once, and again when the lock file changes.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
ARGS   ?=

.PHONY: help train test tables lint lock clean
help:
	@echo "make train [ARGS='loss=dice']   set up .venv if needed, train experiment=quickstart on generated street scenes"
	@echo "make test  [ARGS='-m \"not slow\"']  set up .venv if needed, run the tests (ARGS=--exhaustive: every network, as CI does)"
	@echo "make tables                     render the README's and its guide's tables again from the measurements in conf/table/"
	@echo "make lint                       ruff and mypy"
	@echo "make lock                       resolve requirements.lock again"
	@echo "make clean                      remove .venv"

train: $(VENV)/.ready
	$(BIN)/python -m seglab.train experiment=quickstart $(ARGS)

test: $(VENV)/.ready
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

tables: $(VENV)/.ready
	$(BIN)/python -m seglab.table readme=README.md
	$(BIN)/python -m seglab.table readme=notebooks/tables.md

lint: $(VENV)/.ready
	$(BIN)/ruff check seglab tests
	$(BIN)/mypy

lock: $(VENV)/.ready
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --extra dev \
	  --no-emit-index-url --no-header --no-annotate --upgrade -o requirements.lock

clean:
	rm -rf $(VENV)

# The stamp is written last: an interrupted set-up is simply started again.
$(VENV)/.ready: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and "seglab needs Python 3.11, 3.12 or 3.13 (this is %s): make PYTHON=python3.12 ..." % sys.version.split()[0])'
	@echo "Setting up $(VENV): about 6 GB, because PyTorch's ordinary wheels bring the CUDA libraries."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	@touch $@

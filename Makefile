# `make demo` and `make test` work on a bare machine with Python 3.11, pip and make.
PYTHON ?= python3
BIN := .venv/bin
DEMO := demo

.PHONY: demo test test-slow bench lint clean

# torch first and alone, from the pin: otherwise another package may pull a build of several GB.
.venv/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -r constraints.txt
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[dev]"
	@touch $@

demo: .venv/.installed
	$(BIN)/python examples/demo.py --out $(DEMO)

test: .venv/.installed
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m pyright
	$(BIN)/python -m pytest -q

test-slow: .venv/.installed
	$(BIN)/python -m pytest -q -m slow

# One thread each, so that figures are comparable; the benches that need recordings say so: python bench/NAME.py --help.
bench: .venv/.installed
	OMP_NUM_THREADS=1 $(BIN)/python bench/engine.py
	OMP_NUM_THREADS=1 $(BIN)/python bench/esc10/check.py

lint: .venv/.installed
	$(BIN)/python -m ruff check --fix .
	$(BIN)/python -m ruff format .
	$(BIN)/python -m pyright

clean:
	rm -rf .venv build dist $(DEMO) src/*.egg-info

# Every target that needs the environment builds it first, in .venv, and only when it is missing or pyproject.toml has
# changed: `make demo` and `make test` each work alone on a fresh machine, and without a network from the second time on.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

# The stamp is named after what it stands for (this folder and what pyproject.toml asks for), not dated: a copied or
# freshly checked out tree has meaningless dates, and one that needs nothing must not reach for the network.
INSTALLED := $(VENV)/.installed-$(shell { pwd; cat pyproject.toml; } | cksum | tr -d ' ')

.DEFAULT_GOAL := help
.PHONY: help install demo test soak lint types check format evaluate train benchmark notebooks clean

help:  ## Show this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "  (make PYTHON=python3.12 ... chooses the Python that builds $(VENV); make test ARGS='-k regions' passes options on)"

install: $(INSTALLED)  ## Build .venv with everything that the demo and the tests need

$(INSTALLED): | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --editable ".[dev]"
	@rm -f $(VENV)/.installed-*
	@touch $@

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { \
		echo "There is no '$(PYTHON)' here: install Python 3.11 or newer, or name one: make PYTHON=python3.12 install" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed, '$(PYTHON)' is $$($(PYTHON) -V 2>&1): name one: make PYTHON=python3.12 install" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

demo: $(INSTALLED)  ## Ask about the shipped picture with the embedded weights, offline; writes overlay.png
	$(BIN)/python examples/demo.py

test: $(INSTALLED)  ## Run the tests, offline, two files at a time
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile $(ARGS)

soak: $(INSTALLED)  ## Run the tests that take minutes: killed hundreds of times, 32 threads, crafted pictures
	$(BIN)/python -m pytest -m soak --timeout 1800 $(ARGS)

lint: $(INSTALLED)  ## Check the style with ruff
	$(BIN)/ruff check .

types: $(INSTALLED)  ## Check the types with mypy, strictly
	$(BIN)/mypy

check: lint types test  ## Everything that a change has to pass

format: $(INSTALLED)  ## Mend what ruff can mend by itself: import order, simplifications
	$(BIN)/ruff check --fix .

evaluate: $(INSTALLED)  ## Measure on held-out scenes and print the table of the README
	$(BIN)/ferret evaluate scenes $(ARGS)

train: $(INSTALLED)  ## Train all embedded weights: the detector, SAM and ferret-nano (hours; resumes where it stopped)
	$(BIN)/ferret train embedded $(ARGS)

benchmark: $(INSTALLED)  ## Measure speed as ratios within one run, and questions of several steps
	$(BIN)/python benchmarks/start_up.py
	$(BIN)/python benchmarks/sampler.py
	$(BIN)/python benchmarks/scenes.py
	$(BIN)/python benchmarks/tuning.py
	$(BIN)/python benchmarks/controller.py
	$(BIN)/python benchmarks/multi_step.py

notebooks: $(INSTALLED)  ## Run the notebooks of examples/ and keep their pictures in them
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --editable ".[notebooks]"
	cd examples && PYTHONWARNINGS="ignore:IProgress not found" ../$(BIN)/jupyter nbconvert --to notebook --execute --inplace *.ipynb

clean:  ## Remove caches and build leftovers; .venv and training runs stay
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage overlay.png
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

# Two commands and nothing before them: `make demo`, `make test`.

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
USABLE := .venv/.usable
TORCH_INDEX ?= # another package index for torch, such as https://download.pytorch.org/whl/cpu without CUDA
FUZZ_SECONDS ?= 60

OPTIONS ?= # more of pytest
PIP := $(BIN)/python -m pip install --disable-pip-version-check --constraint constraints.txt
PYTEST := $(BIN)/python -m pytest -n logical --dist worksteal $(OPTIONS)

.PHONY: demo test test-fast coverage lint docs links fuzz clean

demo: $(USABLE)
	$(BIN)/recon demo --output demo

test: $(INSTALLED)
	$(PYTEST)

# Under two minutes on two cores: without the tests marked slow.
test-fast: $(INSTALLED)
	$(PYTEST) -m 'not slow'

coverage: $(INSTALLED)
	$(PYTEST) --cov

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

# The site, in docs/_build; its gallery runs, which takes some minutes.
docs: $(INSTALLED)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[docs]'
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

links: docs
	$(BIN)/python -m sphinx -b linkcheck docs docs/_build/links

fuzz: $(INSTALLED)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,fuzz]'
	for target in tests/fuzz/*.py; do \
		PYTHONPATH=tests $(BIN)/python $$target -max_total_time=$(FUZZ_SECONDS) -verbosity=0 || exit 1; \
	done

clean:
	rm -rf .venv build *.egg-info demo .coverage docs/_build docs/generated docs/sg_execution_times.rst

# What a user needs, without the developers' tools.
$(USABLE): pyproject.toml constraints.txt
ifeq ($(strip $(TORCH_INDEX)),)
	@echo "Installing into .venv: 5.5 GB and about ten minutes, because torch's wheels for Linux bring CUDA."
	@echo "Without a GPU, make demo TORCH_INDEX=https://download.pytorch.org/whl/cpu takes 2 GB and five minutes."
else
	@echo "Installing into .venv: 2 GB and about five minutes, more with CUDA."
endif
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
ifneq ($(strip $(TORCH_INDEX)),)
	$(PIP) --no-deps --index-url $(TORCH_INDEX) torch
endif
	$(PIP) --editable '.[all]'
	@touch $(USABLE)
	@echo "Installed; $(BIN)/recon is the command."

$(INSTALLED): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $(INSTALLED)

# Two commands and nothing before them: `make demo`, `make test`.

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
FUZZ_SECONDS ?= 60

PARALLEL := -n logical --dist worksteal

.PHONY: demo test test-fast coverage lint fuzz clean

demo: $(INSTALLED)
	$(BIN)/recon demo --output demo

test: $(INSTALLED)
	$(BIN)/python -m pytest $(PARALLEL)

# Under two minutes on two cores: without the tests marked slow.
test-fast: $(INSTALLED)
	$(BIN)/python -m pytest $(PARALLEL) -m 'not slow'

coverage: $(INSTALLED)
	$(BIN)/python -m pytest $(PARALLEL) --cov --cov-report=term

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

fuzz: $(INSTALLED)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,fuzz]'
	for target in tests/fuzz/*.py; do \
		PYTHONPATH=tests $(BIN)/python $$target -max_total_time=$(FUZZ_SECONDS) -verbosity=0 || exit 1; \
	done

clean:
	rm -rf .venv build *.egg-info demo .coverage

$(INSTALLED): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $(INSTALLED)

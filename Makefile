# The first two commands anybody needs: make demo, make test.
PYTHON ?= python3
VENV := .venv/bin

.PHONY: demo install test test-all check bench docs lock clean

demo: install  ## see footfall at work: make demo, or make demo FILE=events.csv ARGS="--map user_id=who"
	$(VENV)/footfall demo $(if $(FILE),--file "$(FILE)",shop) $(ARGS)

install:  ## make .venv and install footfall into it
	@$(PYTHON) tools/bootstrap.py

test: install check  ## checks and the quick tests, no server needed
	$(VENV)/pytest -q -n auto -m "not slow and not server"

test-all: $(if $(QUICK),install,test)  ## every test (QUICK=done: the quick ones have just run): then the slow ones, the real SDKs and a browser against a running server, and servers of other systems
	$(VENV)/pytest -q -m "slow and not server"
	$(VENV)/pytest -q -n 4 --dist worksteal -m server tests/sdk
	$(VENV)/pytest -q -m server tests/services

check: install  ## format, lint, types, layers
	$(VENV)/ruff format --check .
	$(VENV)/ruff check .
	$(VENV)/mypy
	$(VENV)/lint-imports

bench: install  ## speed beside the best peers, in one run: make bench, or make bench BENCH=--quick
	$(VENV)/python bench/run.py $(BENCH)

docs: install  ## write the generated parts of docs/
	$(VENV)/python tools/docs.py

lock: install  ## resolve the dependencies anew
	$(VENV)/uv pip compile pyproject.toml --group dev --all-extras --universal --python-version 3.11 \
		--generate-hashes --no-header --no-annotate --upgrade --quiet --output-file requirements.lock

clean:  ## remove what was built; the lake of a project stays
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist demo

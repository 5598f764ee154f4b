# One verb a line; CI calls the same ones. `make` alone lists them.

PYTHON ?= python3
# Another package index that offers torch, such as PyTorch's own with CPU builds: make demo TORCH_INDEX=https://...
TORCH_INDEX ?=
# The table of NAS-Bench-201 as an .npz (see archsmith.evaluators.nasbench201), for the benchmarks that need it.
# Its single trainings lie beside it.
NASBENCH201 ?=
# A folder of <name>.csv.gz tables with a column "target", for the benchmark of tables.
TABULAR ?=
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check \
	$(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) -c constraints.txt
STAMP := $(VENV)/.installed
DOCS_STAMP := $(VENV)/.installed-docs
E2E_STAMP := $(VENV)/.installed-e2e

.DEFAULT_GOAL := help
.PHONY: help demo app test clock slow e2e check format reference bench web docs clean

help: ## list these verbs
	@grep -E '^[a-z0-9]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-10s %s\n", $$1, $$2 }'

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Archsmith needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	@echo "Installing into $(VENV) (once; a minute or two) ..."
	$(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) -e ".[train,serve,app,optuna,dev]"
	@touch $@

$(DOCS_STAMP): $(STAMP)
	$(PIP_INSTALL) -e ".[docs]"
	@touch $@

$(E2E_STAMP): $(STAMP)
	$(PIP_INSTALL) -e ".[e2e]"
	@touch $@

demo: $(STAMP) ## search a network for scikit-learn's digits, train it, export it: about 2 minutes after the install
	$(BIN)/archsmith fit digits --time 2m --out models/digits --replace

app: $(STAMP) ## the web app, at http://127.0.0.1:8080; Ctrl-C ends it
	$(BIN)/archsmith app

test: $(STAMP) ## the tests, with the lines that they run (coverage): a few minutes on two cores
	$(BIN)/python -m slipcover -m pytest -m "not slow and not clock" -n 2 --dist worksteal

clock: $(STAMP) ## the tests that judge wall-clock time: one by one, on a machine with nothing else to do
	$(BIN)/python -m pytest -m "clock and not slow"

slow: $(STAMP) ## the long tests, without those of `make e2e`
	$(BIN)/python -m pytest -m slow --ignore=tests/e2e

e2e: $(E2E_STAMP) ## the app in a real browser (needs chromium and npm): minutes; before a release
	$(BIN)/python tests/e2e/fetch.py
	$(BIN)/python -m pytest -m slow tests/e2e

check: $(STAMP) ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(STAMP) ## put the code into its format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

reference: $(STAMP) ## write the pages of docs/reference that are made from the code
	$(BIN)/python docs/generate.py

bench: $(STAMP) ## most measurements that the documentation quotes: hours; goes on where it was stopped
	$(BIN)/python benchmarks/engine.py
	$(BIN)/python benchmarks/executor.py
	$(BIN)/python benchmarks/serving.py
	$(BIN)/python benchmarks/serve_clean.py
	$(BIN)/python benchmarks/app_api.py
	$(BIN)/python benchmarks/app.py
	$(BIN)/python benchmarks/steps.py
	$(BIN)/python benchmarks/tables.py
	$(BIN)/python benchmarks/methods.py
	$(BIN)/python benchmarks/proxies.py $(if $(NASBENCH201),--nasbench201 $(NASBENCH201))
	$(BIN)/python benchmarks/data_memory.py --images 200000
	$(BIN)/python benchmarks/memory.py
	$(BIN)/python benchmarks/batch.py
	$(BIN)/python benchmarks/fashion_mnist.py
	$(BIN)/python benchmarks/budgets.py
	$(BIN)/python benchmarks/pays.py --only digits,fashion
	$(BIN)/python benchmarks/races.py
	$(BIN)/python benchmarks/hostile.py --fresh
	$(BIN)/python benchmarks/cifar10.py
	$(BIN)/python benchmarks/inheritance.py
	$(BIN)/python benchmarks/enas_step.py
	$(BIN)/python benchmarks/enas.py
	$(BIN)/python benchmarks/weights.py --space conv_stages
	$(if $(TABULAR),$(BIN)/python benchmarks/tabular.py $(TABULAR),@echo "Left out: make bench TABULAR=folder of tables")
	$(if $(NASBENCH201),$(BIN)/python benchmarks/graph_gp.py $(NASBENCH201) \
		--single $(NASBENCH201:.npz=_valid_per_seed.npz))
	$(if $(NASBENCH201),$(BIN)/python benchmarks/progressive.py $(NASBENCH201) --most 300)
	$(if $(NASBENCH201),$(BIN)/python benchmarks/nasbench201_baselines.py $(NASBENCH201), \
		@echo "Left out: make bench NASBENCH201=nas_bench_201.npz")

web: $(STAMP) ## fetch onnxruntime-web (needs npm), which the pages of `archsmith bundles web` run models with
	$(BIN)/python web/vendor.py

docs: $(DOCS_STAMP) ## build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

clean: ## remove the environment, caches and builds
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache build dist site
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

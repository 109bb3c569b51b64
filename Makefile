# Every target does its own set-up: Python 3.11+ with venv and pip is all a machine needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
CODE := include scenarios/locust tests k8s/charts $(wildcard dags)

.PHONY: help setup demo airflow test test-cluster lint checkov chart benchmark soak lock clean
help:  ## what there is to make
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | sort

setup: $(STAMP)  ## the virtual environment from the locked requirements.txt

$(STAMP): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] + "; name one with make PYTHON=...") if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(STAMP)  ## the whole pipeline in Airflow: deploy, load, measure, check, decide
	@$(BIN)/python -m orchestration.demo

airflow: $(STAMP)  ## a local Airflow for the environments in a cluster, until Ctrl-C (docs/deployment.md)
	@$(BIN)/python -m orchestration.serve

lint: $(STAMP)  ## style, types, layers
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy include
	cd scenarios/locust && ../../$(BIN)/mypy --config-file ../../pyproject.toml *.py
	$(BIN)/lint-imports
	$(BIN)/yamllint --strict scenarios k8s .yamllint.yaml

# Checkov and Airflow cannot be installed together: it has an environment of its own, .venv/checkov.
checkov: $(STAMP)  ## k8s/ against Checkov's rules, in every environment
	@$(BIN)/python tests/manifests/checkov.py

chart: $(STAMP)  ## the Helm chart, made anew from k8s/base, components and overlays
	@cd k8s/charts && ../../$(BIN)/python -m generate

test-cluster: $(STAMP)  ## what only a real cluster shows; needs KUBECONFIG and the images (docs/deployment.md)
	$(BIN)/pytest tests/cluster

# One after the other: the Airflow of one set of tests must not take the CPU from the load of another. What measures no
# times runs on all cores, each file of tests in one process.
test: lint  ## lint and all tests
	$(BIN)/pytest -n auto --dist loadfile tests/unit tests/manifests tests/browser
	$(BIN)/pytest tests/integration
	$(BIN)/pytest tests/airflow

benchmark: $(STAMP)  ## the figures of docs/benchmarks.md, measured here; ONLY=platform chooses, SHORT=1 shortens
	@ONLY="$(ONLY)" SHORT="$(SHORT)" $(BIN)/python tests/benchmarks/all.py

soak: $(STAMP)  ## endurance: kills, restarts, spoiled input, hundreds of times; ONLY=kills chooses, SHORT=1 shortens
	@ONLY="$(ONLY)" SHORT="$(SHORT)" $(BIN)/python tests/soak/all.py

# The images' files are parts of the whole: the same versions, the same hashes. A replica scores with LightGBM's shared
# library alone, without what training needs.
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header
lock:  ## requirements.in -> requirements.txt, for every platform and Python from 3.11 on; the images' parts of it
	$(LOCK) requirements.in -o requirements.txt
	$(LOCK) -c requirements.txt requirements-readiness.in -o requirements-readiness.txt
	$(LOCK) -c requirements.txt --no-emit-package numpy --no-emit-package scipy --no-emit-package narwhals requirements-platform.in -o requirements-platform.txt
	$(LOCK) tests/manifests/checkov.in -o tests/manifests/checkov.txt

clean:  ## removes the state folder and the virtual environment
	rm -rf .readiness $(VENV)

# Two commands do everything on a fresh machine: `make demo` and `make test`.
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What is installed: for the demo, or, into the same place, for all work on Omote.
# `make check test EXTRAS=dev,train` checks and tests what trains, too.
EXTRAS ?= dev
DEMO_EXTRAS := 3d,models,video
comma := ,
STAMP := $(VENV)/.installed$(patsubst %,-%,$(subst $(comma),-,$(filter-out dev,$(EXTRAS))))
DEMO_STAMP := $(VENV)/.demo
PROTOS := $(wildcard protos/omote/v1/*.proto)

.PHONY: help setup assets demo test sweep soak check lint types arrows proto proto-check schema schema-check catalogue catalogue-check settings settings-check format pictures bench clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

# Shows what is large, and the sum of what pip says that it fetches or has at hand.
SUM := awk '/^ *(Downloading|Using cached) / && !/\.metadata/ { \
	size = $$(NF - 1); sub(/\(/, "", size); unit = $$NF; \
	if (unit ~ /MB/) print; mb = unit ~ /MB/ ? size : unit ~ /GB/ ? size * 1000 : size / 1000; \
	if (/Downloading/) fetched += mb; else cached += mb } \
	END { printf "packages: %.0f MB fetched, %.0f MB were at hand\n", fetched, cached }'
install = $(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet --upgrade pip && \
	$(BIN)/python -m pip install --progress-bar off --editable ".[$(1)]" | $(SUM)

$(STAMP): pyproject.toml
	@$(call install,$(EXTRAS))
	@touch $@

$(DEMO_STAMP): pyproject.toml
	@echo "installing what the demo needs into $(VENV): about 280 MB of packages, and 40 MB of models when it runs"
	@$(call install,$(DEMO_EXTRAS))
	@touch $@

setup: $(STAMP)  ## make .venv with everything that checks and tests need

assets: setup  ## fetch and verify the models and the pinned footage
	$(BIN)/omote models pull
	$(BIN)/omote models pull --footage

demo: $(if $(wildcard $(STAMP)),$(STAMP),$(DEMO_STAMP))  ## a real clip through a real server: out/demo.mp4 and out/demo.png
	$(BIN)/omote demo $(if $(FILTER),--filter "$(FILTER)") $(if $(VIDEO),--video "$(VIDEO)")

# Once, and with the coverage of the core: pyproject.toml says of what, and its floor.
test: assets  ## run the tests, on every core
	$(BIN)/python -m pytest -m "not soak and not sweep" -n auto --cov --cov-report=
	@$(BIN)/python -m coverage report --skip-covered

sweep: assets  ## every filter on a picture of 36 megapixels; minutes
	$(BIN)/python -m pytest -m sweep

soak: assets  ## the long runs: memory over 10,000 frames
	$(BIN)/python -m pytest -m soak

check: setup lint types arrows proto-check schema-check catalogue-check settings-check  ## what CI runs, apart from the tests

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/buf lint protos

types: setup
	$(BIN)/mypy protos/omote/__init__.py models/omote_models filters/omote_filters server/omote_server clients/python/omote_client tests docs

arrows: setup
	$(BIN)/lint-imports

PROTOC = $(BIN)/python -m grpc_tools.protoc -I protos \
	--plugin=protoc-gen-mypy=$(BIN)/protoc-gen-mypy \
	--plugin=protoc-gen-mypy_grpc=$(BIN)/protoc-gen-mypy_grpc \
	--python_out=$(1) --mypy_out=quiet:$(1) --grpc_python_out=$(1) --mypy_grpc_out=quiet:$(1) $(PROTOS)

proto: setup  ## regenerate the wire code
	$(call PROTOC,protos)
	@cd protos/omote/v1 && for f in face picture filter stream; do rm -f $${f}_pb2_grpc.py $${f}_pb2_grpc.pyi; done

proto-check: setup  # fails when the generated code is stale
	@rm -rf build/proto && mkdir -p build/proto
	@$(call PROTOC,build/proto)
	@for f in build/proto/omote/v1/*_pb2.py build/proto/omote/v1/*_pb2.pyi build/proto/omote/v1/filter_service_pb2_grpc.py*; do \
		cmp "$$f" "protos/omote/v1/$$(basename $$f)" || { echo "generated code is stale: run 'make proto' and commit"; exit 1; }; done
	@echo "generated code is fresh"

schema: setup  ## regenerate the JSON Schema of filter.yaml
	$(BIN)/python -m omote_filters.packs.schema > docs/filter.schema.json

schema-check: setup  # fails when the schema is stale
	@$(BIN)/python -m omote_filters.packs.schema | cmp - docs/filter.schema.json \
		|| { echo "docs/filter.schema.json is stale: run 'make schema' and commit"; exit 1; }
	@echo "the schema of packs is fresh"

catalogue: setup  ## regenerate docs/filters.md and its thumbnails
	$(BIN)/python docs/make_catalogue.py

catalogue-check: setup  # fails when the catalogue is stale
	@$(BIN)/python docs/make_catalogue.py --check && echo "the catalogue is fresh"

settings: setup  ## regenerate docs/settings.md
	$(BIN)/python docs/make_settings.py

settings-check: setup  # fails when the page of settings is stale
	@$(BIN)/python docs/make_settings.py --check && echo "the page of settings is fresh"

format: setup  ## mend the layout
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

pictures: setup  ## make the pictures of the documentation anew
	$(BIN)/python docs/make_pictures.py
	$(BIN)/python docs/make_tools.py

bench: assets  ## the ruler: server beside the bare loop and the naive loop
	$(BIN)/omote bench

clean:
	rm -rf $(VENV) build dist out

# stegnet: `make help` lists the targets.

VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
READY := $(VENV)/.ready
ALL := $(VENV)/.all
# What `make zoo` is for on two cores; ZOO=--minutes=2 on a GPU.
ZOO := --minutes 4 --pairs 1000 -S train.crop=64 -S train.batch=8 -S train.lr=0.001
# What `make repro-gpu` changes in params.yaml, as in docs/gpu.md.
GPU := -S model.name=costa -S model.backbone=convnext_atto -S model.width=64 -S data.scenes=8000 -S train.pairs=400000 -S train.batch=32 -S train.crop=128 -S train.ema=0.998 -S train.compile=true
# Tests of one file run in one worker (loadfile), so that its fixtures are made once.
TEST := env -u PYTHONDONTWRITEBYTECODE python -m pytest -n auto --dist
export PATH := $(BIN):$(PATH)
export PYTHONDONTWRITEBYTECODE := 1
export DVC_NO_ANALYTICS := 1
export NO_MKDOCS_2_WARNING := 1
export MLFLOW_DISABLE_TELEMETRY := true

.DEFAULT_GOAL := help
.PHONY: help setup repro repro-gpu test quick test-slow test-landing test-all test-services test-long test-avx2 zoo table ui demo verify evaluate-all report bench fuzz mutants nightly wheel lint style types docs clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

setup: $(ALL) ## create .venv with all pinned packages, those of tests, cluster and documentation, too

$(READY): constraints.txt pyproject.toml tools/setup.sh
	@sh tools/setup.sh $(VENV) pipeline
	@touch $(READY)

# Also all of the former, at once.
$(ALL): constraints.txt pyproject.toml tools/setup.sh
	@sh tools/setup.sh $(VENV) all,dev
	@touch $(READY) $(ALL)

repro: $(READY) ## run all stages of dvc.yaml that are not up to date
	dvc repro

repro-gpu: $(READY) ## run all stages with a larger network and longer training, sized for a GPU: docs/gpu.md
	dvc exp run $(GPU)

evaluate-all: $(ALL) ## run the long measurements (attacks, lossy channels) on the pair trained here; takes hours
	dvc repro
	dvc --cd study repro report@trained publish

report: $(ALL) ## run the long measurements on the pair shipped with stegnet, not on yours; writes reports/shipped
	dvc repro prepare
	dvc --cd study repro report@shipped populations
	cp -r study/shipped/. reports/shipped/

zoo: $(ALL) ## train the published networks of study/zoo for the same time, and measure them on one ruler, in build/zoo; hours
	dvc repro prepare
	python -m study.zoo build/shards build/zoo $(ZOO)

test: quick test-slow ## run the tests of all that a user relies on, the quick ones first; twelve minutes on two cores

test-slow: $(ALL)
	$(TEST) loadfile --no-loadscope-reorder -m "slow and not long"

# After quick, what a landing asks: the slow tests, and the long ones of the files in REACHED; services are waited for
# beside what computes.
test-landing: $(ALL)
	$(TEST) loadfile --no-loadscope-reorder -m "slow and not night" --reached "$(REACHED)"

quick: $(ALL) ## run the tests of hiding and revealing, without films and programs; three minutes on two cores
	$(TEST) worksteal -m "not slow"

test-all: test test-services ## run all tests; needs Node.js, Chromium, Firefox, and programs that save JPEGs

test-services: test-long test-avx2 ## run the long tests, then those of arithmetic in AVX2; FILES: no others than these

# Files are chosen by their text: that none of these has a test with the mark (5) is no failure.
test-long: $(ALL)
	$(TEST) loadfile --no-loadscope-reorder -m long $(FILES) || [ $$? -eq 5 -a -n "$(FILES)" ]

test-avx2: $(ALL)
	! grep -qs avx512f /proc/cpuinfo || ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 $(TEST) loadfile -m arithmetic $(FILES) || [ $$? -eq 5 -a -n "$(FILES)" ]

table: $(READY) ## compare all experiments: what was changed, then PSNR and speed
	python -m tools.table

ui: $(READY) ## start MLflow's UI on http://127.0.0.1:5000
	@echo "one row per training: http://127.0.0.1:5000/#/experiments/1/runs?workflowType=machine_learning"
	mlflow ui --workers 1 --backend-store-uri sqlite:///mlflow.db

demo: ## build the browser demo and serve it locally; needs Node.js 18.20 or newer
	@command -v npm >/dev/null || { echo "error: npm is missing: install Node.js 18.20 or newer (Debian 12 or newer: apt install npm)" >&2; exit 1; }
	cd demo && npm ci && npm run build && npm run serve

verify: $(READY) ## run the pipeline in two fresh clones, compare their bits, and their figures with those expected
	python -m tools.verify

bench: $(ALL) ## measure the command line, with floors beside it, and how cost grows, for docs/performance.md; ten minutes
	python -m tools.bench
	python -m tools.growth

fuzz: $(ALL) ## reveal damaged containers, read damaged files of all formats, and H.264 under sanitizers for an hour; needs gcc
	python -m tools.fuzz --seconds 120
	python -m tools.fuzz_h264 --seconds 3600

mutants: $(ALL) ## break single lines, and check that the tests catch each; takes hours
	python -m tools.mutants

nightly: ## what no landing has time for, part by part, and a table at the end; PARTS: some of those in .ci/nightly; hours
	.ci/nightly $(PARTS)

wheel: ## build the packages in dist/; needs uv
	@command -v uv >/dev/null || { echo "error: uv is missing: install uv (pip install uv)" >&2; exit 1; }
	rm -rf dist
	uv build

lint: style types ## check code style, types, and the links of the documentation

style: $(ALL)
	ruff check .
	ruff format --check .
	lint-imports

types: $(ALL)
	mypy
	mkdocs build --strict --quiet --site-dir $(VENV)/site

docs: $(ALL) ## build the documentation as a site: site/index.html
	mkdocs build --strict --quiet --site-dir site

clean: ## remove the outputs of `dvc repro` (but not the cache or MLflow's runs)
	rm -rf build reports/prepare.json reports/index.html reports/train reports/evaluate reports/speed.json reports/detect reports/video .checkpoints study/modem study/shipped study/trained

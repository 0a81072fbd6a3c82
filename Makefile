# stegnet: `make help` lists the targets.

VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
READY := $(VENV)/.ready
TEST := env -u PYTHONDONTWRITEBYTECODE python -m pytest -n auto --dist loadfile --no-loadscope-reorder
export PATH := $(BIN):$(PATH)
export PYTHONDONTWRITEBYTECODE := 1
export DVC_NO_ANALYTICS := 1
export MLFLOW_DISABLE_TELEMETRY := true

.DEFAULT_GOAL := help
.PHONY: help setup repro test quick table ui demo verify evaluate-all report bench backends compare memory fuzz kills films lint clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

setup: $(READY) ## make .venv with the pinned packages

$(READY): constraints.txt pyproject.toml tools/setup.sh
	@sh tools/setup.sh $(VENV)
	@touch $(READY)

repro: $(READY) ## prepare, train, evaluate, hide a film, publish: whatever is not up to date
	dvc repro

evaluate-all: $(READY) ## the long measurements of the pair trained here, into study/trained: attacks, lossy channels, rivals; hours
	dvc repro
	dvc --cd study repro report@trained publish

report: $(READY) ## the same for the pair that comes with stegnet, into reports/shipped
	dvc repro prepare
	dvc --cd study repro report@shipped
	cp -r study/shipped/. reports/shipped/

test: $(READY) ## run the tests, a process on each core; those marked `arithmetic` also as a CPU without AVX-512 computes
	$(TEST)
	! grep -qs avx512f /proc/cpuinfo || ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 \
		$(TEST) -m arithmetic $$(grep -rl --include='test_*.py' mark.arithmetic tests)

quick: $(READY) ## run the tests that neither train, encode films nor start servers or browsers: two minutes
	$(TEST) -m "not slow"

table: $(READY) ## compare all experiments in a table: what was changed, and the PSNR it gave
	dvc exp show --only-changed --drop '.*/|assets|data$$|constraints|.*_(worst|bare|ssim|apd|haarpsi|de2000|vmaf|p1|flicker)|film_(frames|megabytes)|trained_beta|State|Executor|Created|skipped|sources|test$$|train$$'

ui: $(READY) ## look at all runs in MLflow, on http://127.0.0.1:5000
	mlflow ui --workers 1 --backend-store-uri sqlite:///$(CURDIR)/mlflow.db

demo: ## build the browser demo and serve it on the loopback address; needs Node.js 18.20 or newer
	@command -v npm >/dev/null || { echo "error: npm is missing: install Node.js 18.20 or newer (Debian 12 or newer: apt install npm)" >&2; exit 1; }
	cd demo && npm ci && npm run build && npm run serve

verify: $(READY) ## run the pipeline in two fresh clones and compare all that their dvc.lock says
	sh tools/verify.sh

bench: $(READY) ## measure frames per second, beside the ancestors' nets and the codec alone
	python -m tools.bench --out reports/compare/bench.json
	python -m tools.bench --backend torch --no-ancestor --sizes 640x360 --out reports/compare/bench-torch.json

backends: $(READY) ## time PyTorch and ONNX Runtime side by side, and read each one's containers with each other
	python -m tools.backends

compare: $(READY) ## train every family of models with the same budget and measure them side by side; hours
	python -m tools.compare

throughput: $(READY) ## measure training pairs per second: loading, computing, both; needs `dvc repro prepare`
	python -m tools.throughput

memory: $(READY) ## measure the memory that hiding 100 and 5,000 frames takes
	python -m tools.memory

fuzz: $(READY) ## damage 2,000 containers at random and reveal them
	python -m tools.fuzz

kills: $(READY) ## kill 200 runs of hiding at random moments and look at what is left
	python -m tools.kills

films: $(READY) ## render the two demonstration films again
	python -m tools.render_films assets

lint: $(READY) ## check style
	ruff check .
	ruff format --check .

clean: ## remove what `dvc repro` made (not the cache, not MLflow's runs)
	rm -rf build reports/prepare.json reports/train reports/evaluate reports/video .checkpoints study/rivals study/shipped study/trained

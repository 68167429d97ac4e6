# Commands of the course; `make` alone lists them. Works with GNU make 3.81 (macOS) and later.
# Every command makes its environment in .venv and is quick the second time.
# VENV=folder uses an environment of your own instead, as it is: nothing is installed into it.
VENV   := .venv
PYTHON :=
ifeq ($(origin VENV),command line)
lab dev: ; @test -x "$(VENV)/bin/python" || { echo "no environment in $(VENV): it needs bin/python"; exit 1; }
else
lab dev: ; @PYTHON="$(PYTHON)" sh tools/environment.sh "$(VENV)" $@
endif

# Commands run with the environment's own programs first, from the top folder, so that Python imports this checkout.
RUN := PATH="$(abspath $(VENV))/bin:$$PATH"
PY  := $(RUN) "$(VENV)/bin/python"
TESTS := tests
NBS := $(wildcard nbs/*.ipynb nbs/workshop/*.ipynb)

.DEFAULT_GOAL := help
.PHONY: help lab dev study test quick lab-check wheel-check bench bench-long experiments backbone export readme clean-notebooks

help:  ## This list
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -e 's/:.*##/|/' | awk -F'|' '{ printf "make %-16s%s\n", $$1, $$2 }'

study: lab  ## Set everything up and open lesson 01 in JupyterLab (ARGS="--help" for more)
	@$(PY) -c 'from fastlessons.cli import main; raise SystemExit(main())' study $(ARGS)

test: dev  ## Set everything up and run everything once (TESTS=tests/test_house.py for a part)
	@$(PY) -m pytest $(TESTS) $(ARGS)

quick: dev  ## While writing: export, then run the notebooks that changed since the last commit
	@$(RUN) nbdev-export
	@$(PY) -m ruff check fastlessons benchmarks experiments tests tools
	@changed=$$(git status --porcelain --untracked-files=all -- nbs | cut -c4- | grep '\.ipynb$$' || true); \
	for nb in $$changed; do [ ! -f "$$nb" ] || $(RUN) nbdev-test "$$nb" || exit 1; done

lab-check: dev  ## Run every lesson from the built wheel in a real browser: widgets, pictures, no outside address
	@$(PY) -m pytest tests/test_lab.py $(ARGS)

wheel-check: dev  ## Build the wheel and try it in a new environment
	@$(PY) -m pytest tests/test_wheel.py $(ARGS)

bench: dev  ## Measurements beside what a learner would use instead (about half an hour)
	@$(PY) benchmarks/run.py $(ARGS)

bench-long: dev  ## The measurements that take longer; each says how long
	@$(PY) benchmarks/run.py --long $(ARGS)

experiments: dev  ## Repeat the recorded experiments: many runs, resumable
	@for script in experiments/*.py; do [ ! -f "$$script" ] || $(PY) "$$script" || exit 1; done

backbone: dev  ## Pretrain the backbone anew: about two hours, may be interrupted (ARGS="--help" for more)
	@$(PY) tools/backbone.py $(ARGS)

export: dev  ## Write the library from the notebooks
	@$(RUN) nbdev-export

readme: dev  ## Write README.md from nbs/index.ipynb
	@$(PY) tools/readme.py

clean-notebooks: dev  ## Take metadata out of the notebooks that changes from run to run
	@$(RUN) nbdev-clean

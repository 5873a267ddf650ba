# Every target does its own set-up and is quick when nothing changed.
#
#   make book          the site, from executed chapters, in _build/html
#   make test          every test: library, notebooks, site in a browser
#   make help          the other targets

PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3 python,$(shell command -v $(name))) python3)
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
OLDEST := .venv-oldest
GRADING := .venv-grading
COLAB  := .venv-colab
BENCH  := .venv-bench
JOBS   ?= 2

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export RMTLIB_OFFLINE := 1
ifeq ($(origin RMTLIB_DATA),undefined)
ifneq ($(wildcard ../shared/data),)
export RMTLIB_DATA := $(abspath ../shared/data)
endif
endif

TORCH := $(shell sed -n 's/^torch==//p' requirements.txt)
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist loadscope
NBVAL := --nbval-lax --nbval-current-env --nbval-cell-timeout=120

.PHONY: help book pdf test test-fast test-oldest ids seeds serve bench budgets experiments \
        release data lock tidy address clean

help:
	@echo "make book         build the site from executed chapters into _build/html"
	@echo "make pdf          print the book into one file beside the site (needs Chromium)"
	@echo "make test         run all tests (library, notebooks, oldest versions, site)"
	@echo "make test-fast    run the library's tests and the guards (under two minutes)"
	@echo "make test-oldest  run the library's tests on the oldest supported versions"
	@echo "make seeds        run every claim at 20 other seeds"
	@echo "make ids          run the problem sets for 200 students each (SETS=, IDS=0-100)"
	@echo "make serve        build, then serve on http://127.0.0.1:8000"
	@echo "make bench        run the benchmarks"
	@echo "make budgets      time chapters, builds and tests in a fresh clone"
	@echo "make experiments  redo the long runs behind the stored tables"
	@echo "make release      write the student notebooks of the problem sets"
	@echo "make data         download the data sets that the chapters use"
	@echo "make tidy         format code, bring notebooks to canonical form"
	@echo "make lock         rewrite constraints.txt from a fresh environment"
	@echo "make address URL=https://github.com/OWNER/NAME [HUB=https://...] [SITE=https://...]"
	@echo "make clean        remove everything that the other targets made"

# $(call environment,FOLDER): an environment of a Python that the course runs on.
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
define environment
@$(PYTHON) -c '$(SUPPORTED)' 2>/dev/null || { \
	found=$$($(PYTHON) -V 2>/dev/null) || found="no Python"; \
	echo "The course needs Python 3.11, 3.12 or 3.13, and $(PYTHON) is $$found:" \
	"name another one, as in 'make $(or $(MAKECMDGOALS),book) PYTHON=python3.12'." >&2; exit 1; }
@$(1)/bin/python -c '$(SUPPORTED)' 2>/dev/null || { \
	rm -rf $(1); $(PYTHON) -m venv $(1) || { rm -rf $(1); exit 1; }; }
endef

# torch first, from its CPU index: the package index's Linux build needs 2.7 GB
# of CUDA libraries. Where that index is out of reach the requirements decide.
define install
$(call environment,$(1))
$(1)/bin/pip install -q --no-deps --retries 0 --timeout 10 \
	--index-url https://download.pytorch.org/whl/cpu torch==$(TORCH) \
	|| echo "The CPU index of torch is out of reach: using the package index."
$(1)/bin/pip install -q $(2)
endef

$(READY): requirements.txt constraints.txt pyproject.toml
	$(call install,$(VENV),-r requirements.txt -c constraints.txt)
	touch $@

$(OLDEST)/.ready: requirements.txt constraints-oldest.txt pyproject.toml
	$(call environment,$(OLDEST))
	$(OLDEST)/bin/pip install -q -c constraints-oldest.txt -e ".[book]" ipykernel nbclient \
		$$(grep -E '^(pytest|pytest-xdist|hypothesis)==' requirements.txt)
	touch $@

# The kernel rmt-for-ml, in which submissions run, is the environment of the course.
$(GRADING)/.ready: exercises/requirements-grading.txt $(READY)
	$(call environment,$(GRADING))
	$(GRADING)/bin/pip install -q -r exercises/requirements-grading.txt
	$(BIN)/python -m ipykernel install --prefix $(GRADING) --name rmt-for-ml 2>/dev/null
	touch $@

# What Colab has: the tests run chapters of the plain edition on it.
$(COLAB)/.ready: requirements-colab.txt
	$(call environment,$(COLAB))
	$(COLAB)/bin/pip install -q -r requirements-colab.txt
	touch $@

book: $(READY)
	@echo "Executing the chapters and building their pages: about ten minutes the first time."
	@OMP_NUM_THREADS=1 $(BIN)/jupyter-book build . -W -n --keep-going --quiet >/dev/null
	@echo "The site is _build/html/index.html."

pdf: book
	$(BIN)/python _ext/pdf.py

# The book is built on one core, the oldest versions are tested on the other.
test: $(READY)
	$(MAKE) -j2 -Orecurse book test-oldest $(GRADING)/.ready $(COLAB)/.ready
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(PYTEST) $(NBVAL) tests rmtlib chapters

test-fast: $(READY)
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(PYTEST) -m "not site and not homework" tests rmtlib

# Without torch: rmtlib has to work where it is not installed.
test-oldest: $(OLDEST)/.ready
	OMP_NUM_THREADS=1 $(OLDEST)/bin/python -m pytest -n $(JOBS) --dist loadscope \
		$(addprefix --ignore=,$(shell grep -rlE '^(import|from) torch' --include=*.py rmtlib tests)) \
		-m "not site and not book and not homework" tests rmtlib

ids: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python tests/ids.py

seeds: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python tests/seeds.py

serve: book
	@echo "http://127.0.0.1:8000 (Ctrl-C stops)"
	$(BIN)/python -m http.server 8000 --bind 127.0.0.1 --directory _build/html

# The packages that the benchmarks compare with stay out of the environment of the tests.
$(BENCH)/.ready: requirements-bench.txt constraints.txt pyproject.toml
	$(call install,$(BENCH),-r requirements-bench.txt -c constraints.txt)
	$(BENCH)/bin/pip check
	touch $@

# One thread, so that ratios are ratios of work.
bench: $(BENCH)/.ready
	mkdir -p _build
	OMP_NUM_THREADS=1 $(BENCH)/bin/python -m pytest benchmarks/test_*.py -q \
		--benchmark-json=_build/benchmarks.json --benchmark-columns=min,median,rounds
	$(BENCH)/bin/python -m benchmarks.report _build/benchmarks.json

budgets: $(READY)
	$(BIN)/python benchmarks/course.py --builds --tests

experiments: $(READY)
	set -e; for script in experiments/[a-z]*.py; do echo "$$script"; $(BIN)/python $$script; done

release: $(GRADING)/.ready
	$(BIN)/python _ext/release.py $(GRADING)/bin

data: $(READY)
	RMTLIB_OFFLINE=0 $(BIN)/python -m rmtlib.data mnist fashion-mnist cifar10 a9a

tidy: $(READY)
	$(BIN)/ruff check --fix . && $(BIN)/ruff format .
	$(BIN)/python _ext/notebooks.py chapters/*.ipynb exercises/source/*/*.ipynb

lock:
	rm -rf .venv-lock
	$(call install,.venv-lock,-r requirements.txt)
	.venv-lock/bin/python _ext/lock.py > constraints.txt
	rm -rf .venv-lock

address: $(READY)
	$(BIN)/python _ext/address.py "$(URL)" "$(HUB)" "$(SITE)"

clean:
	rm -rf _build $(VENV) $(OLDEST) $(GRADING) $(COLAB) $(BENCH) .venv-lock .pytest_cache .hypothesis .ruff_cache *.egg-info

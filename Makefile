# Needs nothing but Python 3.10 or newer. On Windows, README.md has the same commands in plain pip.
#   make lab PYTHON=python3.12      another interpreter
#   make test VENV=/some/where      another place for the virtual environment

PYTHON ?= python3
VENV ?= .venv
JOBS ?= 2
RUN = $(VENV)/bin/

.PHONY: help lab test course slides site format clean

help:
	@echo 'make lab      install, and open your copy of the course, runs/lab, in JupyterLab'
	@echo 'make test     install, and run the linter, the type checker and all tests'
	@echo 'make course   run every notebook in the standard profile (into runs/)'
	@echo 'make slides   one deck of slides per chapter (into build/slides/)'
	@echo 'make site     the course as a website (into build/site/)'
	@echo 'make format   put code and notebooks into their one form'
	@echo 'make clean    remove what the commands above made, but the environment and runs/lab'

lab: $(VENV)/.installed-notebooks
	$(RUN)dlnotes lab

# one core for each of the JOBS workers
test: export OMP_NUM_THREADS = 1
test: $(VENV)/.installed-test
	$(RUN)ruff check .
	$(RUN)ruff format --check .
	$(RUN)mypy
	$(RUN)python -m pytest -n $(JOBS) --dist loadgroup

course: $(VENV)/.installed-notebooks
	$(RUN)dlnotes run --profile standard

slides: $(VENV)/.installed-notebooks
	$(RUN)dlnotes slides

site: $(VENV)/.installed-site
	$(RUN)dlnotes site

format: $(VENV)/.installed-test
	$(RUN)ruff check --fix .
	$(RUN)ruff format .
	$(RUN)dlnotes format

clean:
	rm -rf build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis
	[ ! -d runs ] || find runs -mindepth 1 -maxdepth 1 ! -name lab -exec rm -rf {} +
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -print | xargs rm -rf

# Installed again only when pyproject.toml changed; one stamp for each set of extras.
$(VENV)/.installed-%: pyproject.toml | $(VENV)/pyvenv.cfg
	$(RUN)python -m pip install -e ".[$*]"
	touch $@

$(VENV)/pyvenv.cfg:
	$(PYTHON) -m venv $(VENV)

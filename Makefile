# Each recipe is a plain line that you can type yourself; README.md has the same lines for Windows.
.DEFAULT_GOAL := help
.PHONY: help environment book test check portability reseed lab notebooks sweeps serve bench clean
.PHONY: pdf zip screenshots
.PHONY: grading assignments samples grade feedback marks formgrader slides

# `make book PYTHON=python3.12` chooses the Python that .venv is made with; once made, .venv is kept.
ifneq ($(wildcard .venv/ready),)
PYTHON ?= .venv/bin/python
else
PYTHON ?= python3
endif

help:
	@echo "make book         build the site and check it: _build/html/index.html"
	@echo "make test         run every test, and every notebook against its stored outputs"
	@echo "make check        format, lint and the quick tests: before each commit"
	@echo "make lab          open the chapters in JupyterLab"
	@echo "make notebooks    re-execute the notebooks and store what they output"
	@echo "make sweeps       train what the files in chapters/results lack"
	@echo "make serve        show the built site on http://localhost:8000"
	@echo "make pdf          print the built site into one file: _build/weight-initialization.pdf"
	@echo "make zip          pack the built site into one file that works from disk once unpacked"
	@echo "make screenshots  photograph every page of the built site in four variants"
	@echo "make bench        measure speed and memory"
	@echo "make portability  run the notebooks as on another machine, everything different at once"
	@echo "make reseed       measure the claims with other seeds: make reseed SHIFTS=7 DATA=mnist"
	@echo "make assignments  what students get: a zip of each assignment, in exercises/zips"
	@echo "make samples      hand in three sample submissions: one right, one partly, one hostile"
	@echo "make grade        mark what lies in exercises/submitted: make grade ASSIGNMENT=2 WORKERS=4"
	@echo "make formgrader   grade by hand, in the browser: Nbgrader > Formgrader"
	@echo "make feedback     a page for each student: make feedback ASSIGNMENT=2"
	@echo "make marks        all marks as one table; for an LMS see the page for instructors"
	@echo "make slides       slides of each chapter: _build/slides"
	@echo "make grading      install into .venv what the last seven need (they all do it themselves)"
	@echo "make environment  install into .venv what the others need (they all do it themselves)"
	@echo "make clean        delete everything that the others made, .venv too"

environment:
	@$(PYTHON) tools/environment.py

book: environment
	.venv/bin/python tools/landing_figure.py
	.venv/bin/jupyter-book clean .
	.venv/bin/jupyter-book build . --all -W --keep-going
	.venv/bin/python -m pytest tests/site -m site -n auto --junitxml=reports/site.xml
	@echo "The site is built and checked. Open _build/html/index.html, or run: make serve"

# `make test TESTS=chapters/03_activation_saturation.ipynb` runs only what is named.
test: environment
	.venv/bin/python -m pytest -n auto --junitxml=reports/tests.xml $(TESTS)

check: environment
	.venv/bin/python -m ruff format --check .
	.venv/bin/python -m ruff check .
	.venv/bin/python -m pytest tests src tools grading -n auto -m "not slow and not site"

# `make portability DIFFER=rounding` takes one of the differences by itself.
DIFFER = all
portability: environment
	.venv/bin/python -m pytest chapters appendix -n auto --differ=$(DIFFER) --junitxml=reports/portability.xml

# `make reseed NOTEBOOKS=chapters/03_activation_saturation.ipynb SHIFTS=4` takes a single run.
NOTEBOOKS = chapters appendix
SHIFTS = 1 2 3
DATA = digits
reseed: environment
	.venv/bin/python tools/reseed.py $(NOTEBOOKS) --shifts $(SHIFTS) --data $(DATA)

lab: environment
	.venv/bin/python -m jupyterlab chapters

notebooks: environment
	.venv/bin/python tools/execute_notebooks.py chapters appendix teaching

sweeps: environment
	.venv/bin/python -m weightinit.experiments

serve: environment
	@test -f _build/html/index.html || { echo "There is no site yet: run make book first"; false; }
	.venv/bin/python -m http.server 8000 --bind 127.0.0.1 --directory _build/html

pdf: environment
	.venv/bin/python tools/pdf.py

zip: environment
	.venv/bin/python tools/site_zip.py

screenshots: environment
	.venv/bin/python tools/screenshots.py

# What instructors need besides; each of the next lines installs it.
grading:
	@$(PYTHON) tools/environment.py grading

assignments: grading
	.venv/bin/python -m grading assignments $(ASSIGNMENT)

samples: grading
	.venv/bin/python -m grading samples

# What else `python -m grading grade` takes, such as limits, goes into OPTIONS.
ASSIGNMENT =
WORKERS = 2
grade: grading
	@test -n "$(ASSIGNMENT)" || { echo "Which assignment? make grade ASSIGNMENT=2"; false; }
	.venv/bin/python -m grading grade $(ASSIGNMENT) --workers $(WORKERS) $(OPTIONS)

formgrader: grading
	cd exercises && ../.venv/bin/python -m jupyterlab $(OPTIONS)

feedback: grading
	@test -n "$(ASSIGNMENT)" || { echo "Which assignment? make feedback ASSIGNMENT=2"; false; }
	.venv/bin/python -m grading feedback $(ASSIGNMENT)

marks: grading
	.venv/bin/python -m grading export $(ASSIGNMENT) $(OPTIONS)

slides: grading
	.venv/bin/python tools/slides.py

bench: environment
	OMP_WAIT_POLICY=ACTIVE .venv/bin/python -m pytest benchmarks

clean:
	rm -rf .venv _build _generated reports .pytest_cache .ruff_cache .benchmarks src/weightinit.egg-info

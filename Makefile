# Two targets matter: `make app` sets up and opens the page, `make test` sets up and runs the tests.
PYTHON ?= python3
VENV ?= .venv
DEVICE_VENV ?= .venv-device
PORT ?= 8501
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt

.PHONY: app test lint types unit voices clean help

help:
	@echo "make app    set up, fetch the default voices once, open the page on 127.0.0.1:$(PORT)"
	@echo "make test   set up with the test tools, then lint, types, import rule, tests"
	@echo "make voices fetch what is missing of the default voices"
	@echo "make clean  remove the environments (voices, clips and detectors stay)"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v < (3, 14) else "Watchword needs Python 3.11 to 3.13, this is %d.%d. Set PYTHON=/path/to/python3.11." % v)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --upgrade "pip>=25.1"

$(VENV)/.app: pyproject.toml runtime/pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) -e "./runtime[onnx,litert]" -e ".[tflite,piper]"
	@$(PIP) --quiet -e ".[ctc]" || echo "ctc-segmentation could not be built (it needs a C compiler): phrases will only be said alone."
	@touch $@

$(VENV)/.dev: $(VENV)/.app
	$(PIP) -e "./runtime[onnx,litert,zeroconf]" -e ".[tflite,piper,ctc,rivals,sign-in,dev]"
	$(PIP) --no-deps kokoro loguru  # without its text reader, which we replace: 38 packages, some GPL
	@touch $@

# tflite-runtime wants numpy 1 and Python 3.11, so it lives in an environment of its own, as it
# would on an older Pi. On a newer Python the tests that need it skip and say so.
$(DEVICE_VENV)/.ready: runtime/pyproject.toml device-constraints.txt | $(BIN)/python
	@if $(BIN)/python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))'; then \
	  $(BIN)/python -m venv $(DEVICE_VENV) && \
	  $(DEVICE_VENV)/bin/python -m pip install --disable-pip-version-check --quiet -c device-constraints.txt "./runtime[tflite]" && \
	  touch $@; \
	else echo "tflite-runtime has no wheel for this Python: its tests will skip."; fi

voices: $(VENV)/.app
	$(BIN)/watchword voices

app: $(VENV)/.app
	$(BIN)/watchword voices
	$(BIN)/watchword app --port $(PORT)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(VENV)/.dev
	$(BIN)/mypy

unit: $(VENV)/.dev $(DEVICE_VENV)/.ready
	WATCHWORD_TFLITE_PYTHON=$(DEVICE_VENV)/bin/python $(BIN)/python -m pytest

test: lint types unit

clean:
	rm -rf $(VENV) $(DEVICE_VENV)

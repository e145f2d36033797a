# make install | demo | test | lint | types | audit | notebooks | lock | clean

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
INSTALLED := .venv/installed
DEMO := runs/demo
RUN := $(BIN)/python -m ssl_behavior

.PHONY: install demo test lint types audit notebooks lock clean

install: $(INSTALLED)

# The stamp is newer than what it was made from, so a second run installs nothing.
$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 is needed; name it with make PYTHON=...")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

# Short trainings, so that the whole way is seen in minutes; the defaults train longer.
demo: $(INSTALLED)
	rm -rf $(DEMO)
	$(RUN).simulate --output $(DEMO)/data
	$(RUN).pretrain --recordings $(DEMO)/data/test.npy --output $(DEMO)/encoder --steps 300
	$(RUN).finetune --encoder $(DEMO)/encoder --recordings $(DEMO)/data/train.npy --output $(DEMO)/model \
	    --supervision.steps 40
	$(RUN).predict --model $(DEMO)/model --recordings $(DEMO)/data/test.npy --output $(DEMO)/submission.npy
	$(RUN).predict --model $(DEMO)/model --recordings $(DEMO)/data/test.npy --output $(DEMO)/predictions
	$(RUN).evaluate --predictions $(DEMO)/submission.npy --annotations $(DEMO)/data/truth.npy
	@echo
	@echo "Recordings with truth   $(DEMO)/data"
	@echo "Encoder                 $(DEMO)/encoder"
	@echo "Model                   $(DEMO)/model"
	@echo "Labels, bouts, pictures $(DEMO)/predictions"
	@echo "Challenge submission    $(DEMO)/submission.npy"

test: $(INSTALLED)
	$(BIN)/python -m pytest -n auto --maxprocesses 8 --dist loadgroup

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)
	$(BIN)/mypy

# Known faults of the pinned versions, as far as the service that knows them answers, and secrets in tracked files.
audit: $(INSTALLED)
	$(BIN)/python .ci/audit.py

notebooks: $(INSTALLED)
	for notebook in notebooks/*.ipynb; do test ! -e "$$notebook" || $(BIN)/jupyter execute "$$notebook" || exit 1; done

# constraints.txt anew, from a clean environment with the newest versions that pyproject.toml admits.
lock:
	rm -rf .venv-lock
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install '.[dev]'
	(grep '^#' constraints.txt; .venv-lock/bin/python -m pip freeze --all --exclude pip --exclude ssl_behavior) > constraints.new
	mv constraints.new constraints.txt
	rm -rf .venv-lock

clean:
	rm -rf .venv .venv-lock build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis $(DEMO)
	find ssl_behavior tests experiments notebooks -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

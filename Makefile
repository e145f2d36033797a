# make install | demo | test | lint | types | audit | notebooks | docs | pythons | soak | lock | clean

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
INSTALLED := .venv/installed
DEMO := runs/demo
RUN := $(BIN)/python -m ssl_behavior
OTHER_PYTHONS := python3.12 python3.13
ON_OTHER_PYTHONS := tests/formats tests/poses tests/test_pipeline.py tests/test_wheel.py
SEED ?= 1
AUDIT ?=

.PHONY: install demo test lint types audit notebooks docs pythons $(OTHER_PYTHONS) soak lock clean

install: $(INSTALLED)

# The stamp is newer than what it was made from, so a second run installs nothing.
$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and "Python 3.11 to 3.13 is needed; name it with make PYTHON=...")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

# Short trainings, so that the whole way is seen in minutes; the defaults train longer.
demo: $(INSTALLED)
	rm -rf $(DEMO)
	$(RUN).simulate --output $(DEMO)/data
	$(RUN).pretrain --recordings $(DEMO)/data/test.npy --output $(DEMO)/encoder --steps 300
	$(RUN).finetune --encoder $(DEMO)/encoder --recordings $(DEMO)/data/train.npy --output $(DEMO)/model \
	    --steps 40
	$(RUN).predict --model $(DEMO)/model --recordings $(DEMO)/data/test.npy --output $(DEMO)/submission.npy
	$(RUN).predict --model $(DEMO)/model --recordings $(DEMO)/data/test.npy --output $(DEMO)/predictions
	$(RUN).evaluate --predictions $(DEMO)/submission.npy --annotations $(DEMO)/data/truth.npy
	@echo
	@echo "Recordings with truth   $(DEMO)/data"
	@echo "Encoder                 $(DEMO)/encoder"
	@echo "Model                   $(DEMO)/model"
	@echo "Labels, bouts, pictures $(DEMO)/predictions"
	@echo "Challenge submission    $(DEMO)/submission.npy"

# The tests keep every core busy, so a thread that waits gives its core back at once.
test: export OMP_WAIT_POLICY ?= PASSIVE
test: $(INSTALLED)
	$(BIN)/python -m pytest -n auto --maxprocesses 8 --dist loadgroup

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)
	$(BIN)/mypy

# Known faults of the pinned versions, and secrets in tracked files. It fails where the service that knows faults does
# not answer, unless AUDIT=--accept-no-service accepts that.
audit: $(INSTALLED)
	$(BIN)/python .ci/audit.py $(AUDIT)

notebooks: $(INSTALLED)
	for notebook in notebooks/*.ipynb; do test ! -e "$$notebook" || $(BIN)/jupyter execute "$$notebook" || exit 1; done

# The documentation as pages in site/. A broken link or reference fails.
docs: $(INSTALLED)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

# The other Pythons that the project promises, where the machine has them: readers, poses, every command, the wheel.
# Each needs an environment of 8 GB, which is removed at the end.
pythons: $(OTHER_PYTHONS)

# pyenv hides an interpreter until its version is named.
$(OTHER_PYTHONS): export PYENV_VERSION = $(@:python%=%)
$(OTHER_PYTHONS):
	if $@ -c '' 2>/dev/null; then \
	    rm -rf .venv-$@ && $@ -m venv .venv-$@ && \
	    .venv-$@/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]' && \
	    .venv-$@/bin/python -m pytest -n auto --maxprocesses 8 --dist loadgroup $(ON_OTHER_PYTHONS) && \
	    rm -rf .venv-$@; \
	else echo "no $@ here"; fi

# Hours of damaged files, odd command lines and stopped commands. The tests have minutes of them.
soak: $(INSTALLED)
	$(BIN)/python -m tests.fuzz.fuzz --number 5000 --seed $(SEED) --finds runs/soak
	$(BIN)/python -m tests.fuzz.kills --times 30 --changes 100 --seed $(SEED)

# constraints.txt anew, from a clean environment with the newest versions that pyproject.toml admits.
lock:
	rm -rf .venv-lock
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install '.[dev]'
	(grep '^#' constraints.txt; .venv-lock/bin/python -m pip freeze --all --exclude pip --exclude ssl_behavior \
	    | sed 's/^movement==.*/&; python_version < "3.12"/') > constraints.new
	mv constraints.new constraints.txt
	rm -rf .venv-lock

clean:
	rm -rf .venv .venv-* build dist site .coverage* *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis $(DEMO)
	find ssl_behavior tests experiments notebooks -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

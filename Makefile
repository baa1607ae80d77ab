# Each target is a line of plain commands: without make, copy them from here.
PYTHON ?= python3
export PIP_DISABLE_PIP_VERSION_CHECK = 1
.DEFAULT_GOAL := help
.PHONY: help demo test check fmt mirror mutants bench

help: ## what there is to run
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:[^#]*## /	/' | expand -t 10

demo: .venv/.installed ## run the whole portal with seeded data (PORT, DATA_DIR, DEMO_SCALE); ends with READY and the addresses
	@.venv/bin/python manage.py demo

test: .venv/.installed ## the whole test suite, on a PostgreSQL of its own in .data/test
	.venv/bin/python -m pytest -n 2

check: .venv/.installed ## style, types, layers, settings, migrations
	.venv/bin/python -m ruff check .
	.venv/bin/python -m ruff format --check .
	.venv/bin/python -m mypy .
	.venv/bin/lint-imports
	DEMO=0 SECRET_KEY=only-for-the-check-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEF ALLOWED_HOSTS=billing.example PUBLIC_URL=https://billing.example EMAIL_HOST=mail.example .venv/bin/python manage.py check --deploy --fail-level WARNING
	.venv/bin/python manage.py makemigrations --check --dry-run

fmt: .venv/.installed ## mend what can be mended by itself
	.venv/bin/python -m ruff check --fix . && .venv/bin/python -m ruff format .

mirror: .venv/.installed ## compare our one-step schema of dj-stripe with the one its own migrations make: a minute
	MIRROR_SCHEMA=1 .venv/bin/python -m pytest payments/tests/mirror/test_schema.py

mutants: .venv/.installed ## run the race and crash tests with each guard removed: every one must fail
	.venv/bin/python -m billing_portal.tests.mutants

bench: .venv/.installed ## measure the portal beside its peers, on servers of its own: three minutes; docs/benchmarks.md
	.venv/bin/python manage.py bench

# Made once, and again when the pins change: the second start does not wait for pip.
.venv/.installed: requirements.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 …")'
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet -r requirements-dev.txt
	@touch .venv/.installed

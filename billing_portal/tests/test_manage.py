"""`manage.py` by hand finds the demo's database by DATA_DIR alone; whoever started it stops it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

from billing_portal.embedded import child, postgres

ROOT = Path(__file__).resolve().parent.parent.parent
ASK = (
    "from django.db import connection as c; x = c.cursor(); x.execute('SELECT current_database()'); print(x.fetchone())"
)


@pytest.fixture
def manage(tmp_path):
    """Runs a command in a data folder of the test's own; returns what it printed."""
    inherited = {name: value for name, value in os.environ.items() if name not in {"DEMO", "DJANGO_SETTINGS_MODULE"}}

    def run(*arguments, **environment):
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env={**inherited, "DATA_DIR": str(tmp_path), **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_it_starts_the_database_and_stops_it(manage, tmp_path):
    done = manage("shell", "--no-imports", "-c", ASK)
    assert done.stdout.strip() == "('billing',)", done.stderr
    assert not postgres.alive(tmp_path)


def test_it_only_borrows_one_that_runs(manage, tmp_path):
    server = postgres.start(tmp_path)
    assert "('billing',)" in manage("shell", "--no-imports", "-c", ASK).stdout
    assert postgres.alive(tmp_path)
    child.stop(server)


def test_with_an_address_of_ones_own_nothing_is_started(manage, tmp_path):
    url = "postgresql://nobody@/nothing?host=/tmp/nobody-listens-here"
    refused = manage("shell", "--no-imports", "-c", ASK, DATABASE_URL=url)
    assert "SECRET_KEY is not set" in refused.stderr
    refused = manage("shell", "--no-imports", "-c", ASK, DATABASE_URL=url, SECRET_KEY="x" * 50, DATABASE_POOL_SIZE="0")
    assert "nobody-listens-here" in refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_every_static_file_that_another_names_is_there(settings, tmp_path):
    """Production serves hashed copies: collecting fails when a stylesheet names a file that is missing."""
    settings.STATIC_ROOT = tmp_path / "collected"
    hashed = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": hashed}}
    call_command("collectstatic", interactive=False, verbosity=0)
    assert (settings.STATIC_ROOT / "staticfiles.json").exists()

"""Settings are read from the environment, and say what they cannot read."""

import re
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from billing_portal.settings import env


@pytest.mark.parametrize(("value", "read"), [("1", True), ("yes", True), ("0", False), ("Off", False), ("", True)])
def test_a_flag(monkeypatch, value, read):
    monkeypatch.setenv("A_FLAG", value)
    assert env.flag("A_FLAG", default=True) is read


def test_what_cannot_be_read_is_named(monkeypatch):
    monkeypatch.setenv("A_SETTING", "perhaps")
    with pytest.raises(ImproperlyConfigured, match="A_SETTING is 'perhaps': write 1 or 0"):
        env.flag("A_SETTING", default=False)
    with pytest.raises(ImproperlyConfigured, match="whole number, 1 or more"):
        env.integer("A_SETTING", 5, at_least=1)
    with pytest.raises(ImproperlyConfigured, match="usd=1000000"):
        env.amounts("A_SETTING", {})


def test_amounts_name_only_what_differs(monkeypatch):
    monkeypatch.setenv("ABOVE", "USD=5, chf=7")
    assert env.amounts("ABOVE", {"usd": 1, "eur": 2}) == {"usd": 5, "eur": 2, "chf": 7}


def test_a_database_by_host_and_by_socket():
    found = env.database("postgresql://billing:p%40ss@db.example:5433/books?sslmode=require")
    assert {**found, "ENGINE": ""} == {
        "ENGINE": "",
        "NAME": "books",
        "USER": "billing",
        "PASSWORD": "p@ss",
        "HOST": "db.example",
        "PORT": "5433",
        "OPTIONS": {"sslmode": "require"},
    }
    assert env.database("postgresql://postgres@/billing?host=/tmp/run")["HOST"] == "/tmp/run"


def test_another_kind_of_database_is_refused():
    with pytest.raises(ImproperlyConfigured, match="PostgreSQL only"):
        env.database("sqlite:///books.db")


def test_a_secret_is_made_once_and_kept_private(tmp_path):
    file = tmp_path / "new" / "secret_key"
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: env.kept_secret(file), range(8)))
    assert len(found) == 1
    assert len(found.pop()) >= 50
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["secret_key"]


def test_the_example_lists_every_variable_that_is_read_and_no_other():
    root = Path(settings.BASE_DIR)
    read = re.compile(r"""env\.(?:text|flag|integer|names|origins|amounts)\(\s*"([A-Z_]+)\"""")
    sources = [
        *(root / "billing_portal/settings").glob("*.py"),
        *(root / "billing_portal/management/commands").glob("*.py"),
    ]
    listed = re.findall(r"^#? ?([A-Z_]+)=", (root / ".env.example").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted({name for source in sources for name in read.findall(source.read_text())})

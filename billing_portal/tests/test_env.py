"""Settings are read from the environment, and say what they cannot read."""

import json
import os
import re
import socket
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from requests.utils import get_environ_proxies

from billing_portal.settings import env, stand_ins

SHOWN = (
    "DEMO",
    "STRIPE_SECRET_KEY",
    "STRIPE_WEBHOOK_SECRETS",
    "STRIPE_API_BASE",
    "STRIPE_JS_ORIGIN",
    "PROVIDER_ENVIRONMENT",
)


def settings_of(data, **environment):
    """The settings that a process of the portal reads in this folder and environment."""
    ask = f"{{name: getattr(base, name) for name in {SHOWN}}}"
    program = f"import json; from billing_portal.settings import base; print(json.dumps({ask}))"
    mine = {"PATH": os.environ["PATH"], "DATA_DIR": str(data), **environment}
    ran = subprocess.run(
        [sys.executable, "-c", program], env=mine, cwd=settings.BASE_DIR, capture_output=True, check=True
    )
    return json.loads(ran.stdout)


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
    read = re.compile(r"""env\.(?:text|flag|integer|names|origins|amounts|one_of)\(\s*"([A-Z_]+)\"""")
    sources = [
        *(root / "billing_portal/settings").glob("*.py"),
        *(root / "billing_portal/management/commands").glob("*.py"),
    ]
    listed = re.findall(r"^#? ?([A-Z_]+)=", (root / ".env.example").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted({name for source in sources for name in read.findall(source.read_text())})


def test_a_stand_in_is_made_once_and_kept_private(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: stand_ins.stripe(tmp_path), range(8)))
    assert len(found) == 1
    made = found.pop()
    assert re.fullmatch(r"sk_test_\w{24}", made.secret_key) and re.fullmatch(r"pk_test_\w{24}", made.publishable_key)
    assert re.fullmatch(r"whsec_\w{32}", made.webhook_secret)
    [file] = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not stand_ins.moved_from_taken_port(tmp_path)

    with socket.socket() as stranger:
        stranger.bind((stand_ins.HOST, made.port))
        stranger.listen()
        assert stand_ins.moved_from_taken_port(tmp_path)
    moved = stand_ins.stripe(tmp_path)
    assert moved.port != made.port
    assert (moved.secret_key, moved.webhook_secret) == (made.secret_key, made.webhook_secret)
    [file] = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_demo_speaks_to_its_stand_in_unless_it_has_a_key_of_stripes(tmp_path):
    said = {
        "STRIPE_JS_ORIGIN": "https://js.stripe.com",
        "PROVIDER_ENVIRONMENT": "production",
    }  # as `.env.example` has it
    demo = settings_of(tmp_path, **said)
    made = stand_ins.stripe(tmp_path)
    assert demo == {
        "DEMO": True,
        "STRIPE_SECRET_KEY": made.secret_key,
        "STRIPE_WEBHOOK_SECRETS": [made.webhook_secret],
        "STRIPE_API_BASE": made.url,
        "STRIPE_JS_ORIGIN": made.url,
        "PROVIDER_ENVIRONMENT": "demo",
    }
    real = settings_of(
        tmp_path, **said, STRIPE_SECRET_KEY="sk_test_of_an_account", STRIPE_WEBHOOK_SECRET="whsec_a,whsec_b"
    )
    assert real == {
        "DEMO": True,
        "STRIPE_SECRET_KEY": "sk_test_of_an_account",
        "STRIPE_WEBHOOK_SECRETS": ["whsec_a", "whsec_b"],
        "STRIPE_API_BASE": "",
        **said,
    }


def test_the_stand_in_is_reached_past_a_proxy_of_the_environment(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("NO_PROXY", "intranet.example")
    stand_ins.past_proxies()
    stand_ins.past_proxies()
    assert os.environ["no_proxy"] == os.environ["NO_PROXY"] == "intranet.example,127.0.0.1"
    assert get_environ_proxies("http://127.0.0.1:50000/v1/customers") == {}
    assert "http" in get_environ_proxies("http://api.example/")


def test_outside_of_the_demo_there_is_no_stand_in(tmp_path):
    elsewhere = settings_of(tmp_path / "none", DEMO="0", SECRET_KEY="x" * 50)
    assert (elsewhere["STRIPE_SECRET_KEY"], elsewhere["STRIPE_API_BASE"]) == ("", "")
    assert not (tmp_path / "none").exists()
    assert settings.STRIPE_STAND_IN is None and settings.STRIPE_SECRET_KEY == ""

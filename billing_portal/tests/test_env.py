"""Settings are read from the environment, and say what they cannot read."""

import json
import os
import re
import socket
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
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
    "PAYPAL_CLIENT_ID",
    "PAYPAL_CLIENT_SECRET",
    "PAYPAL_ENVIRONMENT",
    "PAYPAL_LIVEMODE",
    "PAYPAL_WEBHOOK_ID",
    "PAYPAL_API_BASE",
    "PAYPAL_WEBHOOK_CA_FILE",
    "PAYPAL_MERCHANT_ID",
    "PAYPAL_MERCHANT_EMAIL",
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


KEYS = {
    "stripe": {
        "secret_key": r"sk_test_\w{24}",
        "publishable_key": r"pk_test_\w{24}",
        "webhook_secret": r"whsec_\w{32}",
    },
    "paypal": {
        "client_id": r"A\w{78}",
        "client_secret": r"E\w{78}",
        "webhook_id": r"[A-Z0-9]{17}",
        "merchant_id": r"[A-Z0-9]{13}",
        "merchant_email": r"\S+@\S+\.example",
    },
}


@pytest.mark.parametrize(("make", "keys"), [(stand_ins.stripe, KEYS["stripe"]), (stand_ins.paypal, KEYS["paypal"])])
def test_a_stand_in_is_made_once_and_kept_private(tmp_path, make, keys):
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: make(tmp_path), range(8)))
    assert len(found) == 1
    made = found.pop()
    assert {name for name, looks in keys.items() if not re.fullmatch(looks, getattr(made, name))} == set()
    [file] = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not stand_ins.moved_from_taken_port(tmp_path, made)

    with socket.socket() as stranger:
        stranger.bind((stand_ins.HOST, made.port))
        stranger.listen()
        assert stand_ins.moved_from_taken_port(tmp_path, made)
    moved = make(tmp_path)
    assert moved.port != made.port
    assert moved == replace(made, port=moved.port)
    [file] = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


PAYPAL_OFF = {
    "PAYPAL_CLIENT_ID": "",
    "PAYPAL_CLIENT_SECRET": "",
    "PAYPAL_ENVIRONMENT": "sandbox",
    "PAYPAL_LIVEMODE": False,
    "PAYPAL_WEBHOOK_ID": "",
    "PAYPAL_API_BASE": "",
    "PAYPAL_WEBHOOK_CA_FILE": "",
    "PAYPAL_MERCHANT_ID": "",
    "PAYPAL_MERCHANT_EMAIL": "",
}


def paypal_of(made, data):
    """What the demo says of its own."""
    return {
        "PAYPAL_CLIENT_ID": made.client_id,
        "PAYPAL_CLIENT_SECRET": made.client_secret,
        "PAYPAL_ENVIRONMENT": "sandbox",
        "PAYPAL_LIVEMODE": False,
        "PAYPAL_WEBHOOK_ID": made.webhook_id,
        "PAYPAL_API_BASE": made.url,
        "PAYPAL_WEBHOOK_CA_FILE": str(data / "sandbox" / "paypal" / "paypal-root.pem"),
        "PAYPAL_MERCHANT_ID": made.merchant_id,
        "PAYPAL_MERCHANT_EMAIL": made.merchant_email,
    }


def test_the_demo_speaks_to_its_stand_ins_unless_it_has_keys_of_its_own(tmp_path):
    said = {
        "STRIPE_JS_ORIGIN": "https://js.stripe.com",
        "PROVIDER_ENVIRONMENT": "production",
    }  # as `.env.example` has it
    demo = settings_of(tmp_path, **said, PAYPAL_ENVIRONMENT="live")
    made, paypal = stand_ins.stripe(tmp_path), stand_ins.paypal(tmp_path)
    stands_in = {
        "DEMO": True,
        "STRIPE_SECRET_KEY": made.secret_key,
        "STRIPE_WEBHOOK_SECRETS": [made.webhook_secret],
        "STRIPE_API_BASE": made.url,
        "STRIPE_JS_ORIGIN": made.url,
        "PROVIDER_ENVIRONMENT": "demo",
        **paypal_of(paypal, tmp_path),
    }
    assert demo == stands_in
    real = settings_of(
        tmp_path, **said, STRIPE_SECRET_KEY="sk_test_of_an_account", STRIPE_WEBHOOK_SECRET="whsec_a,whsec_b"
    )
    assert real == {
        "DEMO": True,
        "STRIPE_SECRET_KEY": "sk_test_of_an_account",
        "STRIPE_WEBHOOK_SECRETS": ["whsec_a", "whsec_b"],
        "STRIPE_API_BASE": "",
        **said,
        **paypal_of(paypal, tmp_path),
    }
    account = {"PAYPAL_CLIENT_ID": "of an app", "PAYPAL_CLIENT_SECRET": "its secret", "PAYPAL_WEBHOOK_ID": "1JE4291016"}
    assert settings_of(tmp_path, **said, **account) == {**stands_in, **PAYPAL_OFF, **account}


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
    assert elsewhere | PAYPAL_OFF == elsewhere
    assert not (tmp_path / "none").exists()
    assert settings.STRIPE_STAND_IN is None and settings.STRIPE_SECRET_KEY == ""
    assert settings.PAYPAL_STAND_IN is None and settings.PAYPAL_CLIENT_ID == ""

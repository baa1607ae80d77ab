"""What an embedded server needs of the operating system: a short folder for its socket, a death signal, a quiet end."""

import ctypes
import fcntl
import hashlib
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

LINUX = sys.platform == "linux"
SERVERS = ("postgres", "valkey")
PR_SET_PDEATHSIG = 1
# Bound here and not in the child: between fork and exec only what is loaded already may safely be called.
_prctl = ctypes.CDLL(None).prctl if LINUX else None


class Server(subprocess.Popen[bytes]):
    """An embedded server that we started, and the data folder that it serves."""

    data: Path


class CannotStart(SystemExit):
    """An embedded server could not be started. Its text says why and what to do, and ends the command with status 1."""


def run_dir(data: Path) -> Path:
    """Where the sockets of a data folder live. A pure function of the folder and the user, so settings can compute
    addresses.

    Not inside `data`: a unix socket's path ends at 107 characters, and a data folder may lie deep.
    """
    digest = hashlib.sha256(str(data.resolve()).encode()).hexdigest()[:12]
    return Path(f"/tmp/billing-{os.geteuid()}-{digest}")  # noqa: S108 (0700, and its owner is checked)


def private_folder(folder: Path, *, owner: int, group: int) -> None:
    """Make `folder` with mode 0700 for `owner`, or take one that is there already and has always been ours.

    Raises CannotStart when another user owns it, or when it is a link: somebody may have put it into /tmp before us.
    """
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {owner, os.geteuid()}:
        raise CannotStart(f"{folder} belongs to another user: remove it, or choose another DATA_DIR.")
    if os.geteuid() == 0:
        os.chown(folder, owner, group)
    folder.chmod(0o700)


@contextmanager
def starting(data: Path, name: str) -> Iterator[None]:
    """Hold the lock of a server's start: of two starters the second finds the first one's server."""
    data.mkdir(parents=True, exist_ok=True)
    with _lock(data, name).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def leave_run_dir(data: Path) -> None:
    """Remove the sockets' folder when it is empty. Whoever starts a server at this moment needs it: then it stays.

    Both servers live in it, so the locks of both starts are held; neither is waited for.
    """
    with suppress(OSError), ExitStack() as locks:  # not empty, gone already, or the data folder is gone
        for name in SERVERS:
            fcntl.flock(locks.enter_context(_lock(data, name).open("a")), fcntl.LOCK_EX | fcntl.LOCK_NB)
        run_dir(data).rmdir()


def _lock(data: Path, name: str) -> Path:
    return data / f"{name}.lock"


def dies_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    """For `preexec_fn`: the kernel sends `number` to the child when its starter is gone, `kill -9` included.

    The signal comes when the starting *thread* ends, so start from the main thread. It runs after `user=` has been
    applied (a change of user would clear it). None where there is no prctl: there the starter alone stops its children.
    """
    if _prctl is None:
        return None
    starter = os.getpid()
    prctl = _prctl

    def ask_for_the_signal() -> None:
        prctl(PR_SET_PDEATHSIG, number)
        if os.getppid() != starter:  # it died between fork and prctl: nobody is left to send the signal
            os._exit(1)

    return ask_for_the_signal


def stop(server: subprocess.Popen[bytes], number: signal.Signals = signal.SIGINT, *, seconds: float = 20) -> None:
    """Ask a server that we started to end, wait, and insist after `seconds`. The last one takes the sockets' folder
    along."""
    if server.poll() is None:
        server.send_signal(number)
    try:
        server.wait(seconds)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
    if isinstance(server, Server):
        leave_run_dir(server.data)

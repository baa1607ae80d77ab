"""The stand-in for Stripe and the portal as processes of their own, for tests that kill them.

`StripeProcess` has what `StripeWorld` has of the control panel; `Portal` starts what `tests/killing.py` forks.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from billing_portal.embedded import postgres
from billing_portal.testing import wait_until
from billing_portal.tests.stripe_world import WEBHOOK_SECRET

_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Answer:
    """Status and members of a JSON answer; status 0 when the connection ended without one."""

    status: int
    body: Any = None


def request(url: str, body: Any = None, *, method: str | None = None, **headers: str) -> Answer:
    """One request over HTTP; a body is sent as JSON."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    content = None if body is None else json.dumps(body).encode()
    wanted = urllib.request.Request(url, content, {"Content-Type": "application/json", **sent}, method=method)
    try:
        with _OPENER.open(wanted, timeout=30) as answer:
            return Answer(answer.status, json.loads(answer.read() or b"null"))
    except urllib.error.HTTPError as error:
        return Answer(error.code, json.loads(error.read() or b"null"))
    except (OSError, ValueError):
        return Answer(0)


class StripeProcess:
    """The stand-in, its books in `folder`. Its webhooks are dropped until a test says otherwise."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", "billing_portal.sandbox.stripe", "--data", str(folder)]
        command += ["--webhook", "http://127.0.0.1:9/", "--webhook-secret", WEBHOOK_SECRET]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=settings.BASE_DIR)
        assert self._process.stdout
        line = self._process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert found, line
        self.url = found[0]
        self.reset()

    def panel(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """The control panel's JSON."""
        answer = request(f"{self.url}/__sandbox/{path}", body, method=method)
        assert 200 <= answer.status < 300, answer
        return answer.body

    def objects(self, kind: str) -> list[dict[str, Any]]:
        """Its books, oldest first."""
        return list(self.panel("GET", f"objects/{kind}")["data"])

    def taken(self) -> list[int]:
        """The amounts of every charge that succeeded."""
        return [each["amount"] for each in self.objects("charges") if each["status"] == "succeeded"]

    def fault(self, fault: str, path: str, **how: Any) -> None:
        """Let the next POST to that path go wrong."""
        self.panel("POST", "faults", {"method": "POST", "path": path, "fault": fault, **how})

    def reset(self) -> None:
        """Empty books, nothing planned, webhooks dropped."""
        self.panel("POST", "reset", {})
        self.panel("POST", "webhooks", {"mode": "drop"})

    def stop(self) -> None:
        _end(self._process)


class Child:
    """A process that `Portal` forked."""

    def __init__(self, pid: int, port: int | None) -> None:
        self.pid, self.url = pid, f"http://127.0.0.1:{port}"

    def kill(self) -> None:
        """`kill -9`; nothing when it is gone already."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        self.wait()

    def wait(self) -> None:
        """Until it has ended."""
        wait_until(lambda: not self.is_alive, seconds=30)

    @property
    def is_alive(self) -> bool:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True


class Portal:
    """Web servers and workers on this test's database, which speak to the stand-in at that address. What they have to
    say is written to `log`."""

    def __init__(self, stand_in: str, log: Path) -> None:
        environment = {
            **os.environ,
            "DATABASE_URL": postgres.url(settings.DATA_DIR, connection.settings_dict["NAME"]),
            "DJANGO_SETTINGS_MODULE": "billing_portal.settings.test",
            "SECRET_KEY": settings.SECRET_KEY,
            "STAND_IN": stand_in,
        }
        with log.open("w") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "billing_portal.tests.killing"],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                text=True,
                bufsize=1,
                cwd=settings.BASE_DIR,
            )
        assert self._answer()["ready"]

    def web(self, *, die_at: str | None = None) -> Child:
        """A web server."""
        said = self._ask({"serve": True}, die_at)
        return Child(said["pid"], said["port"])

    def work(self, task: str, *, die_at: str) -> None:
        """One run of a task by a worker, which dies there. Fails when it never came by."""
        status = self._ask({"task": task}, die_at)["status"]
        assert status == -signal.SIGKILL, f"{task} ended with {status} and never came to: {die_at}"

    def _ask(self, order: dict[str, Any], die_at: str | None) -> dict[str, Any]:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(order | ({"die_at": die_at} if die_at else {})) + "\n")
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, "the processes could not be started"
        return dict(json.loads(line))

    def stop(self) -> None:
        """And whatever it forked: the kernel sees to that."""
        _end(self._process)


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    process.wait(10)
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()

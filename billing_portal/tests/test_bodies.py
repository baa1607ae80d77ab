"""How much of a body is read, and how its end is known."""

import http.client
import io
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from billing_portal.testing import wait_until

TOKEN = "/api/auth/token"
MIB = 1024 * 1024
WEB = ("--interface", "wsgi", "--no-ws", "billing_portal.wsgi:application")


def in_chunks(client: Client, body: bytes, *, terminated: bool = True, path: str = TOKEN):
    """A POST without a length. A server that ends the stream with the body says so."""
    said = {"wsgi.input_terminated": True} if terminated else {}
    return client.generic(
        "POST",
        path,
        b"x",
        "application/json",
        **{"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input": io.BytesIO(body), **said},
    )


def names(problem: dict) -> list[str]:
    """The fields that a problem is about."""
    return [error["field"] for error in problem["errors"]]


def test_a_body_in_chunks_is_read(client):
    assert names(in_chunks(client, b'{"email": "ada@acme.example"}').json()) == ["password"]
    assert in_chunks(client, b'{"email": ').json()["code"] == "malformed"


def test_a_body_in_chunks_without_an_end_is_refused(client):
    answer = in_chunks(client, b"{}", terminated=False)
    assert (answer.status_code, answer.json()["code"]) == (411, "length_required")
    assert "Content-Length" in answer.json()["detail"]


def test_a_body_that_breaks_off_is_not_taken_for_whole(client):
    class Broken(io.BytesIO):
        def read(self, size=-1):
            raise OSError

    answer = client.post(
        TOKEN, b"", "application/json", CONTENT_LENGTH="", **{"wsgi.input": Broken(), "wsgi.input_terminated": True}
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


@pytest.mark.parametrize("path", [TOKEN, "/api/schema", "/login"])
def test_the_largest_body_is_one_mebibyte(client, db, path):
    kind = "application/problem+json" if path.startswith("/api/") else "text/html; charset=utf-8"
    for answer in (
        client.post(path, b" " * (MIB + 1), "application/json"),
        client.post(path, {"a_file": io.BytesIO(b" " * MIB)}),
        in_chunks(client, b" " * (MIB + 1), path=path),
    ):
        assert (answer.status_code, answer["Content-Type"]) == (413, kind)
    assert client.post(path, b" " * MIB, "application/json").status_code != 413
    assert in_chunks(client, b" " * MIB, path=path).status_code != 413


@pytest.fixture(scope="module")
def served() -> Iterator[int]:
    """The port of the web server that production and the demo run, with the tests' settings."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "granian", *WEB, "--host", "127.0.0.1", "--port", str(port)],
        cwd=Path(settings.BASE_DIR),
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "billing_portal.settings.test"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def answers() -> bool:
        with socket.socket() as client:
            return server.poll() is not None or client.connect_ex(("127.0.0.1", port)) == 0

    try:
        wait_until(answers, 30)
        yield port
    finally:
        server.terminate()
        server.wait()


def test_the_web_server_hands_on_a_body_in_chunks(served):
    for pieces, status, what in (
        ([b'{"email": ', b'"ada@acme.example"}'], 400, ["password"]),
        ([b" " * MIB, b" "], 413, "too_large"),
    ):
        connection = http.client.HTTPConnection("127.0.0.1", served, timeout=20)
        connection.request("POST", TOKEN, iter(pieces), {"Content-Type": "application/json"}, encode_chunked=True)
        answer = connection.getresponse()
        problem = json.loads(answer.read())
        assert (answer.status, names(problem) if "errors" in problem else problem["code"]) == (status, what)
        connection.close()

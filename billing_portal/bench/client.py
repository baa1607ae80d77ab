"""The one client of every HTTP comparison: bytes made beforehand, a socket that is kept, no work that could count."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from billing_portal.bench.measuring import Spent
from billing_portal.bench.places import HOST

if TYPE_CHECKING:
    from billing_portal.bench.servers import Web

TIMEOUT = 30
_CHUNK = 65_536


class UnexpectedAnswer(Exception):
    """A side did not do what is being measured."""


def post(path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """A POST of JSON as it goes over the wire."""
    lines = [f"POST {path} HTTP/1.1", f"Host: {HOST}", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def get(path: str, headers: Mapping[str, str]) -> bytes:
    """A GET as it goes over the wire."""
    lines = [f"GET {path} HTTP/1.1", f"Host: {HOST}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def timed(web: Web, requests: Sequence[bytes], *, status: int, connections: int = 1) -> Spent:
    """Send them, each after the answer to the one before, over as many connections as wanted.

    Raises UnexpectedAnswer for an answer of another status, OSError when the server hangs up.
    """
    opened = [_Connection(web.port, status) for _ in range(connections)]
    shares = [requests[number::connections] for number in range(connections)]
    try:
        cpu, began = web.cpu_seconds(), time.perf_counter()
        if connections == 1:
            opened[0].send_all(requests)
        else:
            _at_once(opened, shares)
        seconds = time.perf_counter() - began
        used = web.cpu_seconds()
    finally:
        for each in opened:
            each.close()
    return Spent(seconds, None if cpu is None or used is None else used - cpu)


class _Connection:
    def __init__(self, port: int, status: int) -> None:
        self._socket = socket.create_connection((HOST, port), timeout=TIMEOUT)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._expected = f"HTTP/1.1 {status} ".encode()
        self.error: Exception | None = None

    def send_all(self, requests: Sequence[bytes]) -> None:
        for request in requests:
            self._socket.sendall(request)
            answer = self._receive()
            if not answer.startswith(self._expected):
                raise UnexpectedAnswer(answer[:1_000].decode(errors="replace"))

    def send_all_in_thread(self, requests: Sequence[bytes]) -> None:
        try:
            self.send_all(requests)
        except Exception as error:  # noqa: BLE001 (told by whoever waits for the thread)
            self.error = error

    def _receive(self) -> bytes:
        received = b""
        while True:
            chunk = self._socket.recv(_CHUNK)
            if not chunk:
                raise ConnectionError(f"The server hung up after {received[:200]!r}")
            received += chunk
            head, end, body = received.partition(b"\r\n\r\n")
            if end and len(body) >= _length(head):
                return received

    def close(self) -> None:
        self._socket.close()


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise UnexpectedAnswer(f"An answer without its length: {head!r}")


def _at_once(opened: Sequence[_Connection], shares: Sequence[Sequence[bytes]]) -> None:
    threads = [
        threading.Thread(target=connection.send_all_in_thread, args=(share,))
        for connection, share in zip(opened, shares, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for connection in opened:
        if connection.error:
            raise connection.error

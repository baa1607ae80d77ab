"""Serve a WSGI application on 127.0.0.1 with a thread per request, and let it hang up without an answer.

The application finds a callable under HANG_UP in its environment: it closes the connection, so that the caller sees
what a lost network looks like. `hang_up` calls it and raises ConnectionAbortedError, which ends the request quietly.
A caller may bring its own way to wait, under SLEEP: tests need not sleep.
"""

import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from socketserver import ThreadingMixIn
from typing import Any, NoReturn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

HANG_UP = "sandbox.hang_up"
SLEEP = "sandbox.sleep"
HOST = "127.0.0.1"


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 128


class _Handler(WSGIRequestHandler):
    def get_environ(self) -> dict[str, Any]:
        return {**super().get_environ(), HANG_UP: self._hang_up}

    def _hang_up(self) -> None:
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class's name)
        """Stay silent: the control panel's log tells what happened."""


def server(application: Callable[..., Any], port: int) -> WSGIServer:
    """A server bound to 127.0.0.1 alone; port 0 takes a free one (`server_port` says which)."""
    return make_server(HOST, port, application, server_class=_Server, handler_class=_Handler)


def hang_up(environ: Mapping[str, Any]) -> NoReturn:
    """Close the connection without an answer. Raises ConnectionAbortedError."""
    environ.get(HANG_UP, lambda: None)()
    raise ConnectionAbortedError("hung up on demand")


def wait(environ: Mapping[str, Any], seconds: float) -> None:
    """Let time pass before the answer."""
    environ.get(SLEEP, time.sleep)(seconds)

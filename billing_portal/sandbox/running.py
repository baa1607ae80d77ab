"""Run a stand-in as a process: serve it, let its time go by, end at INT, TERM or HUP."""

import signal
import sys
import threading
import time
from typing import Protocol
from wsgiref.simple_server import WSGIServer

TICK_SECONDS = 0.2


class Ticking(Protocol):
    """A stand-in, in which things happen by themselves as time goes by."""

    def tick(self) -> None:
        """What is due now."""


def run(sandbox: Ticking, listener: WSGIServer, *words: str) -> None:
    """Serve until a signal. `words` are printed once the address is open."""
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stopping.set())
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    sys.stdout.writelines(f"{line}\n" for line in words)
    sys.stdout.flush()
    # A receiver that is slow must not keep this process from ending: what is under way is sent again after a restart.
    threading.Thread(target=_tick, args=(sandbox, stopping), daemon=True).start()
    stopping.wait()
    listener.shutdown()


def _tick(sandbox: Ticking, stopping: threading.Event) -> None:
    """Until the end of the process, which comes when this ends: a stand-in that sends nothing any more is none."""
    try:
        while True:
            sandbox.tick()
            time.sleep(TICK_SECONDS)
    finally:
        stopping.set()

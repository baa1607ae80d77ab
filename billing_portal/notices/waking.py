"""Wake a worker after commit, for the outbox unless said otherwise. Only a hint: what nobody was woken for, a sweep
finds."""

import logging
import time
from functools import cache, partial

from celery import current_app
from django.db import transaction
from kombu import pools

log = logging.getLogger(__name__)

TASK = "notices.deliver_outbox"
# How long a broker may keep a request waiting: connecting, and each answer. It runs beside us or not at all.
PATIENCE = 0.4
# After a failure nobody else waits for that broker for a while.
REST = 5.0
_resting_until = 0.0


def wake(task: str = TASK, *, seconds: float = 0) -> None:
    """What doors call: once the transaction is committed (or at once without one), send for the worker; it comes after
    `seconds`.

    Never raises and never takes more than about a second, whatever state the broker is in.
    """
    transaction.on_commit(partial(_send, task, seconds), robust=True)


def _send(task: str = TASK, seconds: float = 0) -> None:
    global _resting_until  # noqa: PLW0603 (one breaker for each process)
    if time.monotonic() < _resting_until:
        return
    try:
        with _producers().acquire(block=True, timeout=PATIENCE) as producer:
            current_app.send_task(task, countdown=seconds or None, producer=producer, retry=False)
    except Exception as error:  # noqa: BLE001 (kombu lets through whatever its transport raises)
        _resting_until = time.monotonic() + REST
        log.warning("the broker can't be reached; %s waits for its sweep: %s", task, error)


@cache
def _producers() -> pools.ProducerPool:
    """Connections of our own: those of Celery's wait as long as a worker may, which is too long for a request."""
    impatient = {"socket_connect_timeout": PATIENCE, "socket_timeout": PATIENCE, "max_retries": 1, "interval_start": 0}
    connection = current_app.connection_for_write(transport_options=impatient, connect_timeout=PATIENCE)
    return pools.Producers(limit=16)[connection]

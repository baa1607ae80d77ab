"""A web server and a worker that can be killed at a chosen step, as processes of their own.

`python -m billing_portal.tests.killing` loads the portal once and then forks a process for each line that it reads:
`{"serve": true}` serves the portal over HTTP, `{"task": "payments.handle_events"}` runs one task, as a worker would.
With `"die_at": "charge: answered"` the process kills itself there with SIGKILL: nothing is rolled back, flushed or
closed by anybody. `tests/processes.py` is the other end.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Step:
    """Before or after a call of `name` in a module (or of a class in it), of that `operation` if one is named."""

    where: str
    name: str
    operation: str | None = None
    after: bool = False


CHARGE = "payments.actions.charging"
DRIVE = "payments.actions.driving"
SETTLE = "payments.actions.settling"
CALL = "payments.actions.calling"
REFUND = "payments.actions.refunding"
SENDING = "payments.actions.sending_refunds"
ADAPTER = "payments.providers.stripe.provider:StripeProvider"
KEYS = "billing_portal.kit.idempotency"
INBOX = "payments.inbox.handling"

STEPS = {
    # What a request does before and after its verb.
    "key claimed": Step(KEYS, "_run"),
    "before the answer is kept": Step(KEYS, "_keep"),
    "before the response": Step(KEYS, "_keep", after=True),
    # A charge.
    "charge: row not committed": Step(CHARGE, "open_provider_payment", after=True),
    "charge: row committed": Step(DRIVE, "drive"),
    "charge: customer made": Step("payments.actions.customers", "call", operation="create_customer", after=True),
    "charge: before it is sent": Step(CALL, "call", operation="charge"),
    "charge: answered": Step(ADAPTER, "charge", after=True),
    "charge: answer noted": Step(CALL, "call", operation="charge", after=True),
    "charge: end not committed": Step(SETTLE, "_leave_what_follows", after=True),
    "charge: end committed": Step(SETTLE, "settle_payment", after=True),
    # A refund.
    "refund: row not committed": Step(REFUND, "_reserve", after=True),
    "refund: row committed": Step(SENDING, "send"),
    "refund: before it is sent": Step(CALL, "call", operation="refund"),
    "refund: answered": Step(ADAPTER, "refund", after=True),
    "refund: answer noted": Step(CALL, "call", operation="refund", after=True),
    "refund: end not committed": Step("payments.actions.booking_refunds", "book_success", after=True),
    "refund: end committed": Step(SENDING, "settle_refund", after=True),
    # An event.
    "event: object claimed": Step(INBOX, "_handle"),
    "event: object read": Step("payments.actions.syncing", "_apply"),
    "event: end not committed": Step(SETTLE, "_leave_what_follows", after=True),
    "event: end committed": Step(SETTLE, "settle_payment", after=True),
    "event: handled, not said": Step(INBOX, "_settle"),
}


def die_at(step: Step) -> None:
    """Let this process kill itself there, the first time it comes by."""
    module, _, owner = step.where.partition(":")
    found: Any = importlib.import_module(module)
    found = getattr(found, owner) if owner else found
    plain: Callable[..., Any] = getattr(found, step.name)

    def deadly(*args: Any, **facts: Any) -> Any:
        if step.operation is not None and args[0] != step.operation:
            return plain(*args, **facts)
        if step.after:
            plain(*args, **facts)
        return os.kill(os.getpid(), signal.SIGKILL)

    setattr(found, step.name, deadly)


def _loaded() -> None:
    """Everything that a request needs, but no connection: each process makes its own."""
    import django

    django.setup()
    from django.conf import settings
    from django.urls import get_resolver

    from billing_portal.tests.mutation import take_guards_away
    from billing_portal.tests.stripe_world import PUBLISHABLE_KEY, SECRET_KEY, WEBHOOK_SECRET
    from billing_portal.wsgi import application
    from payments.providers import registry

    take_guards_away()
    settings.STRIPE_SECRET_KEY, settings.STRIPE_PUBLISHABLE_KEY = SECRET_KEY, PUBLISHABLE_KEY
    settings.STRIPE_WEBHOOK_SECRETS, settings.STRIPE_LIVEMODE = [WEBHOOK_SECRET], False
    settings.STRIPE_API_BASE = settings.STRIPE_JS_ORIGIN = os.environ["STAND_IN"]
    settings.PROVIDER_ENVIRONMENT = "test"
    registry.providers.cache_clear()  # the checks at the start have asked for them
    registry.providers()
    assert application and get_resolver().url_patterns


def _serve() -> None:
    from billing_portal.sandbox.serving import server
    from billing_portal.wsgi import application

    listener = server(application, 0)
    _say(port=listener.server_port)
    listener.serve_forever()


def _run(task: str) -> None:
    from celery import current_app

    current_app.loader.import_default_modules()
    current_app.tasks[task]()


def _say(**facts: Any) -> None:
    os.write(1, f"{json.dumps({'pid': os.getpid(), **facts})}\n".encode())


def _be(order: dict[str, Any]) -> None:
    """What the child does, to its end."""
    if "die_at" in order:
        die_at(STEPS[order["die_at"]])
    if "task" in order:
        _run(order["task"])
    else:
        _serve()


def _let_the_dead_go() -> None:
    """Nobody asks how a server ended: from now on they leave nothing behind, nor do those that ended during a task."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with suppress(ChildProcessError):  # there is none
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def main() -> None:
    from billing_portal.embedded.child import dies_with_parent

    _loaded()
    _let_the_dead_go()
    _say(ready=True)
    for line in sys.stdin:
        order, with_parent = json.loads(line), dies_with_parent(signal.SIGKILL)
        if "task" in order:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        child = os.fork()
        if child == 0:
            status = 1
            try:
                if with_parent:
                    with_parent()
                _be(order)
                status = 0
            finally:
                os._exit(status)
        if "task" in order:
            _, ended = os.waitpid(child, 0)
            _let_the_dead_go()
            _say(status=os.waitstatus_to_exitcode(ended))


if __name__ == "__main__":
    main()

"""Carry the context of a request to the task that it caused: request id, tenant and actor travel in the message's
headers."""

import contextlib
from typing import Any

from celery.signals import before_task_publish, setup_logging, task_postrun, task_prerun

from billing_portal.kit import context

HEADER = "billing_context"


@before_task_publish.connect
def pack(headers: dict[str, Any] | None = None, **_: Any) -> None:
    """Put what is known about the caller into the message. Ids and a label, nothing secret."""
    if headers is not None:
        headers[HEADER] = {name: str(value) for name, value in context.current().items() if value}


@task_prerun.connect
def unpack(task: Any = None, task_id: str = "", **_: Any) -> None:
    """Bind the caller's context for the time of the task. A task of beat has none: its own id stands for the
    request's."""
    if task is None:
        return
    carried = task.request.get(HEADER) or (task.request.headers or {}).get(HEADER) or {}
    stack = contextlib.ExitStack()
    stack.enter_context(
        context.bind(
            request_id=carried.get("request_id") or task_id,
            tenant_id=carried.get("tenant_id"),
            actor_label=carried.get("actor_label"),
        )
    )
    task.request.billing_context_stack = stack


@task_postrun.connect
def drop(task: Any = None, **_: Any) -> None:
    """Give the thread back as it was found: worker threads are used again."""
    stack = getattr(task.request, "billing_context_stack", None) if task is not None else None
    if stack:
        stack.close()


@setup_logging.connect
def keep_our_logging(**_: Any) -> None:
    """With a receiver here Celery leaves logging alone: Django has set it up from LOGGING, masking filter included."""

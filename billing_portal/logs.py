"""Logs as JSON lines: who asked (request id, tenant, actor), in which task, and never a secret.

The masking filter sits on the handler, so that every logger passes it, those of the libraries too.
"""

import json
import logging
import sys
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TextIO

from celery import current_task

from billing_portal.masking import mask_text, mask_value

# What a record holds by itself; everything beyond was given as `extra`.
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class MaskSecrets(logging.Filter):
    """Masks a record in place: message with its arguments, extras, exception and stack, whatever formats it later."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always lets the record pass, without its secrets."""
        record.msg, record.args = mask_text(_message(record)), None
        if record.exc_info and record.exc_info[0]:
            record.exc_text = record.exc_text or logging.Formatter().formatException(record.exc_info)
        record.exc_info = None  # its text stays: formatting it anew would bring the secrets back
        record.exc_text = record.exc_text and mask_text(record.exc_text)
        record.stack_info = record.stack_info and mask_text(record.stack_info)
        for name in vars(record).keys() - _OWN:
            setattr(record, name, mask_value(getattr(record, name), name))
        return True


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, requestId, tenant, actor, task, extras, exception."""

    def format(self, record: logging.LogRecord) -> str:
        """The line. A line break inside a message is escaped, so nobody can forge a second line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record),
            **who_asked(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _OWN and name not in line}
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        if record.exc_text:
            line["exception"] = record.exc_text
        if record.stack_info:
            line["stack"] = record.stack_info
        return json.dumps(line, default=str, ensure_ascii=False)


class Stderr(logging.StreamHandler[TextIO]):
    """Writes to what is stderr now, not to what it was when logging was set up: a supervisor or pytest may replace
    it."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        """The stream to write to."""
        return sys.stderr

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (logging's name)
        """Say that a line was lost, and why. The inherited way prints the record and its exception, secrets and all."""
        with suppress(OSError, ValueError):
            kind = sys.exc_info()[0]
            sys.stderr.write(f"a log line of {record.name} was lost: {kind.__name__ if kind else 'unknown'}\n")


def who_asked() -> dict[str, str]:
    """requestId, tenant, actor and task of what runs now, as far as they are known."""
    from billing_portal.kit import context  # noqa: PLC0415 (settings name this module before the apps are there)

    now = context.current()
    known = {
        "requestId": now.get("request_id"),
        "tenant": now.get("tenant_id"),
        "actor": now.get("actor_label"),
        "task": current_task.name if current_task else None,
    }
    return {name: mask_text(str(value)) for name, value in known.items() if value}


def logging_config(level: str) -> dict[str, Any]:
    """The dictConfig for web, worker and commands: everything to stderr, as JSON lines, masked."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"mask": {"()": MaskSecrets}},
        "formatters": {"json": {"()": JsonLines}},
        "handlers": {"stderr": {"()": Stderr, "filters": ["mask"], "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Django's own handlers would write a second, unmasked line, and mail what the admins should not read.
            "django": {"handlers": [], "level": level, "propagate": True},
            "django.server": {"handlers": [], "level": level, "propagate": True},
            # `billing_portal.requests` says what was answered; only a 5xx is told twice, with its traceback.
            "django.request": {"level": "ERROR"},
            "httpx": {"level": "WARNING"},
            # Our own attempts say the same in one line each, with what they were about.
            "stripe": {"level": "WARNING"},
        },
    }


def _message(record: logging.LogRecord) -> str:
    """The message with its arguments, or both side by side when they do not fit together: a log call must never
    fail."""
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 (any __str__ may raise anything)
        return f"{record.msg!s} {record.args!r}"

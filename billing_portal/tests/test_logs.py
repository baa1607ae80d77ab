"""A log line is one JSON object that says who asked."""

import json
import logging

from billing_portal.kit import context
from billing_portal.logs import JsonLines, MaskSecrets, logging_config


def line(message, *args, **extra):
    record = logging.getLogger("test.logs").makeRecord(
        "test.logs", logging.INFO, __file__, 1, message, args, None, extra=extra
    )
    MaskSecrets().filter(record)
    text = JsonLines().format(record)
    assert "\n" not in text
    return json.loads(text)


def test_a_line_says_when_what_and_who():
    with context.bind(request_id="request-1", tenant_id="tenant-1", actor_label="owner@acme.example"):
        found = line("paid %s", 2900, invoice="2026-000001")
    assert found.pop("time").endswith("+00:00")
    assert found == {
        "level": "INFO",
        "logger": "test.logs",
        "message": "paid 2900",
        "requestId": "request-1",
        "tenant": "tenant-1",
        "actor": "owner@acme.example",
        "invoice": "2026-000001",
    }


def test_nobody_forges_a_second_line():
    assert line("name: %s", 'x"}\n{"level": "INFO"')["message"] == 'name: x"}\n{"level": "INFO"'


def test_every_handler_of_the_settings_masks():
    for handler in logging_config("INFO")["handlers"].values():
        assert handler["filters"] == ["mask"]
    assert logging_config("INFO")["loggers"]["django"]["handlers"] == []

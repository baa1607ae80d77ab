"""Mails: the same words as text and as HTML, facts never as markup, sent by the outbox."""

from datetime import UTC, datetime

import pytest
from django.core import mail as sent
from django.db import transaction

from billing_portal.notices import mail, outbox
from billing_portal.notices.models import OutboxMessage

NOW = datetime(2026, 11, 1, 8, tzinfo=UTC)
FACTS = {
    "number": "INV-2026-000143",
    "amount": "$398.99",
    "open": "$398.99",
    "due_on": "November 15, 2026",
    "period": "October 2026",
    "remittance_code": "ACME <143>",
    "button_label": "Look at the invoice",
    "button_url": "https://billing.example.com/invoices/1",
}


def post(**facts: str):
    with transaction.atomic():
        mail.write(mail.Mail("billing@acme.example", "invoice_issued", {**FACTS, **facts}), tenant=None, now=NOW)


@pytest.mark.django_db
def test_a_mail_goes_out_with_the_same_words_twice():
    post()
    assert outbox.deliver_due(NOW).done == 1
    (message,) = sent.outbox
    html = message.alternatives[0].content
    assert message.to == ["billing@acme.example"]
    assert message.subject == "INV-2026-000143: $398.99, due November 15, 2026"
    assert "Your invoice INV-2026-000143 for October 2026 is $398.99." in message.body
    assert "Your invoice INV-2026-000143 for October 2026 is $398.99." in html
    assert "Look at the invoice: https://billing.example.com/invoices/1" in message.body
    assert 'href="https://billing.example.com/invoices/1"' in html
    assert "ACME <143>" in message.body and "ACME &lt;143&gt;" in html


@pytest.mark.django_db
def test_a_mail_sent_again_carries_the_same_message_id():
    post()
    outbox.deliver_due(NOW)
    OutboxMessage.objects.update(done_at=None)  # the worker died before it could note that it was sent
    outbox.deliver_due(NOW)
    first, second = (message.message()["Message-ID"] for message in sent.outbox)
    assert first == second


@pytest.mark.django_db
def test_a_name_with_a_line_break_forges_no_header():
    post(number="INV-1\nBcc: everybody@example.com")
    outbox.deliver_due(NOW)
    (message,) = sent.outbox
    assert message.subject == "INV-1"
    assert message.message()["Bcc"] is None


@pytest.mark.django_db
def test_a_mail_server_that_is_away_is_tried_again(monkeypatch: pytest.MonkeyPatch):
    def away(*args: object, **kwargs: object) -> int:
        raise ConnectionRefusedError

    with monkeypatch.context() as patched:
        patched.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", away)
        post()
        assert outbox.deliver_due(NOW).failed == 1
    assert outbox.deliver_due(OutboxMessage.objects.get().available_at).done == 1
    assert len(sent.outbox) == 1

"""Mails: a verb writes one into the outbox, a worker renders and sends it.

A mail is one text template, `templates/notices/<template>.txt`: first line the subject, then paragraphs between blank
lines. The HTML part is the same words in one frame, so that the two can't say different things. Facts are finished
texts; two of them, `button_label` and `button_url`, make the button.
"""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from email.utils import parseaddr
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from billing_portal.notices import outbox
from billing_portal.tenants.models import Tenant

TOPIC = "notices.mail"


@dataclass(frozen=True, slots=True)
class Mail:
    """To whom, with which words, and the facts in them: texts as the reader sees them."""

    to: str
    template: str
    facts: dict[str, str] = field(default_factory=dict)


def write(mail: Mail, *, tenant: Tenant | None, now: datetime, dedupe_key: str | None = None) -> None:
    """Put a mail into the outbox, in the transaction of what it tells about. Raises as `outbox.write` does."""
    outbox.write(topic=TOPIC, payload=asdict(mail), tenant=tenant, now=now, dedupe_key=dedupe_key)


def send(mail: Mail, *, message_id: UUID) -> None:
    """Send a mail now. Raises what SMTP raises.

    A worker that dies between the server's "accepted" and our note of it sends again: SMTP knows no idempotency. The
    second carries the same Message-ID, by which mail programs show the two as one.
    """
    rendered = render_to_string(f"notices/{mail.template}.txt", {**mail.facts, "issuer": settings.ISSUER_NAME})
    subject, _, text = rendered.strip().partition("\n")
    paragraphs = [paragraph.strip() for paragraph in text.split("\n\n") if paragraph.strip()]
    facts = {**mail.facts, "subject": subject, "paragraphs": paragraphs, "issuer": settings.ISSUER_NAME}
    message = EmailMultiAlternatives(
        subject=subject.strip(),
        body=render_to_string("notices/frame.txt", facts),
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[mail.to],
        headers={"Message-ID": f"<{message_id}@{_domain()}>", "Auto-Submitted": "auto-generated"},
    )
    message.attach_alternative(render_to_string("notices/frame.html", facts), "text/html")
    message.send()


def _domain() -> str:
    """The domain that Message-IDs are made in: the sender's."""
    address = parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
    return address.rpartition("@")[2] or urlsplit(settings.PUBLIC_URL).hostname or "localhost"

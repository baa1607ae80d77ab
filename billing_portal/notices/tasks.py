"""The clock's door to the outbox."""

from celery import shared_task
from django.utils import timezone

from billing_portal.notices import outbox
from billing_portal.notices.waking import TASK, wake


@shared_task(name=TASK)
def deliver_outbox() -> None:
    """Deliver what is due. Woken after a commit, and by beat for what nobody was woken for."""
    if outbox.deliver_due(timezone.now()).more:
        wake()

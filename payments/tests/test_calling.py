"""What is noted of a call to a provider, and what opens its breaker."""

import pytest
from django.utils import timezone

from billing_portal.tests import world
from payments.actions.calling import call
from payments.models import Attempt
from payments.providers import breaker
from payments.providers.errors import OutcomeUnknown, ProviderUnavailable
from payments.providers.manual import ManualProvider

pytestmark = pytest.mark.django_db


@pytest.fixture
def ask():
    """Calls a provider of the test's own, whose breaker is closed."""
    tenant, provider = world.tenant(), ManualProvider()
    breaker.forget()

    def run(request):
        return call("forget_method", request, provider=provider, tenant_id=tenant.id, now=timezone.now())

    yield run
    breaker.forget()


def outcomes():
    return list(Attempt.objects.order_by("at").values_list("outcome", flat=True))


def test_an_answer_that_says_nothing_is_an_answer(ask):
    """What is forgotten, or not found, has nothing to tell: the provider was there all the same."""
    for _ in range(breaker.FAILURES + 1):
        assert ask(lambda: None) is None
    assert outcomes() == ["answered"] * (breaker.FAILURES + 1)


def test_silence_opens_the_breaker_and_then_nothing_is_sent(ask):
    def silence():
        raise OutcomeUnknown("no answer")

    for _ in range(breaker.FAILURES):
        with pytest.raises(OutcomeUnknown):
            ask(silence)
    sent = []
    with pytest.raises(ProviderUnavailable, match="nothing was sent"):
        ask(lambda: sent.append(1))
    assert sent == [] and outcomes() == ["unknown"] * breaker.FAILURES

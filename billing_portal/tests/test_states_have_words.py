"""Every state that the books can hold has a word, a colour and an icon."""

import pytest

from billing_portal.kit.display.states import STATES
from payments.models import Invoice, Payment


@pytest.mark.parametrize("status", Invoice.Status.values)
def test_every_invoice_status_has_a_word(status):
    assert status in STATES["invoice"]


@pytest.mark.parametrize("status", Payment.Status.values)
def test_every_payment_status_has_a_word(status):
    assert status in STATES["payment"]

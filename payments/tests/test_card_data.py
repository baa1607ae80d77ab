"""No card number comes in through a payment's texts, over HTTP or at the desk; what merely looks like one does."""

import pytest
from django.core.exceptions import ValidationError
from rest_framework.exceptions import ValidationError as Refused

from billing_portal.tests.card_numbers import FREE, HELD
from payments.admin.forms import CreditNoteForm, PlainText, RecordForm, RejectForm
from payments.api.requests import CardFreeText, PaymentIn, PaymentMethodIn

CARD_TEXTS = [text for text, _ in HELD]


@pytest.mark.parametrize("text", CARD_TEXTS)
def test_a_card_number_is_refused_over_http_and_at_the_desk(text):
    with pytest.raises(Refused) as over_http:
        CardFreeText().run_validation(text)
    with pytest.raises(ValidationError) as at_the_desk:
        PlainText().clean(text)
    assert over_http.value.get_codes() == ["card_data_refused"]
    assert at_the_desk.value.code == "card_data_refused"


@pytest.mark.parametrize("text", FREE)
def test_what_merely_looks_like_a_card_number_is_taken(text):
    assert CardFreeText(allow_blank=True).run_validation(text) == text
    assert PlainText().clean(text) == text


def test_every_text_of_a_payment_is_read_so():
    over_http = [PaymentIn().fields["description"], PaymentMethodIn().fields["reference"]]
    at_the_desk = [
        *(RecordForm.base_fields[name] for name in ("reference", "note")),
        RejectForm.base_fields["reason"],
        CreditNoteForm.base_fields["reason"],
    ]
    assert all(isinstance(field, CardFreeText) for field in over_http)
    assert all(isinstance(field, PlainText) for field in at_the_desk)

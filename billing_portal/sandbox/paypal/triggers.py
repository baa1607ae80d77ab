"""Make things go other than well: PayPal's own mock header, and amounts that anyone can type.

https://developer.paypal.com/tools/sandbox/negative-testing/request-headers/: `PayPal-Mock-Response:
{"mock_application_codes": "INSTRUMENT_DECLINED"}`, on Orders v2 and Payments v2. An amount that ends in .21 is declined
until the payer has approved again, .22 is held for review, .23 waits for an eCheck, .24 is captured as DECLINED.
"""

import json

from billing_portal.sandbox.paypal.acts import Act
from billing_portal.sandbox.paypal.problems import status_of

HEADER = "paypal-mock-response"
DECLINED_ONCE, IN_REVIEW, ECHECK, DECLINED = ".21", ".22", ".23", ".24"
# What the payer can mend at PayPal: the answer says where, and by which rel.
SEND_BACK = {
    "INSTRUMENT_DECLINED": "redirect",
    "REDIRECT_PAYER_FOR_ALTERNATE_FUNDING": "redirect",
    "PAYER_ACTION_REQUIRED": "payer-action",
}


def issue(act: Act) -> str | None:
    """The issue that the mock header asks for. Raises Problem (400) when the header makes no sense."""
    text = act.headers.get(HEADER)
    if not text or "/v2/" not in act.endpoint:
        return None
    try:
        codes = json.loads(text)["mock_application_codes"]
    except (ValueError, KeyError, TypeError):
        raise act.refuse(400, "INVALID_PARAMETER_SYNTAX") from None
    return str(codes[0] if isinstance(codes, list) else codes)


def mock(act: Act) -> None:
    """Raise the Problem that the mock header asks for."""
    if asked := issue(act):
        raise act.refuse(status_of(act.endpoint, asked), asked)


def ending(value: str) -> str:
    """The cents of an amount with their point: `10.21` → `.21`; without cents nothing."""
    return value[-3:] if "." in value else ""

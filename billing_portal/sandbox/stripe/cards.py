"""Stripe's well-known test cards, and what each does. https://docs.stripe.com/testing

No other number is taken: the stand-in is no place for a real card.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class TestCard:
    """`decline`: the code it fails with (with `attaches`, only a charge fails). `asks`: when it wants 3-D Secure:
    always; unless_set_up (a SetupIntent frees it off-session); on_session (off-session it is free)."""

    __test__ = False  # pytest: this is no test class

    brand: str = "visa"
    decline: str = ""
    attaches: bool = False
    asks: str = ""
    dispute: str = ""
    refund: str = ""
    funding: str = "credit"


CARDS = {
    "4242424242424242": TestCard(),
    "4000056655665556": TestCard(funding="debit"),
    "5555555555554444": TestCard(brand="mastercard"),
    "2223003122003222": TestCard(brand="mastercard"),
    "378282246310005": TestCard(brand="amex"),
    "6011111111111117": TestCard(brand="discover"),
    "3056930009020004": TestCard(brand="diners"),
    "3566002020360505": TestCard(brand="jcb"),
    # 3-D Secure
    "4000002500003155": TestCard(asks="unless_set_up"),
    "4000002760003184": TestCard(asks="always"),
    "4000003800000446": TestCard(asks="on_session"),
    "4000000000003220": TestCard(asks="always"),
    "4000008400001629": TestCard(asks="always", decline="generic_decline", attaches=True),
    "4000008260003178": TestCard(asks="always", decline="insufficient_funds", attaches=True),
    # Declines
    "4000000000000002": TestCard(decline="generic_decline"),
    "4000000000009995": TestCard(decline="insufficient_funds"),
    "4000000000009987": TestCard(decline="lost_card"),
    "4000000000009979": TestCard(decline="stolen_card"),
    "4000000000000069": TestCard(decline="expired_card"),
    "4000000000000127": TestCard(decline="incorrect_cvc"),
    "4000000000000119": TestCard(decline="processing_error"),
    "4100000000000019": TestCard(decline="fraudulent"),
    "4000000000000341": TestCard(decline="generic_decline", attaches=True),
    # What comes after the charge
    "4000000000000259": TestCard(dispute="fraudulent"),
    "4000000000002685": TestCard(dispute="product_not_received"),
    "4000000000007726": TestCard(refund="pending"),
    "4000000000005126": TestCard(refund="fails"),
}

TOKENS = {
    "pm_1234567890": "4242424242424242",  # the integration guide's placeholder
    "pm_card_visa": "4242424242424242",
    "pm_card_visa_debit": "4000056655665556",
    "pm_card_mastercard": "5555555555554444",
    "pm_card_amex": "378282246310005",
    "pm_card_discover": "6011111111111117",
    "pm_card_diners": "3056930009020004",
    "pm_card_jcb": "3566002020360505",
    "pm_card_authenticationRequiredOnSetup": "4000002500003155",
    "pm_card_authenticationRequired": "4000002760003184",
    "pm_card_authenticationRequiredSetupForOffSession": "4000003800000446",
    "pm_card_threeDSecure2Required": "4000000000003220",
    "pm_card_threeDSecureRequiredChargeDeclined": "4000008400001629",
    "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds": "4000008260003178",
    "pm_card_chargeDeclined": "4000000000000002",
    "pm_card_visa_chargeDeclined": "4000000000000002",
    "pm_card_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_visa_chargeDeclinedLostCard": "4000000000009987",
    "pm_card_visa_chargeDeclinedStolenCard": "4000000000009979",
    "pm_card_chargeDeclinedExpiredCard": "4000000000000069",
    "pm_card_visa_chargeDeclinedExpiredCard": "4000000000000069",
    "pm_card_chargeDeclinedIncorrectCvc": "4000000000000127",
    "pm_card_visa_chargeDeclinedIncorrectCvc": "4000000000000127",
    "pm_card_chargeDeclinedProcessingError": "4000000000000119",
    "pm_card_visa_chargeDeclinedProcessingError": "4000000000000119",
    "pm_card_radarBlock": "4100000000000019",
    "pm_card_chargeCustomerFail": "4000000000000341",
    "pm_card_createDispute": "4000000000000259",
    "pm_card_createDisputeProductNotReceived": "4000000000002685",
    "pm_card_pendingRefund": "4000000000007726",
    "pm_card_refundFail": "4000000000005126",
}

_DECLINED = "Your card was declined."
# decline → (code, decline_code or None, sentence). https://docs.stripe.com/declines/codes
DECLINES: dict[str, tuple[str, str | None, str]] = {
    "generic_decline": ("card_declined", "generic_decline", _DECLINED),
    "insufficient_funds": ("card_declined", "insufficient_funds", "Your card has insufficient funds."),
    "lost_card": ("card_declined", "lost_card", _DECLINED),
    "stolen_card": ("card_declined", "stolen_card", _DECLINED),
    "fraudulent": ("card_declined", "fraudulent", _DECLINED),
    "expired_card": ("expired_card", "expired_card", "Your card has expired."),
    "incorrect_cvc": ("incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect."),
    "processing_error": (
        "processing_error",
        "processing_error",
        "An error occurred while processing your card. Try again in a little bit.",
    ),
    "authentication_required": (
        "authentication_required",
        "authentication_required",
        "Your card was declined. This transaction requires authentication.",
    ),
}

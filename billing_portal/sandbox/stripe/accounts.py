"""Stripe's test bank accounts (ACH Direct Debit). https://docs.stripe.com/payments/ach-direct-debit/accept-a-payment

A debit is under way for days; then it succeeds, or fails with the account's code.
"""

ROUTING_NUMBER = "110000000"
DAYS_TO_SETTLE = 4

# number → the code that a debit fails with; "" succeeds, "dispute" succeeds and is disputed at once.
ACCOUNTS = {
    "000123456789": "",
    "000111111113": "account_closed",
    "000111111116": "no_account",
    "000222222227": "insufficient_funds",
    "000333333335": "debit_not_authorized",
    "000000004954": "dispute",
}

TOKENS = {
    "pm_usBankAccount": "000123456789",
    "pm_usBankAccount_success": "000123456789",
    "pm_usBankAccount_accountClosed": "000111111113",
    "pm_usBankAccount_noAccount": "000111111116",
    "pm_usBankAccount_insufficientFunds": "000222222227",
    "pm_usBankAccount_debitNotAuthorized": "000333333335",
    "pm_usBankAccount_dispute": "000000004954",
}

FAILURES = {
    "account_closed": "The customer's bank account has been closed.",
    "no_account": "The customer's bank account could not be located.",
    "insufficient_funds": "The customer's account has insufficient funds to cover this payment.",
    "debit_not_authorized": "The customer has notified their bank that this payment was unauthorized.",
}

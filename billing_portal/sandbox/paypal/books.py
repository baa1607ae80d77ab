"""Where the stand-in for PayPal keeps its truth."""

from pathlib import Path

from billing_portal.sandbox import books

FILE = "paypal.sqlite3"
IPN_QUEUE = "ipn_deliveries"
# What a portal is set up with outlives a reset.
KEPT = (
    "client_id",
    "client_secret",
    "webhook_id",
    "webhook_url",
    "merchant",
    "merchant_email",
    "payer",
    "authority",
    "tokens",
)


class Books(books.Books):
    """One file, with a queue for webhooks and one for IPN."""

    def __init__(self, folder: Path | None) -> None:
        super().__init__(
            folder,
            FILE,
            indexed=("status", "invoice_id", "_order", "_of", "_waits", "_token", "_subscription", "_hash"),
            queues=("deliveries", IPN_QUEUE),
            kept=KEPT,
        )

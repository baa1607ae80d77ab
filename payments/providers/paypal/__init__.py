"""PayPal: orders that a payer approves, captures, refunds, disputes, webhooks; over httpx."""

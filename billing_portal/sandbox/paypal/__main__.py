"""Run the stand-in as a server on 127.0.0.1.

python -m billing_portal.sandbox.paypal --data DIR --port N --webhook URL --ipn URL
"""

import argparse
import os
import sys
from pathlib import Path

from billing_portal.sandbox.living import BesideLiveKeys, refuse_live_keys
from billing_portal.sandbox.paypal.app import PayPalSandbox
from billing_portal.sandbox.running import run
from billing_portal.sandbox.serving import HOST, server


def main() -> int:
    """Serve until INT, TERM or HUP."""
    parser = argparse.ArgumentParser(prog="python -m billing_portal.sandbox.paypal", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder of the books and of the root certificate")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--webhook", help="where events are posted")
    parser.add_argument("--ipn", help="where Instant Payment Notifications are posted")
    parser.add_argument("--client-id", help="what the portal signs in with; without it the books make their own")
    parser.add_argument("--client-secret", help="its secret")
    parser.add_argument("--webhook-id", help="the id of the webhook, which is part of what is signed")
    parser.add_argument("--merchant-id", help="whose account it is")
    parser.add_argument("--merchant-email", help="and the address that is paid")
    wanted = parser.parse_args()
    try:
        refuse_live_keys(os.environ)
    except BesideLiveKeys as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 1
    sandbox = PayPalSandbox(
        wanted.data,
        webhook_url=wanted.webhook,
        ipn_url=wanted.ipn,
        client_id=wanted.client_id,
        client_secret=wanted.client_secret,
        webhook_id=wanted.webhook_id,
        merchant_id=wanted.merchant_id,
        merchant_email=wanted.merchant_email,
    )
    listener = server(sandbox, wanted.port)
    sandbox.base_url = f"http://{HOST}:{listener.server_port}"
    words = [f"The stand-in for PayPal listens on {sandbox.base_url}"]
    if not (wanted.client_id and wanted.client_secret):
        words.append(f"PAYPAL_CLIENT_ID={sandbox.client_id}")
        words.append(f"PAYPAL_CLIENT_SECRET={sandbox.client_secret}")
    words += [f"PAYPAL_WEBHOOK_ID={sandbox.webhook_id}", f"PAYPAL_WEBHOOK_CA_FILE={sandbox.root_file}"]
    run(sandbox, listener, *words)
    return 0


if __name__ == "__main__":
    sys.exit(main())

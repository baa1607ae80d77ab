"""Run the stand-in as a server on 127.0.0.1.

python -m billing_portal.sandbox.stripe --data DIR --port N --webhook URL --webhook-secret whsec_…
"""

import argparse
import os
import sys
from pathlib import Path

from billing_portal.sandbox.living import BesideLiveKeys, refuse_live_keys
from billing_portal.sandbox.running import run
from billing_portal.sandbox.serving import HOST, server
from billing_portal.sandbox.stripe.app import StripeSandbox


def main() -> int:
    """Serve until INT, TERM or HUP."""
    parser = argparse.ArgumentParser(prog="python -m billing_portal.sandbox.stripe", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder of the books")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--webhook", help="where events are posted")
    parser.add_argument("--webhook-secret", help="what they are signed with; without it the books make their own")
    wanted = parser.parse_args()
    try:
        refuse_live_keys(os.environ)
    except BesideLiveKeys as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 1
    sandbox = StripeSandbox(wanted.data, webhook_url=wanted.webhook, webhook_secret=wanted.webhook_secret)
    listener = server(sandbox, wanted.port)
    words = [f"The stand-in for Stripe listens on http://{HOST}:{listener.server_port}"]
    if not wanted.webhook_secret:
        words.append(f"It signs webhooks with {sandbox.webhook_secret}")
    run(sandbox, listener, *words)
    return 0


if __name__ == "__main__":
    sys.exit(main())

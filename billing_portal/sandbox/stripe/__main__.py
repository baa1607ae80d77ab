"""Run the stand-in as a server on 127.0.0.1.

python -m billing_portal.sandbox.stripe --data DIR --port N --webhook URL --webhook-secret whsec_…
"""

import argparse
import os
import signal
import sys
import threading
import time
from pathlib import Path

from billing_portal.sandbox.living import BesideLiveKeys, refuse_live_keys
from billing_portal.sandbox.serving import HOST, server
from billing_portal.sandbox.stripe.app import StripeSandbox

TICK_SECONDS = 0.2


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
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stopping.set())
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    sys.stdout.write(f"The stand-in for Stripe listens on http://{HOST}:{listener.server_port}\n")
    if not wanted.webhook_secret:
        sys.stdout.write(f"It signs webhooks with {sandbox.webhook_secret}\n")
    sys.stdout.flush()
    # A receiver that is slow must not keep this process from ending: what is under way is sent again after a restart.
    threading.Thread(target=_tick, args=(sandbox, stopping), daemon=True).start()
    stopping.wait()
    listener.shutdown()
    return 0


def _tick(sandbox: StripeSandbox, stopping: threading.Event) -> None:
    """Until the end of the process, which comes when this ends: a stand-in that sends nothing any more is none."""
    try:
        while True:
            sandbox.tick()
            time.sleep(TICK_SECONDS)
    finally:
        stopping.set()


if __name__ == "__main__":
    sys.exit(main())

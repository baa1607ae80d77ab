"""The demo's stand-in for Stripe: its keys, made at first start, and its port, both kept in DATA_DIR.

Whoever reads the settings of a folder finds them there: the demo's processes, and `manage.py` by hand.
"""

import json
import os
import secrets
import socket
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from billing_portal.settings import env

HOST = "127.0.0.1"
KEY_CHARACTERS = 24


@dataclass(frozen=True, slots=True)
class StandIn:
    """The keys that the portal and it know each other by; they open nothing else."""

    secret_key: str
    publishable_key: str
    webhook_secret: str
    port: int

    @property
    def url(self) -> str:
        """Where it is reached, without a slash at the end."""
        return f"http://{HOST}:{self.port}"


def stripe(data: Path) -> StandIn:
    """The stand-in of a data folder; made when there is none yet."""
    return StandIn(**json.loads(env.kept(_file(data), lambda: _text(_new()))))


def moved_from_taken_port(data: Path) -> bool:
    """Give it another port when somebody else listens on its own. Only for who starts it, and knows that it does not
    run."""
    known = stripe(data)
    if _is_free(known.port):
        return False
    env.keep_instead(_file(data), _text(replace(known, port=_free_port())))
    return True


def past_proxies() -> None:
    """A proxy of the environment, which Stripe's SDK would ask, can't reach this machine's own address."""
    past = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    if HOST not in past:
        os.environ["no_proxy"] = os.environ["NO_PROXY"] = f"{past},{HOST}".lstrip(",")


def _file(data: Path) -> Path:
    return data / "stand_in_stripe.json"


def _new() -> StandIn:
    secret, publishable = secrets.token_hex(KEY_CHARACTERS // 2), secrets.token_hex(KEY_CHARACTERS // 2)
    return StandIn(f"sk_test_{secret}", f"pk_test_{publishable}", f"whsec_{secrets.token_hex(16)}", _free_port())


def _text(stand_in: StandIn) -> str:
    return json.dumps(asdict(stand_in), indent=2)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does: closed connections linger
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True

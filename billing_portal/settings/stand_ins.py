"""The demo's stand-ins for Stripe and PayPal: their keys, made at first start, and their ports, all kept in DATA_DIR.

Whoever reads the settings of a folder finds them there: the demo's processes, and `manage.py` by hand.
"""

import json
import os
import secrets
import socket
import string
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import ClassVar

from billing_portal.settings import env

HOST = "127.0.0.1"
KEY_CHARACTERS = 24
_PAYPALS_LETTERS = string.ascii_uppercase + string.digits


@dataclass(frozen=True, slots=True, kw_only=True)
class StandIn:
    """What the portal and it know each other by; it opens nothing else."""

    name: ClassVar[str]
    port: int

    @property
    def url(self) -> str:
        """Where it is reached, without a slash at the end."""
        return f"http://{HOST}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeStandIn(StandIn):
    """An account with its two keys, and the secret of its one webhook endpoint."""

    name: ClassVar[str] = "stripe"
    secret_key: str
    publishable_key: str
    webhook_secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PayPalStandIn(StandIn):
    """An app with its two credentials, the id of its one webhook, and the merchant whom the app belongs to."""

    name: ClassVar[str] = "paypal"
    client_id: str
    client_secret: str
    webhook_id: str
    merchant_id: str
    merchant_email: str


def stripe(data: Path) -> StripeStandIn:
    """The stand-in of a data folder; made when there is none yet."""
    return StripeStandIn(**json.loads(env.kept(_file(data, StripeStandIn), lambda: _text(_new_stripe()))))


def paypal(data: Path) -> PayPalStandIn:
    """The stand-in of a data folder; made when there is none yet."""
    return PayPalStandIn(**json.loads(env.kept(_file(data, PayPalStandIn), lambda: _text(_new_paypal()))))


def books(data: Path, kind: type[StandIn] | StandIn) -> Path:
    """The folder of its books."""
    return data / "sandbox" / kind.name


def paypals_authority(data: Path) -> Path:
    """The root of the certificates that PayPal's stand-in signs with; the stand-in writes it when it starts."""
    return books(data, PayPalStandIn) / "paypal-root.pem"


def moved_from_taken_port(data: Path, known: StandIn) -> bool:
    """Give it another port when somebody else listens on its own. Only for who starts it, and knows that it does not
    run."""
    if _is_free(known.port):
        return False
    env.keep_instead(_file(data, known), _text(replace(known, port=_free_port())))
    return True


def past_proxies() -> None:
    """A proxy of the environment, which the providers' clients would ask, can't reach this machine's own address."""
    past = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    if HOST not in past:
        os.environ["no_proxy"] = os.environ["NO_PROXY"] = f"{past},{HOST}".lstrip(",")


def _file(data: Path, kind: type[StandIn] | StandIn) -> Path:
    return data / f"stand_in_{kind.name}.json"


def _new_stripe() -> StripeStandIn:
    return StripeStandIn(
        secret_key=f"sk_test_{secrets.token_hex(KEY_CHARACTERS // 2)}",
        publishable_key=f"pk_test_{secrets.token_hex(KEY_CHARACTERS // 2)}",
        webhook_secret=f"whsec_{secrets.token_hex(16)}",
        port=_free_port(),
    )


def _new_paypal() -> PayPalStandIn:
    return PayPalStandIn(
        client_id=f"A{secrets.token_hex(39)}",
        client_secret=f"E{secrets.token_hex(39)}",
        webhook_id=_of_paypals_letters(17),
        merchant_id=_of_paypals_letters(13),
        merchant_email="merchant@callcenter.example",
        port=_free_port(),
    )


def _of_paypals_letters(length: int) -> str:
    return "".join(secrets.choice(_PAYPALS_LETTERS) for _ in range(length))


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

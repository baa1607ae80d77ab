"""Access tokens: bought with the client's id and secret, good for nine hours.

https://developer.paypal.com/api/rest/authentication/
"""

import base64
import binascii
import hmac
import secrets
from collections.abc import Mapping
from urllib.parse import parse_qs

from billing_portal.sandbox.books import Books, Json
from billing_portal.sandbox.paypal.acts import Act
from billing_portal.sandbox.paypal.problems import oauth_problem, problem
from billing_portal.sandbox.paypal.routing import route

GOOD_FOR = 32_400


@route("POST", "/v1/oauth2/token", who="basic")
def token(act: Act) -> tuple[Json, int]:
    """A new one; those given before stay good. Raises Problem: 401 for wrong credentials, 400 for another grant."""
    scheme, _, credentials = act.headers.get("authorization", "").partition(" ")
    try:
        name, _, secret = base64.b64decode(credentials, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        name = secret = ""
    right = _same(name, act.books.noted("client_id")) and _same(secret, act.books.noted("client_secret"))
    if scheme.lower() != "basic" or not right:
        raise oauth_problem("invalid_client", "Client Authentication failed")
    if parse_qs(act.raw.decode(errors="replace")).get("grant_type") != ["client_credentials"]:
        raise oauth_problem("unsupported_grant_type", "unsupported grant_type", 400)
    fresh = f"A21AA{secrets.token_urlsafe(64)}"
    good = {old: end for old, end in act.books.noted("tokens", {}).items() if end > act.now}
    act.books.note("tokens", {**good, fresh: act.now + GOOD_FOR})
    return {
        "scope": "https://uri.paypal.com/services/payments https://uri.paypal.com/services/subscriptions",
        "access_token": fresh,
        "token_type": "Bearer",
        "app_id": "APP-80W284485P519543T",
        "expires_in": GOOD_FOR,
        "nonce": f"{act.time}{secrets.token_urlsafe(32)}",
    }, 200


def check(books: Books, headers: Mapping[str, str], endpoint: str) -> None:
    """Raise Problem (401) unless the request carries a token that is still good."""
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not given:
        raise problem(endpoint, 401)
    end = books.noted("tokens", {}).get(given)
    if end is None:
        raise oauth_problem("invalid_token", "Access Token not found in cache")
    if end <= books.now():
        raise oauth_problem("invalid_token", "Token expired")


def revoke(books: Books, headers: Mapping[str, str]) -> None:
    """Forget the request's token: it is good no more."""
    given = headers.get("authorization", "").partition(" ")[2]
    books.note("tokens", {each: end for each, end in books.noted("tokens", {}).items() if each != given})


def _same(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode(), known.encode())

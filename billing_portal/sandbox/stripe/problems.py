"""Stripe's errors: JSON with a type, a code and a sentence. https://docs.stripe.com/api/errors"""

from typing import Any


class Problem(Exception):
    """A request that Stripe answers with an error.

    `kept`: what was done before the error stays in the books (a declined charge is a fact).
    `remembered`: the answer is stored under the idempotency key. Requests that fail validation are not, since no
    endpoint began to run (https://docs.stripe.com/api/idempotent_requests).
    """

    kept = False
    remembered = True

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error = {
            "message": message,
            "type": kind,
            **(
                {"code": code, "doc_url": f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"}
                if code
                else {}
            ),
            **({"param": param} if param else {}),
            **more,
        }


class Invalid(Problem):
    """The parameters make no sense, whatever the books say: 400, and nothing is remembered."""

    remembered = False


class Refused(Problem):
    """401, 409, 429 and their like: the request never reached an endpoint."""

    remembered = False


class Declined(Problem):
    """402: the bank said no."""

    def __init__(self, message: str, **more: Any) -> None:
        super().__init__(message, status=402, kind="card_error", **more)


class FailedAttempt(Declined):
    """402 of an intent's confirmation: the failed charge and the intent's new state stay in the books."""

    kept = True


def missing(kind: str, identifier: str, *, param: str, status: int = 404) -> Problem:
    """No such object: 404 for the one in the path, 400 for one in a parameter."""
    return Problem(f"No such {kind}: '{identifier}'", status=status, code="resource_missing", param=param)


def unexpected_state(message: str, name: str, intent: dict[str, Any]) -> Problem:
    """The intent is in a state that does not allow this. `name`: payment_intent or setup_intent."""
    return Problem(
        message, code=f"{name}_unexpected_state", param=None, status=400, kind="invalid_request_error", **{name: intent}
    )

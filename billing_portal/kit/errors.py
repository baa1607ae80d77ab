"""The family of errors that a customer may see: each has a status, a code and a sentence to act on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field; `field` is the camelCase path as the client sent it ("paymentMethod.type").

    "" is the body as a whole: the problem document then names no field.
    """

    field: str
    code: str
    message: str


class BillingError(Exception):
    """Rendered as application/problem+json (RFC 9457) by one handler; `extra` members are added to the document."""

    status: ClassVar[int] = 500
    code: str = "internal_error"
    title: ClassVar[str] = "Something is wrong on our side"
    detail: str = "We could not do this. It has been recorded; nothing was charged."
    retry_after: int | None = None

    def __init__(
        self, detail: str | None = None, *, code: str | None = None, field: str | None = None, **extra: Any
    ) -> None:
        self.detail = detail or type(self).detail
        self.code = code or type(self).code
        self.errors: list[FieldError] = [FieldError(field, self.code, self.detail)] if field else []
        self.extra = extra
        super().__init__(self.detail)


class BadInput(BillingError):
    status = 400
    code = "invalid"
    title = "The request can't be taken as it is"
    detail = "Some of what was sent needs mending; see errors."

    @classmethod
    def of(cls, errors: list[FieldError]) -> BadInput:
        """Several fields at once."""
        error = cls()
        error.errors = errors
        if len(codes := {each.code for each in errors}) == 1:
            error.code = codes.pop()
        return error


class NotAuthenticated(BillingError):
    status = 401
    code = "not_authenticated"
    title = "Nobody is logged in"
    detail = "Log in, or send a token or an API key."


class PaymentFailed(BillingError):
    status = 402
    code = "payment_failed"
    title = "The payment did not go through"
    detail = "The payment did not go through. Nothing was charged."


class Forbidden(BillingError):
    status = 403
    code = "forbidden"
    title = "Not allowed"
    detail = "Your role does not allow this. Ask an owner of the account."


class NotFound(BillingError):
    """Also for another tenant's object: the same body as for one that does not exist."""

    status = 404
    code = "not_found"
    title = "Not found"
    detail = "There is nothing here."


class Conflict(BillingError):
    status = 409
    code = "conflict"
    title = "That is not possible in this state"
    detail = "That is not possible as things stand now."


class Gone(BillingError):
    status = 410
    code = "gone"
    title = "No longer there"
    detail = "This has expired. Start again."


class IdempotencyMismatch(BillingError):
    status = 422
    code = "idempotency_key_reused"
    title = "This idempotency key belongs to another request"
    detail = "This Idempotency-Key was used for another request. Send a new key with a new request."


class TooManyRequests(BillingError):
    status = 429
    code = "too_many_requests"
    title = "Too many requests"
    detail = "That was too often. Wait a little and try again."
    retry_after = 60


class BadGateway(BillingError):
    """Somebody we depend on says that what we sent makes no sense: our mistake."""

    status = 502
    code = "bad_gateway"
    title = "Something is wrong on our side"
    detail = "Somebody we depend on did not take what we sent. It has been recorded; nothing was charged."


class Unavailable(BillingError):
    status = 503
    code = "unavailable"
    title = "Not available now"
    detail = "This can't be done right now. Nothing was charged. Try again in a minute."
    retry_after = 30


# --- What HTTP itself asks for, and what is our fault -----------------------------------------------------------------


class MethodNotAllowed(BillingError):
    status = 405
    code = "method_not_allowed"
    title = "Not with this method"
    detail = "This address does not take this method; the Allow header names those it takes."


class NotAcceptable(BillingError):
    status = 406
    code = "not_acceptable"
    title = "Not in this format"
    detail = "We don't have this in the format that the Accept header asks for. Send it without an Accept header."


class LengthRequired(BillingError):
    status = 411
    code = "length_required"
    title = "The length of the body is missing"
    detail = "The body came in chunks, and we can't see where it ends. Send it whole, with a Content-Length header."


class TooLarge(BillingError):
    status = 413
    code = "too_large"
    title = "The body is too large"
    detail = "The body is larger than we take. Send less at a time."


class UnsupportedMediaType(BillingError):
    status = 415
    code = "unsupported_media_type"
    title = "Not this kind of body"
    detail = "Send JSON, with the header Content-Type: application/json."


class UnknownHost(BadInput):
    code = "unknown_host"
    title = "This is not our address"
    detail = "We don't answer under the name in the Host header. Use the address that the portal was given to you by."


class CsrfFailed(Forbidden):
    code = "csrf_failed"
    detail = "This page is out of date, so nothing was done. Load it again and repeat what you did."


class Broken(BillingError):
    """What nobody foresaw. It promises nothing about money: we don't know how far the work went."""

    title = "Something broke on our side"
    detail = "Something broke on our side, and it is in our log. Send the request again with the same Idempotency-Key."


class DatabaseAway(Unavailable):
    """The database can't be reached, or gave up on a lock. Again, nothing is promised about money."""

    detail = "We can't do this right now. Send the request again in a minute, with the same Idempotency-Key."

"""`@idempotent`: a POST sent again with its Idempotency-Key gets the answer that it got, and never runs twice at once.

The lock is PostgreSQL's own, held by the session that runs the view: when the process or the connection dies it is
gone, so nothing stays stuck, and a retry finishes the work. That the *effect* happens once is for the view's verb to
hold, by a unique row with the key: a view may have died between effect and answer, and is then run again.

Secrets are not kept. The value of any `clientSecret` is blanked in what is stored, and `refresh` reads it again for a
replay; of a view with `keep=False` nothing is stored but the request's fingerprint.
"""

from __future__ import annotations

import functools
import hashlib
import json
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar, cast, overload

from django.db import Error, IntegrityError, connection
from django.http import HttpResponse, HttpResponseBase
from django.http.request import RawPostDataException
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from psycopg.pq import TransactionStatus
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing_portal.kit.errors import BadInput, Conflict, IdempotencyMismatch, UnsupportedMediaType
from billing_portal.kit.models import IdempotencyRecord
from billing_portal.kit.problems import CONTENT_TYPE as PROBLEM

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
MAX_KEY = 255

View = TypeVar("View", bound=Callable[..., HttpResponseBase])
# What fills the secret into a stored answer's members again, from where it is known.
Refresh = Callable[[Any, dict[str, Any]], dict[str, Any]]
# A secret's place in a rendered answer. Within a text its quotes would be escaped, so no text can look like it.
_SECRET = re.compile(r'("clientSecret"\s*:\s*)"(?:[^"\\]|\\.)+"')
log = logging.getLogger(__name__)


class KeyInUse(Conflict):
    code = "idempotency_key_in_use"
    title = "This request is being worked on"
    detail = "A request with this Idempotency-Key is running now. Send it again in a moment to get its answer."
    retry_after = 1


@overload
def idempotent(view: View) -> View: ...
@overload
def idempotent(*, keep: bool = True, refresh: Refresh | None = None) -> Callable[[View], View]: ...
def idempotent(view: Any = None, *, keep: bool = True, refresh: Refresh | None = None) -> Any:
    """Decorate a method of an APIView, as `@idempotent` or with arguments. `request.idempotency_key` is then the key,
    or None without one.

    Answers of 2xx but 202, and of 402, are kept and given again with `Idempotent-Replayed: true`. A 4xx that left
    nothing behind frees the key; after a 202 or 5xx the same request, and only that one, runs again.

    `keep=False`: no answer is kept, so the same request always runs again, and its verb finds what it made.
    `refresh(request, body)`: called for a replay of an answer that had a `clientSecret`; body is its members with None
    in that place, and what comes back is sent. It may raise whatever the view may.

    Raises BadInput (a key that is empty, too long or not plain ASCII), KeyInUse, IdempotencyMismatch.
    """
    if view is None:
        return functools.partial(_decorated, keep=keep, refresh=refresh)
    return _decorated(view, keep=keep, refresh=refresh)


def _decorated(view: View, *, keep: bool, refresh: Refresh | None) -> View:
    @functools.wraps(view)
    def wrapper(self: APIView, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        key, scope = _key(request), _scope(request)
        request.idempotency_key = key if scope else None  # type: ignore[attr-defined]
        if key is None or scope is None:  # nobody in particular: there is no one whose answer it would be
            return view(self, request, *args, **kwargs)
        fingerprint = _fingerprint(request)
        with alone(scope, key):
            record, is_new = _record(scope, key, fingerprint)
            if not record.is_completed:
                response = _run(self, functools.partial(view, self, request, *args, **kwargs))
                _keep(record, response, is_new=is_new, with_answer=keep)
                return response
        return _replay(record, request, refresh)  # outside of the lock: others may replay it at the same time

    described = extend_schema(
        parameters=[
            OpenApiParameter(
                HEADER,
                {"type": "string", "minLength": 1, "maxLength": MAX_KEY, "pattern": "^[ -~]+$"},
                OpenApiParameter.HEADER,
                description="Any text of your own, new for each new request. Sent again, it gets the same answer.",
            )
        ]
    )
    return cast(View, described(wrapper))


def forget_before(instant: datetime) -> int:
    """Delete the answers of requests begun before `instant`, and say how many. Keep them for at least 30 days."""
    return IdempotencyRecord.objects.filter(created_at__lt=instant).delete()[0]


def _key(request: Request) -> str | None:
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not 1 <= len(key) <= MAX_KEY or not key.isascii() or not key.isprintable() or not key.strip():
        raise BadInput(
            f"Send 1 to {MAX_KEY} plain ASCII characters as {HEADER}.", code="bad_idempotency_key", field=HEADER
        )
    return key


def _scope(request: Request) -> str | None:
    """Whose key it is: the tenant's, else the user's; None for nobody."""
    tenant = getattr(request, "tenant", None)
    if tenant is not None:
        return str(tenant.id)
    user = getattr(request, "user", None)
    return f"user:{user.pk}" if user is not None and user.pk is not None else None


def _fingerprint(request: Request) -> str:
    """Method, path (with or without its last slash) and the raw body, as one SHA-256 in hex."""
    try:
        body = request._request.body  # noqa: SLF001 (DRF's own may be half read)
    except RawPostDataException as error:  # a multipart form, read by the CSRF check before us
        raise UnsupportedMediaType from error
    query = request.META.get("QUERY_STRING", "")
    head = f"{request.method} {request.path.rstrip('/')}?{query}\n".encode()
    return hashlib.sha256(head + hashlib.sha256(body).digest()).hexdigest()


@contextmanager
def alone(scope: str, key: str) -> Iterator[None]:
    """Hold the advisory lock of this scope and key, or raise KeyInUse at once."""
    name = f"{scope}:{key}"
    if connection.in_atomic_block:  # someone's transaction is open around us: a lock that ends with it needs no release
        if not _locked("pg_try_advisory_xact_lock", name):
            raise KeyInUse
        yield
        return
    if not _locked("pg_try_advisory_lock", name):
        raise KeyInUse
    session = connection.connection
    pid = session.info.backend_pid
    try:
        yield
    finally:
        _release(name, session, pid)


def _locked(function: str, name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(hashtextextended(%s, 0))", [name])
        return bool(cursor.fetchone()[0])


def _release(name: str, session: Any, pid: int) -> None:
    """Give the lock back on the connection that holds it, whatever the view has done to that connection.

    A connection that went back to the pool with its lock would leave the key stuck: then its session is ended instead.
    """
    if connection.connection is session:
        try:
            if session.info.transaction_status != TransactionStatus.IDLE or not connection.get_autocommit():
                connection.rollback()
                connection.set_autocommit(True)
            if _locked("pg_advisory_unlock", name):
                return
            log.error("the lock of an idempotency key was no longer ours")
        except Error:
            log.warning("the connection broke under an idempotency key; its lock went with it", exc_info=True)
        connection.close()  # a broken connection is not for those who come after
    elif not session.closed:
        log.error("a view closed its connection under an idempotency key; ending session %s to free the lock", pid)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])


def _record(scope: str, key: str, fingerprint: str) -> tuple[IdempotencyRecord, bool]:
    """The row of this key, and whether it is new. Raises IdempotencyMismatch when it belongs to another request."""
    record = IdempotencyRecord.objects.filter(scope=scope, key=key).first()
    if record is None:
        try:
            return IdempotencyRecord.objects.create(scope=scope, key=key, fingerprint=fingerprint), True
        except IntegrityError as error:  # only when the lock was lost: the unique row still holds
            raise KeyInUse from error
    if record.fingerprint != fingerprint:
        raise IdempotencyMismatch
    return record, False


def _run(view: APIView, call: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    """The view's answer, or its error's, rendered: it must be known to the last byte while the lock is held."""
    try:
        response = call()
    except Exception as error:  # noqa: BLE001  what DRF would do one frame further out, and with the same handler
        response = view.handle_exception(error)
    if isinstance(response, Response):
        view.finalize_response(view.request, response).render()
    return response


def _keep(record: IdempotencyRecord, response: HttpResponseBase, *, is_new: bool, with_answer: bool) -> None:
    """Store the answer without its secret, or free the key. When that fails the answer still goes out: the effect is in
    the database."""
    status = response.status_code
    mine = IdempotencyRecord.objects.filter(pk=record.pk)
    try:
        if (200 <= status < 300 and status != 202) or status == 402:
            if not with_answer:
                return
            body = _SECRET.sub(r'\1""', cast(HttpResponse, response).content.decode())
            mine.update(status_code=status, body=body, completed_at=timezone.now())
        elif is_new and 400 <= status < 500:
            mine.delete()
    except Error:
        log.exception("an answer could not be kept for its idempotency key")


def _replay(record: IdempotencyRecord, request: Request, refresh: Refresh | None) -> HttpResponse:
    status, text = cast(int, record.status_code), (record.body or "").encode()
    if b'"clientSecret"' in text and (body := json.loads(text)).get("clientSecret") == "":
        body["clientSecret"] = None
        text = JSONRenderer().render(refresh(request, body) if refresh else body)
    response = HttpResponse(text, status=status, content_type=PROBLEM if status >= 400 else "application/json")
    response[REPLAYED] = "true"
    return response

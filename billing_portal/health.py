"""`/healthz`: the process lives. `/readyz`: it can do its work. No authentication, and no detail beyond the three
words."""

import functools
import logging
from collections.abc import Callable

import psycopg
import redis
from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from redis.backoff import NoBackoff
from redis.retry import Retry

from billing_portal.kit.errors import MethodNotAllowed
from billing_portal.kit.problems import problem_response

log = logging.getLogger(__name__)

# Migrations are only ever added: once none was missing, none is missing for the life of this process.
_migrated: set[str] = set()


def probe(view: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """For GET and HEAD; other methods get a problem document, since a probe is no browser that could read a page."""

    @functools.wraps(view)
    def asked(request: HttpRequest) -> HttpResponse:
        if request.method in {"GET", "HEAD"}:
            return view(request)
        response = problem_response(MethodNotAllowed())
        response["Allow"] = "GET, HEAD"
        return response

    return csrf_exempt(never_cache(asked))


@probe
def healthz(_: HttpRequest) -> JsonResponse:
    """200 while the process lives: asks nobody."""
    return JsonResponse({"status": "ok"})


@probe
def readyz(_: HttpRequest) -> JsonResponse:
    """200 when database and migrations are fine, else 503. A dead broker is `degraded`: payments and usage are still
    taken."""
    database = _database()
    state = {
        "database": database,
        "broker": _broker(),
        "migrations": _migrations() if database == "ok" else "unknown",
    }
    ready = state["database"] == state["migrations"] == "ok"
    return JsonResponse(state, status=200 if ready else 503)


def _database() -> str:
    """Asks over a connection of its own: a pool that is busy, or waits for a dead server, would hold the answer
    back."""
    try:
        with psycopg.connect(**{**connection.get_connection_params(), "connect_timeout": 2}) as own:
            own.execute("SELECT 1")
    except psycopg.Error as problem:
        log.error("the database does not answer: %s", problem)  # noqa: TRY400 (the trace says nothing more)
        return "unavailable"
    return "ok"


def _migrations() -> str:
    name = str(connection.settings_dict["NAME"])
    if name not in _migrated:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return "pending"
        _migrated.add(name)
    return "ok"


def _broker() -> str:
    address = settings.REDIS_URL.replace("redis+socket://", "unix://", 1)
    client = redis.Redis.from_url(address, socket_connect_timeout=1, socket_timeout=1, retry=Retry(NoBackoff(), 0))
    try:
        client.ping()
    except redis.RedisError as problem:
        log.warning("the broker does not answer: %s", problem)
        return "degraded"
    finally:
        client.close()
    return "ok"

"""How often one caller may ask: counted in the cache, and in this process alone while the cache is away."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

if TYPE_CHECKING:  # DRF's views import this module by its name in the settings
    from rest_framework.views import APIView

log = logging.getLogger(__name__)

_UNITS = {"s": 1, "min": 60, "hour": 3600, "day": 86_400}
# While the cache is away it is asked only this often: each try may cost a second of waiting.
_RETRY_CACHE_AFTER = 5.0
_MAX_LOCAL = 50_000


class CallerThrottle(BaseThrottle):
    """Counts a caller's requests in fixed windows. `rate` is "600/min" (s, min, hour, day); per scope and caller.

    The setting THROTTLE_RATES[scope] overrides `rate`; "" there means no limit. A cache that is down never makes an
    error: each process then counts for itself, so the limit is looser, not gone.
    """

    scope: ClassVar[str] = "caller"
    rate: ClassVar[str] = "600/min"

    _local: ClassVar[dict[str, tuple[int, int]]] = {}  # window and count by caller
    _lock: ClassVar[threading.Lock] = threading.Lock()
    _cache_away_until: ClassVar[float] = 0.0

    def __init__(self) -> None:
        self._wait: float | None = None

    def allow_request(self, request: Request, view: APIView) -> bool:
        limit, seconds = self.limit()
        caller = self.caller(request, view)
        if limit is None or caller is None:
            return True
        now = time.time()
        window = int(now // seconds)
        count = self._count(f"throttle:{self.scope}:{caller}", window, seconds)
        self._wait = max(1.0, (window + 1) * seconds - now)
        return count <= limit

    def wait(self) -> float | None:
        """Seconds until the window ends: what Retry-After says."""
        return self._wait

    def caller(self, request: Request, view: APIView) -> str | None:
        """Who is counted: the key or person that acts, else the address, as far as DRF's NUM_PROXIES lets a header say
        it. None: not counted."""
        actor = getattr(request, "actor", None)
        if actor is not None and actor.id is not None:
            return f"{actor.kind}:{actor.id}"
        user: Any = getattr(request, "user", None)
        if user is not None and user.is_authenticated and user.pk is not None:
            return f"user:{user.pk}"
        return f"address:{self.get_ident(request)}"

    @classmethod
    def limit(cls) -> tuple[int | None, int]:
        """(requests, seconds); None requests for no limit. Raises ValueError for a rate that can't be read."""
        rate = getattr(settings, "THROTTLE_RATES", {}).get(cls.scope, cls.rate)
        if not rate:
            return None, 60
        count, _, unit = rate.partition("/")
        if unit not in _UNITS:
            raise ValueError(f"a rate is a count and one of {', '.join(_UNITS)}: {rate!r}")
        return int(count), _UNITS[unit]

    @classmethod
    def _count(cls, name: str, window: int, seconds: int) -> int:
        if time.monotonic() >= CallerThrottle._cache_away_until:
            try:
                key = f"{name}:{window}"
                if cache.add(key, 1, timeout=2 * seconds):
                    return 1
                return int(cache.incr(key))
            except ValueError:  # it ran out between the two
                return 1
            except Exception:  # whatever the cache's client raises, the request goes on
                CallerThrottle._cache_away_until = time.monotonic() + _RETRY_CACHE_AFTER
                log.warning("the cache does not answer; requests are counted in this process", exc_info=True)
        return cls._count_here(name, window)

    @classmethod
    def _count_here(cls, name: str, window: int) -> int:
        with CallerThrottle._lock:
            if len(cls._local) >= _MAX_LOCAL:  # memory has an end; forgetting counts lets a few more through
                cls._local.clear()
            seen, count = cls._local.get(name, (window, 0))
            count = count + 1 if seen == window else 1
            cls._local[name] = window, count
            return count

"""The access token: kept until it runs out, fetched once however many threads want it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

from payments.providers.errors import ProviderMisconfigured, ProviderUnavailable

# Seconds before its end that a token is no longer used: a request that leaves now arrives later.
MARGIN = 60.0
# A new token that was refused at once: for so many seconds nobody fetches another.
REST = 30.0
# Longer than a fetch can take.
PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Token:
    """`ends` by the clock of time.monotonic."""

    value: str = field(repr=False)
    ends: float


class Tokens:
    """`fetch` gets a new one, or raises ProviderError; those who wait for the same fetch get the same error."""

    def __init__(self, fetch: Callable[[], Token]) -> None:
        self._fetch = fetch
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._under_way: Future[Token] | None = None
        self._rests_until = 0.0

    def current(self) -> Token:
        """The one that is good, or a new one."""
        return self._other_than(None)

    def renewed(self, refused: Token) -> Token:
        """Another than the one that PayPal has just refused, which somebody else may have fetched by now.

        Raises ProviderMisconfigured for a while after a fresh one was refused too: PayPal has been seen to forget
        tokens for hours, and fetching more of them does not help.
        """
        if time.monotonic() < self._rests_until:
            raise ProviderMisconfigured("PayPal does not accept the tokens it gives")
        return self._other_than(refused)

    def refused_at_once(self) -> None:
        """A token that was fetched for this request was no good either."""
        self._rests_until = time.monotonic() + REST

    def _other_than(self, refused: Token | None) -> Token:
        with self._lock:
            known = self._token
            if known is not None and known is not refused and time.monotonic() < known.ends:
                return known
            fetching, is_mine = self._under_way, self._under_way is None
            if fetching is None:
                fetching = self._under_way = Future()
        if not is_mine:
            try:
                return fetching.result(PATIENCE)
            except TimeoutError as error:
                raise ProviderUnavailable("PayPal gave no token") from error
        return self._fetched(fetching)

    def _fetched(self, fetching: Future[Token]) -> Token:
        try:
            token = self._fetch()
        except BaseException as error:
            with self._lock:
                self._under_way = None
            fetching.set_exception(error)
            raise
        with self._lock:
            self._token, self._under_way = token, None
        fetching.set_result(token)
        return token

"""Faults on request: the next calls that fit are lost, late, refused or garbled.

drop_before: hangs up, nothing happened. drop_after: acts, then hangs up. delay: acts, then answers `seconds` later.
status: the provider's own JSON error with `status`, nothing happened. html_500: a page from a proxy, nothing happened.
rate_limit: 429. token_revoked: 401. garbage: acts, then the answer breaks off in its middle.
"""

import fnmatch
import threading
from dataclasses import asdict, dataclass
from typing import Any

from billing_portal.sandbox.misuse import Misused

KINDS = ("drop_before", "drop_after", "delay", "status", "html_500", "rate_limit", "garbage", "token_revoked")
_NAMES = ("method", "path", "fault", "seconds", "status", "times")
HTML_500 = b"<html><head><title>500 Internal Server Error</title></head><body><h1>Server Error</h1></body></html>"


@dataclass
class Fault:
    """`path` is a pattern with stars; `method` one method, or `*`; `times` how many calls it still hits."""

    path: str
    fault: str
    method: str = "*"
    seconds: float = 0
    status: int = 500
    times: int = 1


class Faults:
    """The faults that wait for their call, first come first served."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """Plan a fault. Raises Misused when it is none."""
        unknown = set(wanted) - set(_NAMES)
        if unknown or wanted.get("fault") not in KINDS or not isinstance(wanted.get("path"), str):
            raise Misused(f"A fault has a path and is one of {', '.join(KINDS)}; it knows {', '.join(_NAMES)}")
        fault = Fault(**wanted)
        whole = isinstance(fault.times, int) and isinstance(fault.status, int)
        if not whole or fault.times < 1 or not 400 <= fault.status <= 599:
            raise Misused("times is at least 1, status from 400 to 599")
        if not isinstance(fault.seconds, int | float) or not isinstance(fault.method, str):
            raise Misused("seconds is a number, method one of HTTP's")
        with self._lock:
            self._waiting.append(fault)
        return asdict(fault)

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that hits this call, used up by one."""
        with self._lock:
            for fault in self._waiting:
                if fault.method in ("*", method) and fnmatch.fnmatchcase(path, fault.path):
                    fault.times -= 1
                    if fault.times == 0:
                        self._waiting.remove(fault)
                    return fault
        return None

    def clear(self) -> None:
        """None is planned any more."""
        with self._lock:
            self._waiting.clear()

"""Read settings from the environment: each helper says what it could not read, and how it should look."""

import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str = "") -> str:
    """The variable's text, stripped; `default` when it is unset or empty."""
    return os.environ.get(name, "").strip() or default


def flag(name: str, *, default: bool) -> bool:
    """A yes or no: 1, true, yes, on or 0, false, no, off."""
    value = text(name).lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    if value:
        raise ImproperlyConfigured(f"{name} is {value!r}: write 1 or 0.")
    return default


def integer(name: str, default: int, *, at_least: int = 0) -> int:
    """A whole number, `at_least` or more."""
    value = text(name, str(default))
    try:
        number = int(value)
    except ValueError:
        number = at_least - 1
    if number < at_least:
        raise ImproperlyConfigured(f"{name} is {value!r}: write a whole number, {at_least} or more.")
    return number


def one_of(name: str, *words: str) -> str:
    """One of these words; the first when it is unset."""
    value = text(name, words[0]).lower()
    if value not in words:
        raise ImproperlyConfigured(f"{name} is {value!r}: write {', '.join(words[:-1])} or {words[-1]}.")
    return value


def names(name: str, *default: str) -> list[str]:
    """A list separated by commas."""
    return [part.strip() for part in text(name).split(",") if part.strip()] or list(default)


def origins(name: str) -> list[str]:
    """Web origins separated by commas, as browsers send them: `https://app.example.com`, with a port if need be."""
    found = [origin.lower() for origin in names(name)]
    for origin in found:
        if not re.fullmatch(r"https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?", origin):
            raise ImproperlyConfigured(
                f"{name} holds {origin!r}: write each origin whole and without a path, like https://app.example.com."
            )
    return found


def amounts(name: str, default: dict[str, int]) -> dict[str, int]:
    """Amounts per currency in its smallest unit, as `usd=1000000,jpy=1500000`; what is not named keeps its default."""
    found = dict(default)
    for part in names(name):
        currency, _, minor = part.partition("=")
        if not (len(currency) == 3 and currency.isalpha() and minor.isascii() and minor.isdigit()):
            raise ImproperlyConfigured(f"{name} holds {part!r}: write it like usd=1000000.")
        found[currency.lower()] = int(minor)
    return found


def database(url: str) -> dict[str, Any]:
    """Django's description of `postgresql://user:password@host:port/name?option=value`.

    A `host` among the options is a folder with a socket, as libpq spells it.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"postgresql", "postgres"} or not parts.path.strip("/"):
        raise ImproperlyConfigured(
            "DATABASE_URL must look like postgresql://user:password@host:5432/name (PostgreSQL only)."
        )
    options = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", "") or unquote(parts.hostname or ""),
        "PORT": str(parts.port or options.pop("port", "")),
        "OPTIONS": options,
    }


def cache_url(broker: str) -> str:
    """The broker's address as Django's cache spells it: `unix://` where Celery says `redis+socket://`."""
    return broker.replace("redis+socket://", "unix://", 1)


def kept_secret(file: Path) -> str:
    """A secret that is made at the first start and kept in `file`, mode 0600."""
    return kept(file, lambda: secrets.token_urlsafe(50))


def kept(file: Path, make: Callable[[], str]) -> str:
    """A text that is made at the first start and kept in `file`, mode 0600.

    Of two processes that start at once both get the same: the file appears whole, and the first one stays.
    """
    if not file.exists():
        draft = _draft(file, make())
        try:
            os.link(draft, file)
        except FileExistsError:
            pass  # another process was first: its text is read below
        finally:
            draft.unlink()
    return file.read_text()


def keep_instead(file: Path, content: str) -> None:
    """Another text in its place, whole at once, mode 0600."""
    _draft(file, content).replace(file)


def _draft(file: Path, content: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
    draft.touch(mode=0o600, exist_ok=False)
    draft.write_text(content)
    return draft

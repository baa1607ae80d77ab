#!/usr/bin/env python
"""Django's command line. In a folder of the demo it finds the demo's servers by DATA_DIR alone, and starts the
database."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# These never speak to the database, or start it themselves.
WITHOUT_DATABASE = {
    "demo",
    "bench",
    "help",
    "version",
    "check",
    "collectstatic",
    "findstatic",
    "spectacular",
    "startapp",
}


@contextmanager
def database(argv: list[str]) -> Iterator[None]:
    """The embedded database for as long as the command runs. Whoever started it stops it; a second process only
    borrows."""
    from django.conf import settings  # noqa: PLC0415 (the environment must be set first)

    from billing_portal.embedded import postgres  # noqa: PLC0415
    from billing_portal.embedded.child import stop  # noqa: PLC0415

    needless = len(argv) < 2 or argv[1].startswith("-") or argv[1] in WITHOUT_DATABASE or "--help" in argv
    if needless or not settings.EMBEDDED_DATABASE:
        yield
        return
    server = postgres.start(settings.DATA_DIR)
    try:
        postgres.create_database(settings.DATA_DIR, settings.DATABASES["default"]["NAME"])
        yield
    finally:
        if server:
            stop(server)


def main() -> None:
    """Run one command."""
    if sys.argv[1:2] == ["bench"]:
        os.environ["DJANGO_SETTINGS_MODULE"] = "billing_portal.bench.settings"  # a database and servers of its own
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "billing_portal.settings.base")
    if sys.argv[1:2] == ["demo"]:
        os.environ.setdefault("DEMO", "1")
    from django.core.management import execute_from_command_line  # noqa: PLC0415

    with database(sys.argv):
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()

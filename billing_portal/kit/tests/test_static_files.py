"""The files of the look: those of others are as they were, those of ours agree with each other."""

import hashlib
import re
from pathlib import Path

import pytest
from django.conf import settings

from billing_portal.kit.display.states import STATES

STATIC = Path(settings.BASE_DIR) / "static"
TEMPLATES = Path(settings.BASE_DIR) / "templates"
VENDOR = STATIC / "vendor"


def sheets():
    return sorted((STATIC / "css").rglob("*.css"))


def test_every_vendored_file_is_the_one_that_was_checked():
    listed = dict(reversed(line.split("  ./")) for line in (VENDOR / "CHECKSUMS.txt").read_text().splitlines())
    there = {str(path.relative_to(VENDOR)) for path in VENDOR.rglob("*") if path.is_file()} - {
        "CHECKSUMS.txt",
        "README.md",
    }
    assert set(listed) == there
    for name, digest in listed.items():
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == digest, name


@pytest.mark.parametrize("package", ["inter", "chartjs", "tabler"])
def test_every_vendored_package_brings_its_licence(package):
    assert list((VENDOR / package).glob("LICENSE*"))


def test_every_icon_that_is_drawn_is_in_the_sprite():
    sprite = set(re.findall(r'<symbol id="([\w-]+)"', (STATIC / "img/icons.svg").read_text()))
    drawn = {look.icon for looks in STATES.values() for look in looks.values()}
    for template in TEMPLATES.rglob("*.html"):
        drawn |= set(re.findall(r'(?:{% icon |icon_name=)"([\w-]+)"', template.read_text()))
    assert drawn <= sprite


def test_the_sprite_holds_only_icons_that_are_named_somewhere():
    sprite = set(re.findall(r'<symbol id="([\w-]+)"', (STATIC / "img/icons.svg").read_text()))
    root = STATIC.parent
    sources = [*TEMPLATES.rglob("*.html"), *(STATIC / "js").glob("*.js")]
    for package in ("billing_portal", "payments", "subscriptions", "usage"):
        sources += [path for path in (root / package).rglob("*.py") if "tests" not in path.parts]
    named = set(re.findall(r'["#]([a-z][\w-]*)["\'}]', "\n".join(path.read_text() for path in sources)))
    assert sprite <= named


def test_browsers_without_light_dark_get_the_light_value_of_every_such_token():
    tokens, fallback = (STATIC / "css/tokens.css").read_text().split("@supports not")
    tokens = tokens.split("@media")[0]
    dark = {name for name, value in re.findall(r"(--[\w-]+):([^;]*);", tokens) if "light-dark(" in value}
    assert dark == set(re.findall(r"(--[\w-]+):", fallback))
    for name, light in re.findall(r"(--[\w-]+):\s+light-dark\((#\w+),", tokens):
        assert re.search(rf"{name}:\s+{light};", fallback), name


@pytest.mark.parametrize("sheet", sheets(), ids=lambda path: path.name)
def test_a_sheet_reaches_only_files_that_are_there(sheet):
    for address in re.findall(r"url\(([^)]+)\)", sheet.read_text()):
        assert (sheet.parent / address).is_file(), address


def test_a_token_that_is_used_is_defined():
    defined = set(re.findall(r"(--[\w-]+):", (STATIC / "css/tokens.css").read_text()))
    for sheet in sheets():
        if sheet.name != "admin.css":
            assert set(re.findall(r"var\((--[\w-]+)", sheet.read_text())) <= defined, sheet.name

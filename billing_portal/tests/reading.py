"""Read a page as a person does: its words, without tags, and the data blocks of its charts."""

import html
import json
import re
from typing import Any

from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext


def words(response: HttpResponse) -> str:
    """The page's text on one line: tags dropped, entities and no-break spaces resolved."""
    body = re.sub(r"<script.*?</script>", " ", response.content.decode(), flags=re.DOTALL)
    text = html.unescape(re.sub(r"<[^>]+>", " ", body))
    return re.sub(r"\s+([.,;:])(?=\s|$)", r"\1", re.sub(r"\s+", " ", text.replace("\N{NO-BREAK SPACE}", " ")))


def data(response: HttpResponse, block: str) -> Any:
    """What a chart is drawn from."""
    found = re.search(rf'<script id="{block}" type="application/json">(.*?)</script>', response.content.decode())
    assert found, f"no data block {block}"
    return json.loads(found[1])


def hidden(response: HttpResponse) -> dict[str, list[str]]:
    """The hidden fields of a page's forms, as a browser sends them back."""
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', response.content.decode()):
        found.setdefault(name, []).append(html.unescape(value))
    return found


def queries(client: Client, path: str) -> int:
    """How many queries the page at `path` takes."""
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return len(captured)

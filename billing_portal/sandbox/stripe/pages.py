"""What people's browsers load: the twin of Stripe.js with its frames, and the bank's 3-D Secure page.

Every page is free of inline scripts and styles, and may be framed by the portal: the card number is typed into a frame
of this origin and never enters the portal's. https://docs.stripe.com/js
"""

from html import escape
from pathlib import Path
from urllib.parse import parse_qs, urlencode

from billing_portal.sandbox.exchange import Answer, Request
from billing_portal.sandbox.stripe import amounts, authentication
from billing_portal.sandbox.stripe.acts import Act
from billing_portal.sandbox.stripe.api import log_entry
from billing_portal.sandbox.stripe.books import Books, Json

STATIC = Path(__file__).parent / "static"
FILES = {
    "/v3": ("stripe.js", "text/javascript"),
    "/v3/": ("stripe.js", "text/javascript"),
    "/v3/card": ("card.html", "text/html"),
    "/v3/card.js": ("card.js", "text/javascript"),
    "/v3/bank": ("bank.html", "text/html"),
    "/v3/bank.js": ("bank.js", "text/javascript"),
    "/v3/done.js": ("done.js", "text/javascript"),
    "/v3/frames.css": ("frames.css", "text/css"),
}
THREE_D_SECURE = "/3ds/"
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
}
_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><link rel="stylesheet" href="/v3/frames.css"></head>
<body><main class="bank"><h1>{title}</h1>{content}</main></body>
</html>
"""
_FORM = """<p>{what}</p><p>This is a test. No money moves.</p>
<form method="post">
<button name="outcome" value="succeeded" id="test-source-authorize-3ds">Complete authentication</button>
<button name="outcome" value="failed" id="test-source-fail-3ds">Fail authentication</button>
</form>"""
_DONE = '<p id="outcome" data-outcome="{outcome}">{words}</p><script src="/v3/done.js"></script>'


class Pages:
    """Static files, and the one page that acts."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def answer(self, request: Request) -> Answer:
        """A file of the twin, or the bank's page for a client secret."""
        if request.path.startswith(THREE_D_SECURE):
            return self._bank(request, request.path.removeprefix(THREE_D_SECURE))
        name, kind = FILES.get(request.path, ("", ""))
        if not name:
            return _page("Not found", "<p>There is nothing here.</p>", 404)
        return Answer(200, (STATIC / name).read_bytes(), {"Content-Type": f"{kind}; charset=utf-8", **_HEADERS})

    def _bank(self, request: Request, secret: str) -> Answer:
        with self._books.transaction():
            intent = authentication.waiting(self._books, secret)
            if intent is None:
                return _page("Not found", "<p>No payment waits here.</p>", 404)
            if intent["status"] != "requires_action":
                return _done(intent)
            if request.method != "POST":
                return _page("3-D Secure", _FORM.format(what=escape(_what(intent))))
            outcome = parse_qs(request.body.decode(errors="replace")).get("outcome", [""])[0]
            if outcome not in authentication.OUTCOMES:
                return _page("3-D Secure", "<p>Choose one of the two.</p>", 400)
            act = Act(self._books, {}, base_url=request.base_url)
            answer = _done(authentication.finish(act, intent["id"], outcome))
            for effect in act.effects:
                self._books.write_log(log_entry(self._books, request, answer, effect))
        return answer


def _what(intent: Json) -> str:
    if "amount" in intent:
        return f"Your bank asks whether you are paying {amounts.shown(intent['amount'], intent['currency'])}."
    return "Your bank asks whether you are saving this card."


def _done(intent: Json) -> Answer:
    """Back to where the payer came from, or a word for the page that framed this one."""
    passed = intent["status"] in ("succeeded", "processing")
    outcome = "succeeded" if passed else "failed"
    if back := intent.get("_return_url"):
        facts = {
            intent["object"]: intent["id"],
            f"{intent['object']}_client_secret": intent["client_secret"],
            "redirect_status": outcome,
        }
        return Answer(303, b"", {"Location": f"{back}{'&' if '?' in back else '?'}{urlencode(facts)}"})
    words = "You are authenticated." if passed else "The authentication failed."
    return _page("3-D Secure", _DONE.format(outcome=outcome, words=words))


def _page(title: str, content: str, status: int = 200) -> Answer:
    html = _PAGE.format(title=escape(title), content=content).encode()
    return Answer(status, html, {"Content-Type": "text/html; charset=utf-8", **_HEADERS})

"""PayPal's pages for the payer: Pay and Cancel, for an order and for a subscription. They work without JavaScript."""

from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

from billing_portal.sandbox.books import Books, Json
from billing_portal.sandbox.exchange import Answer, Request
from billing_portal.sandbox.paypal import approving, money, plans, subscriptions
from billing_portal.sandbox.paypal.acts import Account, Act
from billing_portal.sandbox.paypal.api import log_entry

CHECKOUT, SUBSCRIBE, STYLE = "/checkoutnow", subscriptions.PAGE, "/checkoutnow/paypal.css"
_CSS = Path(__file__).parent / "static" / "paypal.css"
_HEADERS = {
    "Cache-Control": "no-store",
    # No form-action: the answer to the form leads back to the shop.
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><link rel="stylesheet" href="{style}"></head>
<body><main><header><strong>PayPal</strong><span>Sandbox</span></header>{content}
<footer>This is a test. No money moves.</footer></main></body>
</html>
"""
_FORM = """<h1>{what}</h1><p class="amount">{amount}</p>
<dl>{facts}</dl>{note}
<form method="post">
<button name="decision" value="pay" id="payment-submit-btn">{pay}</button>
<button name="decision" value="cancel" id="cancelLink">Cancel and return</button>
</form>"""
_DECLINED = '<p class="note" role="status">Your card was declined. Pay again to use another one.</p>'


def is_one(path: str) -> bool:
    """Whether a page answers this path."""
    return path in (CHECKOUT, SUBSCRIBE, STYLE)


class Pages:
    """The two pages and their style."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def answer(self, request: Request, account: Account) -> Answer:
        """The page, or where its form leads."""
        if request.path == STYLE:
            return Answer(200, _CSS.read_bytes(), {"Content-Type": "text/css; charset=utf-8", **_HEADERS})
        query = {name: values[0] for name, values in parse_qs(request.query).items()}
        with self._books.transaction():
            act = Act(self._books, account, endpoint=f"{request.method} {request.path}")
            if request.path == CHECKOUT:
                answer = self._checkout(act, request, query.get("token", ""))
            else:
                answer = self._subscribe(act, request, query.get("ba_token", ""))
            if request.method == "POST":
                effects: list[Json | None] = [*act.effects] or [None]
                for effect in effects:
                    self._books.write_log(log_entry(self._books, request, answer, effect))
        return answer

    def _checkout(self, act: Act, request: Request, token: str) -> Answer:
        order = approving.order_of(self._books, token)
        if order is None:
            return _page("Not found", "<h1>Things don't appear to be working at the moment</h1>", 404)
        back = order["_context"]
        cancelled = _back(back.get("cancel_url"), {"token": token}, "You have not paid.")
        if not approving.order_waits(order):
            payer = {"token": token, "PayerID": act.account.payer["payer_id"]}
            done = order["status"] in ("APPROVED", "COMPLETED")
            return _back(back.get("return_url"), payer, "You have paid.") if done else _over(order["status"])
        units = order["purchase_units"]
        currency = units[0]["amount"]["currency_code"]
        total = sum(money.units(unit["amount"]["value"], currency) for unit in units)
        facts = {"For": units[0].get("description"), "Invoice": units[0].get("invoice_id")}
        form = _form(
            act,
            f"Pay {back.get('brand_name') or 'the test store'}",
            f"{money.written(total, currency)} {currency}",
            facts,
            "Pay now" if back.get("user_action") == "PAY_NOW" else "Continue",
            note=_DECLINED if order.get("_declined") else "",
        )

        def pay() -> Answer:
            approving.pay_order(act, order)
            payer = {"token": token, "PayerID": act.account.payer["payer_id"]}
            return _back(back.get("return_url"), payer, "You have approved the payment.")

        return _decided(request, form, pay, cancelled)

    def _subscribe(self, act: Act, request: Request, token: str) -> Answer:
        subscription = approving.subscription_of(self._books, token)
        if subscription is None:
            return _page("Not found", "<h1>Things don't appear to be working at the moment</h1>", 404)
        back = subscription["_context"]
        facts = {"subscription_id": subscription["id"], "ba_token": token, "token": token[3:]}
        if not approving.subscription_waits(subscription):
            done = subscription["status"] == "ACTIVE"
            return (
                _back(back.get("return_url"), facts, "You are subscribed.") if done else _over(subscription["status"])
            )
        revision = subscription.get("_revision", {})
        wanted = {**subscription, **revision}
        plan = act.fetch("plans", wanted["plan_id"])
        amount, currency = subscriptions.amount(act, wanted)
        rhythm = plans.regular(plan)["frequency"]
        form = _form(
            act,
            f"Change to {plan['name']}" if revision else f"Subscribe to {plan['name']}",
            f"{money.written(amount, currency)} {currency}",
            {"Every": f"{rhythm['interval_count']} {rhythm['interval_unit'].lower()}", "Quantity": wanted["quantity"]},
            "Agree and continue" if revision else "Agree and subscribe",
            note="<p>It holds from the next payment on. Nothing is charged now.</p>" if revision else "",
        )

        def agree() -> Answer:
            approving.agree(act, subscription)
            return _back(back.get("return_url"), facts, "You are subscribed.")

        return _decided(request, form, agree, _back(back.get("cancel_url"), facts, "You have not subscribed."))


def _decided(request: Request, form: Answer, agreed: Callable[[], Answer], cancelled: Answer) -> Answer:
    if request.method != "POST":
        return form
    decision = parse_qs(request.body.decode(errors="replace")).get("decision", [""])[0]
    if decision == "pay":
        return agreed()
    return cancelled if decision == "cancel" else _page("PayPal", "<h1>Choose one of the two.</h1>", 400)


def _form(act: Act, what: str, amount: str, facts: dict[str, Any], pay: str, *, note: str = "") -> Answer:
    shown = {**facts, "Paying as": act.account.payer["email_address"]}
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(str(value))}</dd>" for name, value in shown.items() if value)
    content = _FORM.format(what=escape(what), amount=escape(amount), facts=rows, note=note, pay=escape(pay))
    return _page(what, content)


def _back(address: str | None, facts: dict[str, str], words: str) -> Answer:
    """To where the shop wants its payer; without an address a word."""
    if not address:
        return _page("PayPal", f"<h1>{words}</h1><p>You may close this page.</p>")
    return Answer(302, b"", {"Location": f"{address}{'&' if '?' in address else '?'}{urlencode(facts)}"})


def _over(status: str) -> Answer:
    return _page("PayPal", f"<h1>There is nothing to decide any more.</h1><p>It is {escape(status)}.</p>", 410)


def _page(title: str, content: str, status: int = 200) -> Answer:
    html = _PAGE.format(title=escape(title), style=STYLE, content=content).encode()
    return Answer(status, html, {"Content-Type": "text/html; charset=utf-8", **_HEADERS})

"""The twin of Stripe.js in a real browser, on a page of another origin under a strict content security policy."""

import threading
from contextlib import ExitStack, contextmanager

import pytest

from billing_portal.sandbox.serving import server
from billing_portal.sandbox.tests.conftest import AUTOMATIC

pytestmark = pytest.mark.browser

# The Payment Element without an intent, as Stripe documents it for payments that a server confirms.
ELEMENT = b"""
const stripe = Stripe("pk_test_bbbbbbbbbbbbbbbbbbbbbbbb");
const rules = { ".Input": { borderColor: "rgb(4, 5, 6)" } };
const appearance = { variables: { colorBackground: "rgb(1, 2, 3)" }, rules };
const wanted = { mode: "payment", amount: 2900, currency: "usd", paymentMethodCreation: "manual" };
const elements = stripe.elements({ ...wanted, appearance });
elements.create("payment").mount("#card");
document.querySelector("button").addEventListener("click", async () => {
  const say = (text) => { document.querySelector("output").textContent = text; };
  const checked = await elements.submit();
  if (checked.error) return say(checked.error.code);
  const made = await stripe.createPaymentMethod({ elements });
  say(made.error ? made.error.code : made.paymentMethod.card.last4);
  elements.update({ appearance: { variables: { colorBackground: "rgb(7, 8, 9)" } } });
});
"""
PAGE = b"""<!doctype html><html lang="en"><head><title>Pay</title><script src="%s/v3/"></script></head>
<body><div id="card"></div><button>Pay</button><output></output><script src="/page.js"></script></body></html>"""
SCRIPT = b"""
const stripe = Stripe("pk_test_bbbbbbbbbbbbbbbbbbbbbbbb");
const card = stripe.elements().create("card");
card.mount("#card");
card.on("change", (event) => { document.body.dataset.complete = event.complete; });
const show = (result) => {
  const it = result.paymentIntent || result.setupIntent;
  document.querySelector("output").textContent = it ? it.status : result.error.decline_code || result.error.code;
};
document.querySelector("button").addEventListener("click", async () => {
  const [, act, secret] = location.hash.split(":");
  document.querySelector("output").textContent = "...";
  const billing = { name: "Jenny Rosen", email: "jenny@example.com" };
  const method = { payment_method: { card, billing_details: billing } };
  if (act === "pay") show(await stripe.confirmCardPayment(secret, method));
  if (act === "save") show(await stripe.confirmCardSetup(secret, method));
  if (act === "next") show(await stripe.handleNextAction({ clientSecret: secret }));
  if (act === "bank") {
    const params = { payment_method_type: "us_bank_account", payment_method_data: { billing_details: billing } };
    const linked = await stripe.collectBankAccountForSetup({ clientSecret: secret, params });
    const open = linked.setupIntent.status === "requires_confirmation";
    show(open ? await stripe.confirmUsBankAccountSetup(secret) : linked);
  }
});
"""


@contextmanager
def serving(application):
    listener = server(application, 0)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{listener.server_port}"
    listener.shutdown()
    listener.server_close()


@pytest.fixture
def visit(sandbox, page):
    """Open the portal's page for an act and a client secret."""
    complaints = []
    page.set_default_timeout(10_000)
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    with ExitStack() as stack:
        origin = stack.enter_context(serving(sandbox))
        policy = f"default-src 'self'; script-src 'self' {origin}; frame-src {origin}; connect-src {origin}"

        def portal(environ, start_response):
            script = environ["PATH_INFO"] in ("/page.js", "/element.js")
            kind = "text/javascript" if script else "text/html"
            start_response("200 OK", [("Content-Type", kind), ("Content-Security-Policy", policy)])
            if environ["PATH_INFO"] == "/element.html":
                return [(PAGE % origin.encode()).replace(b"/page.js", b"/element.js")]
            if environ["PATH_INFO"] == "/element.js":
                return [ELEMENT]
            return [SCRIPT if script else PAGE % origin.encode()]

        address = stack.enter_context(serving(portal))

        def visit(act, secret):
            page.goto("about:blank")
            page.goto(f"{address}/element.html" if act == "element" else f"{address}/#:{act}:{secret}")
            return page

        yield visit
    # A decline is an answer with 402, which the browser counts as an error of the network.
    assert [text for text in complaints if "402" not in text and "favicon" not in text] == []


def fill(page, number):
    frame = page.frame_locator("#card iframe")
    frame.get_by_label("Card number").press_sequentially(number)
    frame.get_by_label("Expiry").press_sequentially("1234")
    frame.get_by_label("CVC").fill("123")
    page.wait_for_selector("body[data-complete=true]")
    page.click("button")


def ended(page, text):
    page.wait_for_function("wanted => document.querySelector('output').textContent === wanted", arg=text)


def test_a_card_is_paid_declined_and_asked_for_its_person(visit, client, customer, pay):
    def secret(**more):
        params = {"amount": 2900, "currency": "usd", "customer": customer.id, "automatic_payment_methods": AUTOMATIC}
        return client.v1.payment_intents.create({**params, **more}).client_secret

    page = visit("pay", secret())
    fill(page, "4242424242424242")
    ended(page, "succeeded")

    page = visit("pay", secret())
    fill(page, "4000000000009995")
    ended(page, "insufficient_funds")

    page = visit("pay", secret())
    fill(page, "4000002500003155")
    bank = page.frame_locator("dialog iframe")
    bank.get_by_role("button", name="Fail authentication").click()
    ended(page, "payment_intent_authentication_failure")
    page.click("button")
    bank.get_by_role("button", name="Complete authentication").click()
    ended(page, "succeeded")

    page = visit("next", pay("pm_card_authenticationRequired").client_secret)
    page.click("button")
    page.frame_locator("dialog iframe").get_by_role("button", name="Complete authentication").click()
    ended(page, "succeeded")


def test_a_card_and_a_bank_account_are_saved(visit, client, customer):
    def secret():
        params = {"customer": customer.id, "usage": "off_session", "automatic_payment_methods": AUTOMATIC}
        return client.v1.setup_intents.create(params).client_secret

    page = visit("save", secret())
    fill(page, "4242424242424242")
    ended(page, "succeeded")
    page = visit("bank", secret())
    page.click("button")
    bank = page.frame_locator("dialog iframe")
    bank.locator("select[name=account]").select_option("000222222227")
    bank.get_by_role("button", name="Link account").click()
    ended(page, "succeeded")
    kinds = [method.type for method in client.v1.customers.payment_methods.list(customer.id).data]
    assert kinds == ["us_bank_account", "card"]


@pytest.mark.parametrize("width", [390, 1440])
def test_the_payment_element_is_as_high_as_it_needs_looks_as_asked_and_says_what_is_missing(visit, client, width):
    page = visit("element", "")
    page.set_viewport_size({"width": width, "height": 800})
    frame = page.frame_locator("#card iframe")
    frame.get_by_label("Card number").press_sequentially("4242424242424242")
    page.click("button")
    ended(page, "incomplete_expiry")
    frame.get_by_label("Expiration date").fill("12 / 34")
    page.click("button")
    ended(page, "incomplete_cvc")
    assert frame.locator("[aria-invalid=true]").get_attribute("name") == "cvc"
    frame.get_by_label("Security code").fill("123")

    def colours():
        return frame.locator("body").evaluate(
            "body => [getComputedStyle(body).backgroundColor, getComputedStyle(document.forms[0][0]).borderColor]"
        )

    assert colours() == ["rgb(1, 2, 3)", "rgb(4, 5, 6)"]
    page.click("button")
    ended(page, "4242")
    page.frame_locator("#card iframe").locator("body").wait_for()
    page.wait_for_function("() => document.querySelector('#card iframe').clientHeight > 120")
    shown = page.locator("#card iframe").evaluate("frame => frame.clientHeight")
    assert frame.locator("form").evaluate("form => form.scrollHeight") <= shown
    # Stripe.js answers what it is told next only after that.
    frame.locator("html[style*='rgb(7, 8, 9)']").wait_for(state="attached")

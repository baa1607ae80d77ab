// What the pages that take a card share: Stripe.js' form in its own frame, in the portal's look, and what it answers.
// The number never comes here: what comes back is the id of a payment method.

// The stripe.com object of a form that names its key; null when the script did not come.
function stripeOf(form) {
  return window.Stripe ? window.Stripe(form.dataset.stripeKey) : null;
}

// The tokens as they are in the mode in force: Stripe's frame knows none of our style sheets.
function look() {
  const probe = document.body.appendChild(document.createElement("span"));
  const colour = (token) => {
    probe.style.color = `var(${token})`;
    return getComputedStyle(probe).color;
  };
  const found = {
    theme: "stripe",
    variables: {
      colorPrimary: colour("--accent"),
      colorBackground: colour("--surface"),
      colorText: colour("--ink"),
      colorTextSecondary: colour("--ink-2"),
      colorTextPlaceholder: colour("--ink-3"),
      colorDanger: colour("--bad"),
      borderRadius: "7px",
      // 16 px on phones: below that they zoom in on what is typed into
      fontSizeBase: matchMedia("(max-width: 52rem)").matches ? "16px" : "14px",
    },
    rules: { ".Input": { borderColor: colour("--line-strong"), boxShadow: "none" }, ".Label": { fontWeight: "500" } },
  };
  probe.remove();
  return found;
}

// The card's fields, mounted; `make` answers {paymentMethod} or {error} as Stripe.js does.
function cardFields(stripe, form, options) {
  const place = form.querySelector("[data-card-frame]");
  const elements = stripe.elements({
    paymentMethodTypes: ["card"], paymentMethodCreation: "manual", appearance: look(), ...options,
  });
  elements.create("payment", { wallets: { applePay: "never", googlePay: "never" } }).mount(place);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => elements.update({ appearance: look() }));
  return {
    make: async () => {
      const checked = await elements.submit();
      return checked.error ? checked : stripe.createPaymentMethod({ elements });
    },
  };
}

// Say in its place what went wrong, for eyes and ears; nothing takes it away.
function tell(form, text) {
  const place = form.querySelector("[data-card-error], [data-confirm-error]");
  place.hidden = true;
  place.querySelector("span").textContent = text || "";
  place.hidden = !text;
}

const NOT_LOADED = "The form for cards did not load. Look at your connection and load this page again.";

// What Stripe.js says of a mistake in typing is for the payer as it is; what a bank says goes through our own list.
function wordsFor(error) {
  if (error.type !== "card_error") return error.message || NOT_LOADED;
  const list = document.getElementById("decline-reasons");
  const reasons = list ? JSON.parse(list.textContent) : {};
  const reason = reasons[error.decline_code] || reasons[error.code];
  return `Your bank did not accept this card${reason ? `: ${reason}.` : " and did not say why."} Try another.`;
}

// A button that works: it says so, and `done` gives it its words back.
function works(button) {
  const html = button.innerHTML;
  button.setAttribute("aria-busy", "true");
  button.setAttribute("aria-disabled", "true");
  if (button.dataset.busy) button.textContent = button.dataset.busy;
  return () => {
    button.innerHTML = html;
    button.removeAttribute("aria-busy");
    button.removeAttribute("aria-disabled");
  };
}

// POST to our own API as the person who is logged in; null for anything but an answer.
async function ask(form, url, body, key) {
  const headers = { "X-CSRFToken": form.elements.csrfmiddlewaretoken.value, "X-Tenant": form.dataset.tenant };
  if (body) headers["Content-Type"] = "application/json";
  if (key) headers["Idempotency-Key"] = key;
  try {
    const answer = await fetch(url, { method: "POST", headers, body: body && JSON.stringify(body) });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

// Paying an invoice: the button says the amount that is typed, and a new card becomes a payment method at Stripe before
// the form is sent. Saved methods need none of this.
{
  const form = document.getElementById("pay");
  const part = document.getElementById("id_part");
  const money = new Intl.NumberFormat("en-US", { style: "currency", currency: form.dataset.currency });

  const showPart = () => {
    const text = part.value.trim().replace(/,(?=\d{3}(?:\D|$))/g, "");
    const amount = /^\d+(\.\d+)?$/.test(text) ? money.format(text) : ""; // a string: no float comes near money
    for (const label of form.querySelectorAll("[data-part-label]")) {
      label.textContent = amount ? `Pay ${amount}` : "Pay this part";
    }
    for (const label of form.querySelectorAll("[data-part-amount]")) label.textContent = amount || "a part";
  };
  if (part) {
    part.addEventListener("input", showPart);
    showPart();
  }

  const NEW_CARD = "new-card";
  let fields = null;
  const openCard = () => {
    if (fields || form.elements.pay_with.value !== NEW_CARD || !form.dataset.stripeKey) return;
    const stripe = stripeOf(form);
    if (!stripe) return tell(form, NOT_LOADED);
    const { currency, due } = form.dataset;
    fields = cardFields(stripe, form, { mode: "payment", currency: currency.toLowerCase(), amount: Number(due) });
  };
  form.addEventListener("change", openCard);
  openCard();

  let making = false;
  form.addEventListener("submit", async (event) => {
    if (form.elements.pay_with.value !== NEW_CARD || form.elements.card.value || !form.dataset.stripeKey) return;
    event.preventDefault();
    if (making) return;
    const button = event.submitter;
    if (!fields) return tell(form, NOT_LOADED);
    making = true;
    tell(form, "");
    const done = works(button);
    const result = await fields.make();
    making = false;
    if (result.error) {
      done();
      return tell(form, wordsFor(result.error));
    }
    form.elements.card.value = result.paymentMethod.id;
    done();
    form.requestSubmit(button);
  });

  // Coming back with the browser's button: what is due may have changed, so the page is asked for anew.
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
}

// The bank's question about one payment: ask the portal for its secret, let Stripe.js open the bank's page, then look
// what became of it. The answer that counts is the provider's, which the portal reads by itself.
{
  const form = document.querySelector("[data-confirm]");
  const button = form.querySelector("[data-confirm-open]");
  const status = document.querySelector("[data-confirm-status]");
  const stripe = stripeOf(form);
  const page = form.closest("section");

  const open = async () => {
    if (!stripe) return tell(page, NOT_LOADED);
    tell(page, "");
    button.hidden = true;
    status.textContent = "Your bank's page opens…";
    const payment = await ask(form, form.dataset.secretFrom);
    if (!payment) {
      status.textContent = "";
      button.hidden = false;
      return tell(page, "Your bank could not be asked just now. Nothing was charged. Try again in a minute.");
    }
    if (payment.status === "requires_action" && payment.clientSecret) await confirm(payment.clientSecret);
    status.textContent = "We look what your bank says…";
    form.requestSubmit();
  };

  // A charge made while its payer was away begins anew, now that they are here, and so does a card that was not
  // confirmed; any other goes on where it was. A SetupIntent is a trial's: it takes no money.
  const confirm = async (secret) => {
    const isSetup = secret.startsWith("seti_");
    const known = await (isSetup ? stripe.retrieveSetupIntent(secret) : stripe.retrievePaymentIntent(secret));
    const intent = known.setupIntent || known.paymentIntent;
    const begins = intent && ["requires_payment_method", "requires_confirmation"].includes(intent.status);
    if (!begins) return stripe.handleNextAction({ clientSecret: secret });
    const failed = (intent.last_setup_error || intent.last_payment_error || {}).payment_method;
    const method = form.dataset.method || (failed && failed.id);
    const data = method ? { payment_method: method } : {};
    return isSetup ? stripe.confirmCardSetup(secret, data) : stripe.confirmCardPayment(secret, data);
  };

  button.addEventListener("click", open);
  if ("confirmWaits" in form.dataset) button.hidden = false;
  else open();
}

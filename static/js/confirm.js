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

  // A charge made while its payer was away begins anew, now that they are here; any other goes on where it was.
  const confirm = async (secret) => {
    const known = await stripe.retrievePaymentIntent(secret);
    const isNew = known.paymentIntent && known.paymentIntent.status === "requires_payment_method";
    return isNew
      ? stripe.confirmCardPayment(secret, { payment_method: form.dataset.method })
      : stripe.handleNextAction({ clientSecret: secret });
  };

  button.addEventListener("click", open);
  open();
}

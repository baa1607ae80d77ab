// Save a card or a bank account: a SetupIntent of ours, confirmed by Stripe.js; then the form tells the portal its id.
{
  const form = document.querySelector("[data-save-method]");
  const isCard = form.dataset.saveMethod === "card";
  const stripe = stripeOf(form);
  const fields = stripe && isCard ? cardFields(stripe, form, { mode: "setup", currency: "usd" }) : null;
  if (!stripe) tell(form, NOT_LOADED);

  let setup = null; // one for all tries: what was refused can be tried again with it
  const begin = async () => {
    setup ||= await ask(form, form.dataset.setupFrom, { type: form.dataset.saveMethod }, form.elements.key.value);
    return setup;
  };
  const away = { error: { message: "Stripe could not be reached. Nothing was saved. Try again in a minute." } };

  const saveCard = async () => {
    const made = await fields.make();
    if (made.error) return made;
    if (!(await begin())) return away;
    return stripe.confirmCardSetup(setup.clientSecret, { payment_method: made.paymentMethod.id });
  };

  const saveAccount = async () => {
    if (!(await begin())) return away;
    const billing = { name: form.querySelector("[data-holder]").value, email: form.querySelector("[data-email]").value };
    const chosen = await stripe.collectBankAccountForSetup({
      clientSecret: setup.clientSecret,
      params: { payment_method_type: "us_bank_account", payment_method_data: { billing_details: billing } },
    });
    if (chosen.error) return chosen;
    if (chosen.setupIntent.status === "requires_payment_method") {
      return { error: { message: "No account was chosen, so nothing was saved." } };
    }
    const result = await stripe.confirmUsBankAccountSetup(setup.clientSecret);
    if (result.error || result.setupIntent.status === "succeeded") return result;
    return { error: { message: "Your bank has to be asked first. Stripe writes to you how to finish; then it shows here." } };
  };

  let saving = false;
  form.addEventListener("submit", async (event) => {
    if (form.elements.method_ref.value) return;
    event.preventDefault();
    if (saving || !stripe) return;
    saving = true;
    tell(form, "");
    const button = event.submitter;
    const done = works(button);
    const result = await (isCard ? saveCard() : saveAccount());
    saving = false;
    done();
    if (result.error) return tell(form, wordsFor(result.error));
    const method = result.setupIntent.payment_method;
    form.elements.method_ref.value = typeof method === "string" ? method : method.id;
    form.requestSubmit(button);
  });
}

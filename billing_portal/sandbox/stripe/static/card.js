// The card's frame: what is typed stays here; the page outside is told only whether it is complete, and the new
// payment method's id.
(() => {
  "use strict";
  const form = document.forms[0];
  const tell = (message) => parent.postMessage({ sandbox: "card", ...message }, "*");
  const digits = (name) => form.elements[name].value.replace(/\D/g, "");
  const state = () => {
    const number = digits("cardnumber");
    const complete = number.length >= 13 && digits("exp-date").length >= 4 && digits("cvc").length >= 3;
    return { complete, empty: number === "", error: undefined };
  };
  form.elements.cardnumber.addEventListener("input", (event) => {
    const field = event.target;
    if (field.selectionStart === field.value.length) {
      field.value = digits("cardnumber").replace(/(.{4})(?=.)/g, "$1 ").slice(0, 23);
    }
  });
  form.elements["exp-date"].addEventListener("input", (event) => {
    const field = event.target;
    const figures = digits("exp-date").slice(0, 4);
    if (field.selectionStart === field.value.length && figures.length > 2) {
      field.value = `${figures.slice(0, 2)} / ${figures.slice(2)}`;
    }
  });
  form.addEventListener("input", () => tell({ event: "change", state: state() }));
  form.addEventListener("submit", (event) => event.preventDefault());

  const create = async ({ key, billing }) => {
    const body = new URLSearchParams({
      key,
      type: "card",
      "card[number]": digits("cardnumber"),
      "card[exp_month]": digits("exp-date").slice(0, 2),
      "card[exp_year]": digits("exp-date").slice(2, 4),
      "card[cvc]": digits("cvc"),
      ...billing,
    });
    const answer = await fetch("/v1/payment_methods", { method: "POST", body });
    return answer.json();
  };
  window.addEventListener("message", async ({ data, source }) => {
    if (source !== parent || !data || data.sandbox !== "card") return;
    if (data.ask === "clear") form.reset();
    if (data.ask === "focus") form.elements.cardnumber.focus();
    if (data.ask !== "create") return;
    const incomplete = { type: "validation_error", code: "incomplete_number", message: "Your card number is incomplete." };
    try {
      const answer = state().complete ? await create(data) : { error: incomplete };
      tell({ reply: data.number, answer });
    } catch {
      tell({ reply: data.number, answer: { error: { type: "api_connection_error", message: "Network error." } } });
    }
  });
  tell({ event: "ready" });
})();

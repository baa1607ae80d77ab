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

  // As the Payment Element has it: the same fields under its own labels, in the look that the page asks for, and as high
  // as they need.
  const isPayment = new URLSearchParams(location.search).get("type") === "payment";
  if (isPayment) {
    form.classList.replace("card", "payment");
    form.querySelector("[data-label=expiry]").textContent = "Expiration date";
    form.querySelector("[data-label=cvc]").textContent = "Security code";
  }
  const dress = ({ variables = {}, rules = {} }) => {
    const known = {
      "--ink": variables.colorText,
      "--label": variables.colorText,
      "--ground": variables.colorBackground,
      "--accent": variables.colorPrimary,
      "--placeholder": variables.colorTextPlaceholder,
      "--danger": variables.colorDanger,
      "--radius": variables.borderRadius,
      "--size": variables.fontSizeBase,
      "--edge": (rules[".Input"] || {}).borderColor,
      "--weight": (rules[".Label"] || {}).fontWeight,
    };
    for (const [name, value] of Object.entries(known)) {
      if (value) document.documentElement.style.setProperty(name, value);
    }
  };
  new ResizeObserver(() => tell({ event: "resize", height: Math.ceil(form.getBoundingClientRect().height) })).observe(form);

  form.addEventListener("input", () => {
    for (const field of form.elements) field.removeAttribute("aria-invalid");
  });
  form.addEventListener("input", () => tell({ event: "change", state: state() }));
  form.addEventListener("submit", (event) => event.preventDefault());

  const missing = () => {
    const short = [
      ["cardnumber", 13, "incomplete_number", "Your card number is incomplete."],
      ["exp-date", 4, "incomplete_expiry", "Your card's expiration date is incomplete."],
      ["cvc", 3, "incomplete_cvc", "Your card's security code is incomplete."],
    ].find(([field, least]) => digits(field).length < least);
    if (!short) return null;
    const [field, , code, message] = short;
    return { field, error: { type: "validation_error", code, message } };
  };
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
    if (data.ask === "dress") dress(data.appearance);
    const incomplete = missing();
    if (data.ask === "validate") {
      if (incomplete) form.elements[incomplete.field].setAttribute("aria-invalid", "true");
      tell({ reply: data.number, answer: incomplete ? { error: incomplete.error } : {} });
    }
    if (data.ask !== "create") return;
    try {
      const answer = incomplete ? { error: incomplete.error } : await create(data);
      tell({ reply: data.number, answer });
    } catch {
      tell({ reply: data.number, answer: { error: { type: "api_connection_error", message: "Network error." } } });
    }
  });
  tell({ event: "ready" });
})();

// The stand-in's twin of Stripe.js (https://docs.stripe.com/js): the same names, for cards and US bank accounts.
// Plain, without styles or scripts inside the page: it lives under a content security policy that names this origin for
// scripts, frames and connections. The card number is typed into a frame of this origin.
(() => {
  "use strict";
  const ORIGIN = new URL(document.currentScript.src).origin;
  const DONE = new Set(["succeeded", "processing", "requires_capture", "canceled"]);
  const problem = (message, type = "invalid_request_error", code) => ({ error: { type, code, message } });
  const idOf = (secret) => String(secret).split("_secret_")[0];
  const isSetup = (secret) => String(secret).startsWith("seti_");

  // The bank's page as this browser reaches it: the portal may know the stand-in by another name.
  const here = (url) => ORIGIN + new URL(url).pathname;

  // {a: {b: 1}} → [["a[b]", "1"]], as the API reads it.
  const flat = (value, name = "") => {
    if (value === undefined || value === null) return [];
    if (typeof value !== "object") return [[name, String(value)]];
    return Object.entries(value).flatMap(([key, each]) => flat(each, name ? `${name}[${key}]` : key));
  };

  const ask = async (method, path, params) => {
    const fields = new URLSearchParams(flat(params));
    const url = method === "GET" ? `${ORIGIN}${path}?${fields}` : ORIGIN + path;
    try {
      const answer = await fetch(url, { method, body: method === "GET" ? undefined : fields, credentials: "omit" });
      return await answer.json();
    } catch {
      return problem("We are experiencing issues connecting to our payments provider.", "api_connection_error");
    }
  };

  // A frame over the page, until `heard` makes something of its message. Styles by script pass the policy.
  const overlay = (url, title, name, heard) => new Promise((resolve) => {
    const dialog = document.createElement("dialog");
    const frame = document.createElement("iframe");
    Object.assign(frame, { src: url, title });
    Object.assign(frame.style, { width: "min(420px, 86vw)", height: "320px", border: "0", display: "block" });
    Object.assign(dialog.style, { margin: "auto", padding: "0", border: "0", borderRadius: "10px", overflow: "hidden" });
    dialog.append(frame);
    const close = (result) => {
      window.removeEventListener("message", listen);
      dialog.remove();
      resolve(result);
    };
    const listen = ({ data, origin, source }) => {
      if (origin === ORIGIN && source === frame.contentWindow && data && data.sandbox === name) close(heard(data));
    };
    window.addEventListener("message", listen);
    dialog.addEventListener("cancel", () => close(null));
    document.body.append(dialog);
    dialog.showModal();
  });

  class Element {
    constructor(type, key, options) {
      Object.assign(this, { type, key, options: options || {}, frame: null, handlers: {}, waiting: new Map(), count: 0 });
      this.listen = this.listen.bind(this);
    }
    mount(where) {
      const place = typeof where === "string" ? document.querySelector(where) : where;
      if (!place) throw new Error(`There is no ${where} to mount on`);
      this.unmount();
      this.frame = document.createElement("iframe");
      const title = this.type === "payment" ? "Secure payment input frame" : "Secure card payment input frame";
      Object.assign(this.frame, { src: `${ORIGIN}/v3/card?type=${this.type}`, title });
      Object.assign(this.frame.style, { width: "100%", height: "72px", border: "0" });
      // Room for the rings around its fields, which begin where the page's own do.
      if (this.type === "payment") Object.assign(this.frame.style, { width: "calc(100% + 8px)", margin: "-4px" });
      window.addEventListener("message", this.listen);
      place.replaceChildren(this.frame);
    }
    listen({ data, origin, source }) {
      if (origin !== ORIGIN || !this.frame || source !== this.frame.contentWindow || !data || data.sandbox !== "card") return;
      if (data.event === "ready") this.dress();
      if (data.event === "resize") this.frame.style.height = `${data.height}px`;
      if (data.event) (this.handlers[data.event] || []).forEach((each) => each({ elementType: this.type, ...data.state }));
      const reply = this.waiting.get(data.reply);
      if (reply) { this.waiting.delete(data.reply); reply(data.answer); }
    }
    on(event, handler) { (this.handlers[event] ||= []).push(handler); return this; }
    tell(message) { if (this.frame) this.frame.contentWindow.postMessage({ sandbox: "card", ...message }, ORIGIN); }
    ask(question, more = {}) {
      if (!this.frame) return Promise.resolve(problem("The element is not mounted.", "validation_error"));
      const number = ++this.count;
      return new Promise((resolve) => {
        this.waiting.set(number, resolve);
        this.tell({ ask: question, number, ...more });
      });
    }
    dress(appearance = this.options.appearance) {
      this.options.appearance = appearance;
      if (appearance) this.tell({ ask: "dress", appearance });
    }
    update() {}
    clear() { this.tell({ ask: "clear" }); }
    focus() { this.tell({ ask: "focus" }); }
    unmount() {
      window.removeEventListener("message", this.listen);
      if (this.frame) this.frame.remove();
      this.frame = null;
    }
    destroy() { this.unmount(); }
    createMethod(billing) {
      const fields = Object.fromEntries(flat({ billing_details: billing }));
      return this.ask("create", { key: this.key, billing: fields });
    }
  }

  class Elements {
    constructor(key, options) { Object.assign(this, { key, options: options || {}, made: {} }); }
    create(type) {
      if (!["card", "payment"].includes(type)) throw new Error(`The stand-in has no element of type ${type}`);
      return (this.made[type] = new Element(type, this.key, { appearance: this.options.appearance }));
    }
    getElement(type) { return this.made[type] || null; }
    async submit() { return this.made.payment ? this.made.payment.ask("validate") : {}; }
    update(options = {}) {
      Object.assign(this.options, options);
      if (options.appearance && this.element) this.element.dress(options.appearance);
    }
    get element() { return this.made.payment || this.made.card; }
  }

  window.Stripe = (key) => {
    if (!String(key).startsWith("pk_test_")) throw new Error("The stand-in takes publishable test keys only");
    const linked = new Map();
    const path = (secret, verb = "") =>
      `/v1/${isSetup(secret) ? "setup" : "payment"}_intents/${idOf(secret)}${verb}`;
    const wrap = (secret, answer) => {
      if (answer.error) return { error: answer.error };
      return { [isSetup(secret) ? "setupIntent" : "paymentIntent"]: answer };
    };
    const read = (secret) => ask("GET", path(secret), { key, client_secret: secret });

    // The bank's page, if the intent asks for it; then the intent as it is.
    const act = async (secret, intent) => {
      if (intent.error || intent.status !== "requires_action") return wrap(secret, intent);
      const action = intent.next_action;
      if (action.type === "redirect_to_url") {
        location.assign(here(action.redirect_to_url.url));
        return new Promise(() => {});
      }
      await overlay(here(action.use_stripe_sdk.stripe_js), "3-D Secure", "3ds", (data) => data.outcome);
      const after = await read(secret);
      const failure = after.last_payment_error || after.last_setup_error;
      if (!after.error && !DONE.has(after.status) && failure) return { error: failure };
      if (after.status === "requires_action") return problem("The authentication was left.", "card_error", "authentication_left");
      return wrap(secret, after);
    };

    const methodId = async (given) => {
      if (!given || typeof given === "string") return { id: given };
      if (given.card instanceof Element) return given.card.createMethod(given.billing_details);
      return ask("POST", "/v1/payment_methods", { key, ...given, type: given.us_bank_account ? "us_bank_account" : "card" });
    };
    const confirm = async (secret, data = {}, options = {}) => {
      const method = await methodId(data.payment_method);
      if (method.error) return { error: method.error };
      const more = { ...data, payment_method: method.id, ...options.params };
      const intent = await ask("POST", path(secret, "/confirm"), { key, client_secret: secret, use_stripe_sdk: true, ...more });
      return options.handleActions === false ? wrap(secret, intent) : act(secret, intent);
    };
    const confirmElements = async ({ elements, clientSecret, confirmParams = {}, redirect = "always" }) => {
      const secret = clientSecret || (elements && elements.options.clientSecret);
      const { return_url: back, payment_method_data: data = {}, ...rest } = confirmParams;
      const method = elements
        ? { card: elements.element, billing_details: data.billing_details } : rest.payment_method;
      const result = await confirm(secret, { ...rest, payment_method: method });
      if (result.error || redirect === "if_required" || !back) return result;
      const name = isSetup(secret) ? "setup_intent" : "payment_intent";
      const url = new URL(back);
      url.searchParams.set(name, idOf(secret));
      url.searchParams.set(`${name}_client_secret`, secret);
      url.searchParams.set("redirect_status", "succeeded");
      location.assign(url);
      return new Promise(() => {});
    };
    const collect = async ({ clientSecret, params = {} }) => {
      const account = await overlay(`${ORIGIN}/v3/bank`, "Bank account", "bank", (data) => data.account);
      const intent = await read(clientSecret);
      if (intent.error || !account) return wrap(clientSecret, intent);
      const { billing_details: billing } = params.payment_method_data || {};
      const method = await ask("POST", "/v1/payment_methods",
        { key, type: "us_bank_account", us_bank_account: account, billing_details: billing });
      if (method.error) return { error: method.error };
      linked.set(clientSecret, method.id);
      return wrap(clientSecret, { ...intent, status: "requires_confirmation", payment_method: method });
    };
    const confirmBank = (secret, data = {}) => {
      const acceptance = { type: "online", online: { infer_from_client: true } };
      const method = data.payment_method || linked.get(secret);
      return confirm(secret, { mandate_data: { customer_acceptance: acceptance }, ...data, payment_method: method });
    };

    return {
      elements: (options) => new Elements(key, options),
      createPaymentMethod: async ({ elements, type, card, billing_details: billing, params = {}, ...rest }) => {
        const given = elements ? elements.element : card;
        const method = given instanceof Element
          ? await given.createMethod(billing || params.billing_details)
          : await ask("POST", "/v1/payment_methods", { key, type, card, billing_details: billing, ...rest });
        return method.error ? { error: method.error } : { paymentMethod: method };
      },
      confirmCardPayment: confirm,
      confirmCardSetup: confirm,
      confirmPayment: confirmElements,
      confirmSetup: confirmElements,
      handleNextAction: async ({ clientSecret }) => act(clientSecret, await read(clientSecret)),
      handleCardAction: async (secret) => act(secret, await read(secret)),
      retrievePaymentIntent: async (secret) => wrap(secret, await read(secret)),
      retrieveSetupIntent: async (secret) => wrap(secret, await read(secret)),
      collectBankAccountForPayment: collect,
      collectBankAccountForSetup: collect,
      confirmUsBankAccountPayment: confirmBank,
      confirmUsBankAccountSetup: confirmBank,
    };
  };
  window.Stripe.version = "sandbox";
})();

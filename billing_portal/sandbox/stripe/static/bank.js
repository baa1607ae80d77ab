// The bank's frame: which test account was linked, or null.
(() => {
  "use strict";
  const form = document.forms[0];
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const linked = event.submitter && event.submitter.value === "link";
    const account = { account_number: form.elements.account.value, account_holder_type: form.elements.holder.value };
    parent.postMessage({ sandbox: "bank", account: linked ? account : null }, "*");
  });
})();

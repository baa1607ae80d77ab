// The search for tenants (select2) speaks jQuery only: what it chose is told to the page as a change of the field.
addEventListener("load", () => {
  const tenant = document.getElementById("id_tenant");
  if (!tenant || !window.django?.jQuery || !tenant.classList.contains("admin-autocomplete")) return;
  window.django.jQuery(tenant).on("select2:select", () => tenant.dispatchEvent(new Event("change", { bubbles: true })));
});

// The amounts beside the invoices are typed while the page follows: what was typed since it was asked stays, unless the
// page was asked to spread the amount anew.
let typed = new Map();
addEventListener("htmx:beforeSwap", ({ detail }) => {
  typed = new Map();
  if (detail.target.id !== "record-invoices" || detail.requestConfig.parameters._spread) return;
  for (const field of detail.target.querySelectorAll(".desk-share")) typed.set(field.id, field.value);
});
addEventListener("htmx:afterSwap", () => {
  for (const [id, text] of typed) {
    const field = document.getElementById(id);
    if (field) field.value = text;
  }
});

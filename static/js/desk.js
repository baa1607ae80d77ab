// The search for tenants (select2) speaks jQuery only: what it chose is told to the page as a change of the field.
addEventListener("load", () => {
  const tenant = document.getElementById("id_tenant");
  if (!tenant || !window.django?.jQuery || !tenant.classList.contains("admin-autocomplete")) return;
  window.django.jQuery(tenant).on("select2:select", () => tenant.dispatchEvent(new Event("change", { bubbles: true })));
});

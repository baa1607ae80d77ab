// Choosing seats: a button on each side counts up and down. The preview beside it is loaded by htmx; while that runs, its
// old amount is hidden and its button does nothing.
for (const stepper of document.querySelectorAll("[data-stepper]")) {
  const input = stepper.querySelector("input");
  for (const button of stepper.querySelectorAll("[data-step]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const seats = Number.parseInt(input.value, 10) || 0;
      input.value = Math.max(1, seats + Number(button.dataset.step));
      input.dispatchEvent(new Event("change", { bubbles: true }));
    });
  }
}

const preview = () => document.getElementById("preview");
document.addEventListener("htmx:beforeRequest", () => preview().setAttribute("aria-busy", "true"));
for (const name of ["htmx:afterRequest", "htmx:sendError"]) {
  document.addEventListener(name, () => preview().removeAttribute("aria-busy"));
}
document.addEventListener("submit", (event) => {
  if (event.target.closest("[aria-busy=true]#preview")) event.preventDefault();
}, true);

// What was chosen before this script ran, or what the browser's back button has put there again, is not what the page was
// drawn for: ask for its preview now.
addEventListener("pageshow", () => {
  const form = document.querySelector(".choosing");
  const isOther = [...form.querySelectorAll("input")].some((each) => (
    each.type === "radio" ? each.checked !== each.defaultChecked : each.value !== each.defaultValue
  ));
  if (isOther) form.dispatchEvent(new Event("change"));
});

// A form is sent once: its button says what is going on (data-busy="Recording…") and a second click does nothing.
// Without scripting nothing is lost: the form carries its idempotency key.
const locked = new Map();

function lock(form, button) {
  locked.set(form, button && { button, html: button.innerHTML });
  if (!button) return;
  button.setAttribute("aria-busy", "true");
  button.setAttribute("aria-disabled", "true"); // not disabled: the button's own value must be sent
  if (button.dataset.busy) button.textContent = button.dataset.busy;
}

function unlock(form) {
  const was = locked.get(form);
  locked.delete(form);
  if (!was) return;
  was.button.innerHTML = was.html;
  was.button.removeAttribute("aria-busy");
  was.button.removeAttribute("aria-disabled");
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || event.defaultPrevented) return;
  if (locked.has(form)) event.preventDefault();
  else lock(form, event.submitter);
});

// Coming back with the browser's button shows the page as it was left.
addEventListener("pageshow", () => { for (const form of [...locked.keys()]) unlock(form); });

// What is only for who has no scripts.
for (const note of document.querySelectorAll("[data-without-script]")) note.hidden = true;

// What a sent form could not take is read first.
document.querySelector("[data-focus]")?.focus();

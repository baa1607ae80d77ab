// Copy buttons: hidden in the markup, shown only where scripting and the clipboard work.
function offer() {
  for (const button of document.querySelectorAll("[data-copy]")) {
    const word = button.querySelector("[aria-live]");
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(button.dataset.copy);
        word.textContent = "Copied";
      } catch {
        word.textContent = "Not copied"; // the browser refused; the code can still be selected
      }
      setTimeout(() => { word.textContent = "Copy"; }, 3000);
    });
  }
}

if (navigator.clipboard) {
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", offer);
  else offer();
}

// Sends each form once: a second click would race the first answer.

export function guardForms(root) {
  for (const form of root.querySelectorAll("form[method=post]")) {
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) {
        event.preventDefault();
        return;
      }
      form.dataset.sent = "yes";
      (event.submitter ?? form.querySelector("[type=submit]"))?.setAttribute("aria-busy", "true");
    });
  }
  // A page taken from the back/forward cache comes with the state it was left in.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) release(root);
  });
}

function release(root) {
  for (const form of root.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  for (const button of root.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
}

// Shows what was typed as a password, as long as the person wants it.

export function offerReveal(root) {
  for (const button of root.querySelectorAll("[data-reveal]")) {
    const field = document.getElementById(button.dataset.reveal);
    const set = (shown) => {
      field.type = shown ? "text" : "password";
      button.setAttribute("aria-pressed", String(shown));
    };
    button.hidden = false;
    button.addEventListener("click", () => set(field.type === "password"));
    // Password managers and form history must see a password field.
    field.form.addEventListener("submit", () => set(false));
  }
}

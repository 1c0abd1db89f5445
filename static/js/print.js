// Prints the page; browsers do it from their menu anyway, but not everybody finds that.

export function offerPrint(root) {
  for (const button of root.querySelectorAll("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  }
}

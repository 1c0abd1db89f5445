// Looks for new calls and texts every two seconds; the page works without this, by a link.
const parts = ["calls", "messages"].map((id) => document.getElementById(id));

setInterval(async () => {
  // What somebody types there must not be taken away.
  if (document.hidden || document.activeElement?.matches("input")) {
    return;
  }
  try {
    const page = new DOMParser().parseFromString(await (await fetch("/")).text(), "text/html");
    for (const shown of parts) {
      const fresh = page.getElementById(shown.id);
      if (fresh && fresh.innerHTML !== shown.innerHTML) {
        shown.replaceChildren(...fresh.childNodes);
      }
    }
  } catch {
    // The phone was stopped: what it showed stays.
  }
}, 2000);

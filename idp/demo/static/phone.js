// Looks for new texts every two seconds; the page works without this, by a link.
const shown = document.getElementById("messages");

setInterval(async () => {
  if (document.hidden) {
    return;
  }
  try {
    const page = new DOMParser().parseFromString(await (await fetch("/")).text(), "text/html");
    const fresh = page.getElementById("messages");
    if (fresh && fresh.innerHTML !== shown.innerHTML) {
      shown.replaceChildren(...fresh.childNodes);
    }
  } catch {
    // The phone was stopped: what it showed stays.
  }
}, 2000);

// Goes on by itself when what is waited for elsewhere (a phone) has come; the button stays for whoever has no scripts.

const place = document.querySelector("[data-waiting]");
const parts = place ? [...place.querySelectorAll("[data-while]")] : [];
const form = place?.querySelector("form");
let timer = 0;

function show(state) {
  for (const part of parts) part.hidden = part.dataset.while !== state;
  for (const part of place.querySelectorAll("[data-moving]")) part.hidden = state !== "waiting";
}

async function look() {
  clearTimeout(timer);
  let again = 3;
  try {
    const answer = await fetch(place.dataset.waiting, { cache: "no-store" });
    const said = answer.ok ? await answer.json() : {};
    if (said.state === "settled") {
      form.requestSubmit();
      return;
    }
    if (said.state === "over") {
      show("over");
      return;
    }
    again = Math.min(said.again ?? again, 15);
  } catch {
    // Away for a moment: it is asked again.
  }
  timer = setTimeout(look, again * 1000);
}

if (place) {
  form.querySelector("[type=submit]").hidden = true;
  show("waiting");
  timer = setTimeout(look, 1000);
  // Whoever typed it on this very phone comes back here, where timers stood still.
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && look());
}

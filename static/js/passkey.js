// Has the browser make or show a passkey, and sends what it says with the form (WebAuthn 3).
// A form says which: "create"; "get", which begins by itself; "wait", which had an error to read first;
// "offer", which the browser may also show in the user name field.

const able = Boolean(window.PublicKeyCredential && navigator.credentials);
const troubles = { NotAllowedError: "stopped", AbortError: "stopped", InvalidStateError: "known" };
let waiting = null; // what is offered in the user name field ends when a button is pressed
let pressing = false; // a second press must not end what the first began

const bytes = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));

const letters = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");

function optionsOf(form) {
  const options = JSON.parse(form.dataset.options);
  options.challenge = bytes(options.challenge);
  if (options.user) options.user.id = bytes(options.user.id);
  for (const each of [...(options.allowCredentials ?? []), ...(options.excludeCredentials ?? [])])
    each.id = bytes(each.id);
  return options;
}

function told(credential) {
  const { response } = credential;
  const said = { clientDataJSON: letters(response.clientDataJSON) };
  if (response.attestationObject) {
    said.attestationObject = letters(response.attestationObject);
    said.transports = response.getTransports?.() ?? [];
  } else {
    said.authenticatorData = letters(response.authenticatorData);
    said.signature = letters(response.signature);
    if (response.userHandle) said.userHandle = letters(response.userHandle);
  }
  return JSON.stringify({
    id: credential.id,
    rawId: letters(credential.rawId),
    type: credential.type,
    response: said,
    clientExtensionResults: credential.getClientExtensionResults(),
  });
}

function say(form, trouble) {
  const words = form.parentElement.querySelectorAll("[data-trouble]");
  for (const each of words) each.hidden = each.dataset.trouble !== trouble;
}

async function ask(form, mediation) {
  const publicKey = optionsOf(form);
  waiting?.abort();
  waiting = new AbortController();
  const { signal } = waiting;
  const credential =
    form.dataset.passkey === "create"
      ? await navigator.credentials.create({ publicKey, signal })
      : await navigator.credentials.get({ publicKey, signal, mediation });
  form.elements.credential.value = told(credential);
  // "Keep me signed in" is asked beside the password, and meant for either.
  const stay = document.querySelector("input[type=checkbox][name=stay]");
  if (form.elements.stay && stay) form.elements.stay.value = stay.checked ? stay.value : "";
  form.requestSubmit();
}

async function pressed(form) {
  if (pressing) return;
  pressing = true;
  say(form, "");
  try {
    await ask(form, "optional");
  } catch (error) {
    say(form, troubles[error.name] ?? "failed");
  }
  pressing = false;
  if (!form.elements.credential.value) offer(form);
}

async function offer(form) {
  if (form.dataset.passkey !== "offer") return;
  if (!(await PublicKeyCredential.isConditionalMediationAvailable?.()) || pressing) return;
  // Whatever ends it, the page goes on as it is: nobody has asked for it.
  ask(form, "conditional").catch(() => {});
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!able) {
    say(form, "unable");
    continue;
  }
  for (const place of document.querySelectorAll("[data-passkey-beside]")) place.hidden = false;
  form.querySelector("[type=submit]").hidden = false;
  // Before submit.js: until the browser has answered nothing is sent.
  form.addEventListener(
    "submit",
    (event) => {
      if (form.elements.credential.value) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      pressed(form);
    },
    { capture: true },
  );
  if (form.dataset.passkey === "get") pressed(form);
  offer(form);
}

// From the back/forward cache: what was signed then is worth nothing now.
window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const form of document.querySelectorAll("form[data-passkey]")) form.elements.credential.value = "";
});

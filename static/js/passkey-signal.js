// Tells the browser which of a person's passkeys there still are: it hides those that were removed.

const list = document.querySelector("[data-passkeys-of]");
const signal = window.PublicKeyCredential?.signalAllAcceptedCredentials?.bind(PublicKeyCredential);

function letters(text) {
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

if (list && signal) {
  const items = [...list.children];
  const names = new Set([location.hostname, ...items.map((item) => item.dataset.rp)]);
  for (const rpId of names) {
    const allAcceptedCredentialIds = items.filter((item) => item.dataset.rp === rpId).map((item) => item.dataset.id);
    // A domain that is not ours to speak for is the browser's to refuse.
    signal({ rpId, userId: letters(list.dataset.passkeysOf), allAcceptedCredentialIds }).catch(() => {});
  }
}

// The accounts on this phone: keys that can sign here and never leave, and calls that they sign.
// A classic script, since the page and the service worker both run it.
"use strict";

self.countersign = (() => {
  const HOME = "/authenticator/";
  const CURVE = { name: "ECDSA", namedCurve: "P-256" };
  const SIGNING = { name: "ECDSA", hash: "SHA-256" };
  const STEP = 30; // seconds a code lasts (RFC 6238)
  let apart = 0; // seconds that the server's clock is ahead of this phone's

  const promised = (request) =>
    new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });

  async function kept(mode, act) {
    const opening = indexedDB.open("countersign", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore("accounts", { keyPath: "id" });
    const database = await promised(opening);
    try {
      return await promised(act(database.transaction("accounts", mode).objectStore("accounts")));
    } finally {
      database.close();
    }
  }

  const accounts = () => kept("readonly", (store) => store.getAll());
  const put = (account) => kept("readwrite", (store) => store.put(account));
  const remove = (id) => kept("readwrite", (store) => store.delete(id));

  const letters = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer)))
      .replaceAll("+", "-")
      .replaceAll("/", "_")
      .replaceAll("=", "");
  const text = (value) => letters(new TextEncoder().encode(JSON.stringify(value)));

  async function signed(key, header, path, claims) {
    const said = { aud: location.origin + path, iat: Math.floor(Date.now() / 1000) + apart, ...claims };
    const input = `${text({ alg: "ES256", typ: "countersign-phone+jwt", ...header })}.${text(said)}`;
    return `${input}.${letters(await crypto.subtle.sign(SIGNING, key, new TextEncoder().encode(input)))}`;
  }

  // Throws Error with `gone` when the service no longer knows this phone, and its own words otherwise.
  async function send(key, header, act, claims, { again = true } = {}) {
    const path = `${HOME}calls/${act}`;
    const body = await signed(key, header, path, claims);
    const headers = { "Content-Type": "application/jose" };
    const answer = await fetch(path, { method: "POST", body, headers, credentials: "omit", cache: "no-store" });
    const said = await answer.json();
    if (answer.ok) return said;
    if (said.now && again) {
      apart = said.now - Math.floor(Date.now() / 1000);
      return send(key, header, act, claims, { again: false });
    }
    throw Object.assign(new Error(said.error ?? said.error_description), { said: true, gone: said.gone === true });
  }

  const call = (account, act, claims) => send(account.key, { kid: account.id }, act, claims);

  function bytes(base32) {
    const bits = [...base32].map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0"));
    const whole = bits.join("").match(/.{8}/g);
    return Uint8Array.from(whole, (byte) => parseInt(byte, 2));
  }

  async function connect(code, label) {
    // Not extractable: whoever gets at this page can use the key while they do, and not take it away.
    const pair = await crypto.subtle.generateKey(CURVE, false, ["sign"]);
    const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", pair.publicKey);
    const said = await send(pair.privateKey, { jwk: { kty, crv, x, y } }, "connect", { code, label });
    const seed = await crypto.subtle.importKey("raw", bytes(said.seed), { name: "HMAC", hash: "SHA-1" }, false, ["sign"]);
    const account = { id: said.id, account: said.account, service: said.service, key: pair.privateKey, seed };
    await put(account);
    return account;
  }

  // The code of this moment and the seconds that it lasts (RFC 4226 5.3).
  async function code(account) {
    const now = Date.now() / 1000 + apart;
    const counter = new DataView(new ArrayBuffer(8));
    counter.setUint32(4, Math.floor(now / STEP));
    const mac = new DataView(await crypto.subtle.sign("HMAC", account.seed, counter.buffer));
    const number = mac.getUint32(mac.getUint8(19) & 15) & 0x7fffffff;
    return { code: String(number % 1_000_000).padStart(6, "0"), left: STEP - (now % STEP) };
  }

  return { HOME, accounts, remove, call, connect, code };
})();

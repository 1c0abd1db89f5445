// What runs while the phone app is closed: it is woken, looks what is asked, and tells the person.
"use strict";
importScripts({{ static("js/authenticator/accounts.js") | tojson }});

const WORDS = {{ {
  "ask": _("Are you signing in?"),
  "nothing": _("A sign-in was to be confirmed. It is over."),
  "press": _("Press to answer."),
} | tojson }};
const ICON = {{ static("img/app-192.png") | tojson }};
// So that the app shows its codes where there is no connection.
const SHELL = {{ ["/authenticator/", static("css/countersign.css"), static("css/authenticator.css"),
  static("js/authenticator/accounts.js"), static("js/authenticator/app.js"), static("img/mark.svg")] | tojson }};
const CACHE = "countersign " + SHELL[1];
const { HOME, accounts, call } = self.countersign;

self.addEventListener("install", (event) => {
  self.skipWaiting();
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(SHELL)));
});

self.addEventListener("activate", (event) => {
  const drop = (names) => Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name)));
  event.waitUntil(caches.keys().then(drop).then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const path = new URL(request.url).pathname;
  if (request.method !== "GET") return;
  if (path === HOME) event.respondWith(fetch(request).catch(() => caches.match(HOME)));
  else if (SHELL.includes(path)) event.respondWith(caches.match(path).then((kept) => kept ?? fetch(request)));
});

async function look() {
  const open = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  for (const client of open) client.postMessage("look");
  // Whoever is looking at the app needs no notification, but browsers want one for each push.
  for (const account of await accounts()) {
    const said = await call(account, "look", {}).catch(() => null);
    if (said?.question) {
      const { id, application } = said.question;
      await self.registration.showNotification(WORDS.ask, {
        body: `${application} · ${account.account}\n${WORDS.press}`,
        tag: "question", data: { id }, icon: ICON, badge: ICON, requireInteraction: true, renotify: true,
      });
      return;
    }
  }
  await self.registration.showNotification(WORDS.nothing, { tag: "question", icon: ICON, badge: ICON, silent: true });
}

self.addEventListener("push", (event) => event.waitUntil(look()));

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const go = (open) => (open.length ? open[0].focus() : self.clients.openWindow(HOME));
  event.waitUntil(self.clients.matchAll({ type: "window", includeUncontrolled: true }).then(go));
});

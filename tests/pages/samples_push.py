"""Pictures of the phone app, and of the pages that wait for it; by name: template, context, script.

The script is run once the page is there: it shows a part of the app that its own scripts would show later.
"""

from __future__ import annotations

from collections.abc import Mapping

import segno
from markupsafe import Markup

_STEP = {"partner_name": "Expenses", "action": "/post", "choose_action": "/post", "cancel_action": "/post"}
_ADDRESS = "https://login.example.org/authenticator/#BCDFGHJKLMNPQRST"
_ASKING = {
    **_STEP,
    "factor": "push",
    "username": "ada@example.com",
    "challenge": {"number": "42"},
}
_SETTING_UP = {**_STEP, "factor": "push", "username": "ada@example.com", "outcome": "/nowhere"}
_SCAN = {
    **_SETTING_UP,
    "qr_svg": Markup(segno.make(_ADDRESS, error="m").svg_inline(scale=4, border=4, light="#fff")),  # noqa: S704
    "setup_code": "BCDF-GHJK-LMNP-QRST",
    "address": _ADDRESS,
    "home": "https://login.example.org/authenticator/",
}
_APP = {"service_name": "Countersign", "vapid": ""}

# The app begins by itself, with what a phone without accounts shows.
_BEGUN = """(async () => {
  while (!document.querySelector("#app > section:not([hidden])")) await new Promise(requestAnimationFrame);
})()"""
_SHOW = """(async () => {
  await BEGUN;
  for (const part of document.querySelectorAll("#app > section")) part.hidden = part.id !== "view-%s";
  const when = %s, facts = %s;
  for (const part of document.querySelectorAll("[data-when]"))
    part.hidden = !when.includes(part.dataset.when);
  const list = document.getElementById("accounts");
  for (const one of facts.accounts ?? []) {
    const item = document.getElementById("account").content.cloneNode(true).firstElementChild;
    for (const [name, value] of Object.entries(one))
      for (const place of item.querySelectorAll(`[data-fact="${name}"]`)) place.textContent = value;
    item.querySelector("meter").value = 20;
    list.append(item);
  }
  for (const [name, value] of Object.entries(facts.told ?? {}))
    for (const place of document.querySelectorAll(`[data-fact="${name}"]`)) place.textContent = value;
  for (const id of facts.also ?? []) document.getElementById(id).hidden = false;
})()""".replace("BEGUN", _BEGUN)
_TOLD = """{ told: { application: "Expenses", account: "ada@example.com", browser: "Chrome on Windows",
  address: "203.0.113.66", time: "09:30", left: "97 s" } }"""
_ACCOUNTS = """{ accounts: [
  { service: "Countersign", account: "ada@example.com", code: "492 039" },
  { service: "Countersign", account: "ada.lovelace.administrator@subsidiary.example.com", code: "007 301" },
], also: ["notify"] }"""

PUSH: Mapping[str, tuple[str, Mapping[str, object], str]] = {
    "push": ("factors/push/ask.html", _ASKING, ""),
    "push-refused": (
        "factors/push/ask.html",
        {**_ASKING, "error": "The sign-in was turned down on your phone."},
        "",
    ),
    "setup-push": ("factors/push/setup.html", _SCAN, ""),
    "setup-push-early": (
        "factors/push/setup.html",
        {**_SCAN, "error": "No phone has come with that code yet. Scan the picture with your phone first."},
        "",
    ),
    "setup-push-number": (
        "factors/push/setup.html",
        {**_SETTING_UP, "number": "07", "phone": "Ada’s Pixel"},
        "",
    ),
    "app-start": ("authenticator/app.html", _APP, _BEGUN),
    "app-home": ("authenticator/app.html", _APP, _SHOW % ("home", "[]", _ACCOUNTS)),
    "app-question": ("authenticator/app.html", _APP, _SHOW % ("question", '["sign-in", "far"]', _TOLD)),
    "app-near": ("authenticator/app.html", _APP, _SHOW % ("question", '["sign-in", "near"]', _TOLD)),
    "app-report": ("authenticator/app.html", _APP, _SHOW % ("report", "[]", "{}")),
    **{
        f"app-{outcome}": ("authenticator/app.html", _APP, _SHOW % ("result", f'["{outcome}"]', "{}"))
        for outcome in ("approved", "denied", "fraud", "wrong-number", "late")
    },
}

_CALLING = {
    **_STEP,
    "factor": "call",
    "method": "m1",
    "method_detail": "+1 •••-•••-••67",
    "username": "ada@example.com",
}
_COUNTRIES = {"US": "+1", "DE": "+49", "EG": "+20"}

CALL: Mapping[str, tuple[str, Mapping[str, object], str]] = {
    "call": ("factors/call/ask.html", {**_CALLING, "challenge": {"mode": "key"}}, ""),
    "call-pin": ("factors/call/ask.html", {**_CALLING, "challenge": {"mode": "pin"}}, ""),
    "call-code": ("factors/call/ask.html", {**_CALLING, "challenge": {"mode": "code"}}, ""),
    "call-busy": (
        "factors/call/ask.html",
        {**_CALLING, "challenge": {"mode": "key"}, "error": "The line was busy. Have us call again."},
        "",
    ),
    "setup-call": (
        "factors/call/setup.html",
        {**_SETTING_UP, "factor": "call", "countries": _COUNTRIES, "pins": True},
        "",
    ),
    "setup-call-ringing": (
        "factors/call/setup.html",
        {**_SETTING_UP, "factor": "call", "number": "+1 •••-•••-••67", "mode": "key"},
        "",
    ),
}

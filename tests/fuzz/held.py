"""The doors at which people show what they hold: a passkey, a phone with the app, a line."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import strategies as st

from idp.channels.twilio import signature
from tests.fuzz import oracles
from tests.fuzz.carrier import SECRET
from tests.fuzz.door import OUR_PAGE, OUTSIDE, form, of, pairs_of
from tests.fuzz.edits import BASE64, BYTES, PAIRS, Change, Edit, apply, edits, joined
from tests.fuzz.holders import key_of, phone
from tests.fuzz.showing import About, Showing, referred
from tests.fuzz.tokens import LAYERS as JWS
from tests.fuzz.tokens import MEMBERS, crafted, members_of, rewritten
from tests.fuzz.wire import Outcome, Sent, changed, form_in, header_in
from tests.oidc.house import BASE
from tests.passkeys import decoded, encoded

Drawn = tuple[Sent, Callable[[], bool]]
_HOST = {"Host": "id.example"}


# Passkeys -------------------------------------------------------------------------------------
def _flags(data: bytes, place: int, text: str) -> bytes:
    return data[:32] + bytes([place & 255]) + data[33:]


def _count(data: bytes, place: int, text: str) -> bytes:
    return data[:33] + (place * 4099 % (1 << 32)).to_bytes(4, "big") + data[37:]


# What has broken somebody's reader of CBOR (RFC 8949): sizes that are only said, depth, shared values.
_ODD = (
    *(b"\x9f", b"\xbf\xff", b"\x5f\x41a\xff", b"\x5b\xff\xff\xff\xff\xff\xff\xff\xff", b"\xbb" + b"\xff" * 8),
    *(b"\x81" * 900 + b"\x00", b"\xa1" * 900, b"\xd8\x1c\x80", b"\xd8\x1d\x00", b"\xc2\x49" + b"\xff" * 9),
    *(
        b"\xf9\x7e\x00",
        b"\xfb\x7f\xf0" + b"\x00" * 6,
        b"\xf8\x18",
        b"\x1c",
        b"\xff",
        b"\x62\xff\xfe",
        b"\xf6",
    ),
)


def _odd(data: bytes, place: int, text: str) -> bytes:
    at, new = place % (len(data) + 1), _ODD[place // 7 % len(_ODD)]
    return data[:at] + new + data[at + (len(new) if place % 2 else 0) :]


_DATA: Mapping[str, Change[bytes]] = {**BYTES, "flags": _flags, "count": _count}
_CBOR: Mapping[str, Change[bytes]] = {**BYTES, "odd": _odd}
_AROUND = {
    "response": MEMBERS,
    "credential": MEMBERS,
    "text": BYTES,
    "base64": BASE64,
    "pairs": PAIRS,
    **OUTSIDE,
}
_CLIENT = {"client": MEMBERS, "client-bytes": BYTES, "data": _DATA}
_SHOWN = {**_CLIENT, "signature": BYTES, "handle": BYTES, **_AROUND}
_MADE = {**_CLIENT, "cose": _CBOR, "object": _CBOR, **_AROUND}


def _client_data(raw: bytes, chosen: Sequence[Edit]) -> bytes:
    if any(edit.layer == "client" for edit in chosen):
        raw = rewritten(members_of(json.loads(raw)), chosen, "client")
    return apply(BYTES, raw, chosen, "client-bytes")


def _wrapped(said: dict[str, Any], parts: Mapping[str, bytes], chosen: Sequence[Edit]) -> str:
    """Return what a browser says, with these parts in it."""
    response = dict(said["response"])
    for number, (name, data) in enumerate(sorted(parts.items())):
        its = [edit for edit in chosen if edit.place % len(parts) == number]
        response[name] = apply(BASE64, encoded(data).encode(), its, "base64").decode("utf-8", "replace")
    inner = rewritten(members_of(response), chosen, "response").decode("utf-8", "surrogatepass")
    members = [(name, inner if name == "response" else value) for name, value in members_of(said)]
    text = rewritten(members, chosen, "credential")
    return apply(BYTES, text, chosen, "text").decode("utf-8", "replace")


def _shown(about: About, chosen: Sequence[Edit], *, signed_last: bool) -> str:
    """Return what a passkey shows, changed; signed_last: by whoever has it in hand."""
    key = key_of(about)
    said = json.loads(key.show(about["options"]))
    parts = {name: decoded(value) for name, value in said["response"].items()}
    client = _client_data(parts["clientDataJSON"], chosen)
    data = apply(_DATA, parts["authenticatorData"], chosen, "data")
    if signed_last:
        digest = hashes.Hash(hashes.SHA256())
        digest.update(client)
        parts["signature"] = key.private.sign(data + digest.finalize(), ec.ECDSA(hashes.SHA256()))
    parts |= {
        "clientDataJSON": client,
        "authenticatorData": data,
        "signature": apply(BYTES, parts["signature"], chosen, "signature"),
        "userHandle": apply(BYTES, parts["userHandle"], chosen, "handle"),
    }
    return _wrapped(said, parts, chosen)


def _made(about: About, chosen: Sequence[Edit]) -> str:
    said = json.loads(key_of(about).make(about["options"]))
    whole = cbor2.loads(decoded(said["response"]["attestationObject"]))
    data = whole["authData"]
    # The key stands last.
    head, cose = data[:-_COSE], apply(_CBOR, data[-_COSE:], chosen, "cose")
    whole["authData"] = apply(_DATA, head + cose, chosen, "data")
    parts = {
        "clientDataJSON": _client_data(decoded(said["response"]["clientDataJSON"]), chosen),
        "attestationObject": apply(_CBOR, cbor2.dumps(whole), chosen, "object"),
    }
    return _wrapped(said, parts, chosen)


_COSE = 77  # bytes of a key on P-256


def _passkey_form(about: About, text: str, chosen: Sequence[Edit], way: str = "") -> Sent:
    fields = {"factor": "passkey", "method": "", "credential": text, "label": "Key"}
    return form(about["path"] + way, fields, chosen, cookies=about["cookies"], post=True, **OUR_PAGE)


def _passkey() -> Showing:
    def change(drawn: Any, about: About) -> Drawn:
        signed_last, chosen = drawn
        sent = _passkey_form(about, _shown(about, chosen, signed_last=signed_last), chosen)
        return sent, lambda: oracles.right(lambda: oracles.shown(form_in(sent)["credential"], about))

    return Showing(
        kind="passkey",
        drawn=of(st.booleans(), edits(_SHOWN, mostly="client")),
        genuine=lambda about: _passkey_form(about, _shown(about, (), signed_last=False), ()),
        changed=change,
    )


def _passkey_new() -> Showing:
    def change(drawn: Any, about: About) -> Drawn:
        sent = _passkey_form(about, _made(about, drawn), drawn, "/enrol")
        return sent, lambda: oracles.right(lambda: oracles.made(form_in(sent)["credential"], about))

    return Showing(
        kind="passkey-new",
        drawn=edits(_MADE, mostly="cose"),
        genuine=lambda about: _passkey_form(about, _made(about, ()), (), "/enrol"),
        changed=change,
        after=_page,
        taken=lambda seen: seen.status == 200 and "data-passkey=" not in seen.text,
    )


def _page(about: About) -> Sent:
    """Return the request for the page that the sign-in waits at."""
    return Sent(path=about["path"], headers={**_HOST, "Cookie": about["cookies"]})


# The phone app --------------------------------------------------------------------------------
_CALLS = "/authenticator/calls/"
_ANSWER = "answer"
_ACTS: Mapping[str, tuple[str, Callable[[About], Mapping[str, str]]]] = {
    "yes": (_ANSWER, lambda about: _answer(about, "approved", about["number"])),
    "another number": (_ANSWER, lambda about: _answer(about, "approved", f"{int(about['number']) ^ 1:02}")),
    "no": (_ANSWER, lambda about: _answer(about, "denied", about["number"])),
    "fraud": (_ANSWER, lambda about: _answer(about, "fraud", "")),
    "look": ("look", lambda _about: {}),
    "wake": (
        "wake",
        lambda _about: {"endpoint": "https://push.example/x", "key": "x" * 87, "auth": "y" * 22},
    ),
    "connect": ("connect", lambda about: {"code": about["code"], "label": "Pixel"}),
}


def _answer(about: About, said: str, number: str) -> Mapping[str, str]:
    return {"request": about["request"], "answer": said, "number": number}


def _phone_call(what: str, about: About, chosen: Sequence[Edit], *, signed_last: bool = False) -> Sent:
    mine, (act, claims) = phone(about), _ACTS[what]
    header = {"jwk": mine.jwk} if act == "connect" else None
    token = mine.signed(act, claims(about), header).decode()
    body = crafted(token, chosen, sign=mine.sign if signed_last else None).encode("utf-8", "replace")
    headers = {**_HOST, "Content-Type": "application/jose", "Sec-Fetch-Site": "same-origin"}
    return changed(Sent(method="POST", path=_CALLS + act, headers=headers, body=body), chosen)


def _phone() -> Showing:
    def change(drawn: Any, about: About) -> Drawn:
        what, signed_last, chosen = drawn
        sent = _phone_call(what, about, chosen, signed_last=signed_last)
        return sent, lambda: oracles.right(lambda: oracles.approved(sent.body, sent.path, about))

    acts = st.sampled_from(("yes", "yes", "yes", "another number", "no", "fraud", "look", "wake"))
    return Showing(
        kind="phone",
        drawn=of(acts, st.booleans(), edits({**JWS, **OUTSIDE}, mostly="claims")),
        genuine=lambda about: _phone_call("yes", about, ()),
        changed=change,
        after=lambda about: _go_on(about, "push"),
        used_up=lambda answered: '"counted"' in answered.text and '"late"' not in answered.text,
        told=referred,
    )


def _phone_new() -> Showing:
    def change(drawn: Any, about: About) -> Drawn:
        signed_last, chosen = drawn
        sent = _phone_call("connect", about, chosen, signed_last=signed_last)
        return sent, lambda: oracles.right(lambda: oracles.connected(sent.body, sent.path, about))

    return Showing(
        kind="phone-new",
        drawn=of(st.booleans(), edits({**JWS, **OUTSIDE}, mostly="claims")),
        genuine=lambda about: _phone_call("connect", about, ()),
        changed=change,
        taken=lambda answered: answered.status == 200 and '"seed"' in answered.text,
        told=referred,
    )


def _go_on(about: About, factor: str) -> Sent:
    """Return what the page sends once something has come."""
    fields = {"factor": factor, "method": about.get("line", "")}
    return form(about["path"], fields, (), cookies=about["cookies"], post=True, **OUR_PAGE)


# Calls ----------------------------------------------------------------------------------------
_SIGNED = "X-Twilio-Signature"
_TALKS: Sequence[tuple[str, Mapping[str, str]]] = (
    ("", {"Digits": "#"}),
    ("", {"Digits": "#", "AnsweredBy": "human"}),
    ("", {"Digits": "#", "AnsweredBy": "machine_start"}),
    ("", {"Digits": "0"}),
    ("", {"Digits": ""}),
    ("/ended", {"CallStatus": "completed"}),
    ("/ended", {"CallStatus": "busy", "Digits": "#"}),
)


def _said(about: About, way: str, more: Mapping[str, str], chosen: Sequence[Edit], *, last: bool) -> Sent:
    """Return what a carrier says; last: it signs what was changed."""
    path, fields = about["call"] + way, {"CallSid": "CA1", "CallStatus": "in-progress", **more}
    if last:
        pairs = apply(PAIRS, pairs_of(fields), chosen, "pairs")
        fields = dict(parse_qsl(joined(pairs).decode("utf-8", "replace"), keep_blank_values=True))
        chosen = [edit for edit in chosen if edit.layer != "pairs"]
    signed = apply(BASE64, signature(SECRET, BASE + path, fields).encode(), chosen, "signature")
    headers = {_SIGNED: signed.decode("utf-8", "replace"), "Origin": "", "Sec-Fetch-Site": "none"}
    return form(path, fields, chosen, post=True, **headers)


def _call() -> Showing:
    def change(drawn: Any, about: About) -> Drawn:
        (way, more), last, chosen = drawn
        sent = _said(about, way, more, chosen, last=last)
        return sent, lambda: oracles.right(
            lambda: oracles.pressed(sent.body, header_in(sent, _SIGNED), sent.path)
        )

    layers = {"pairs": PAIRS, "signature": BASE64, **OUTSIDE}
    return Showing(
        kind="call",
        drawn=of(st.sampled_from(_TALKS), st.booleans(), edits(layers, mostly="pairs")),
        genuine=lambda about: _said(about, *_TALKS[0], (), last=False),
        changed=change,
        after=lambda about: _go_on(about, "call"),
        used_up=lambda answered: answered.status in {200, 204},
        told=_nothing_to_learn,
    )


def _nothing_to_learn(answered: Outcome) -> bool:
    """Say whether a stranger at a carrier's address is told nothing, or a carrier what is next."""
    return answered.status in {200, 204} or not answered.text or 'class="reference"' in answered.text


SHOWINGS: Mapping[str, Showing] = {
    "passkey": _passkey(),
    "passkey-new": _passkey_new(),
    "phone-app": _phone(),
    "phone-app-new": _phone_new(),
    "phone-call": _call(),
}

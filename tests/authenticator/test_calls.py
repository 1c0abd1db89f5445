"""What phones send: signed by their own key, for this address, just now; everything else is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from idp.authenticator.calls import LONGEST
from tests.admin.conftest import BASE, Browser, Console
from tests.authenticator.conftest import Desk, phone_of, set_up
from tests.phones import SoftPhone, encoded


def test_a_phone_is_set_up_and_confirms_a_sign_in(desk: Desk, phone: SoftPhone) -> None:
    desk.sign_in()
    assert "Check your phone" in desk.browser.text
    question = phone.look()
    assert question is not None
    assert question["application"] == "Your account"
    assert question["address"] == "127.0.0.1"
    assert question["near"] is True
    assert desk.number not in json.dumps({**question, "asked_at": "", "id": "", "left": ""})
    assert desk.outcome()["state"] == "waiting"
    assert phone.approve(desk.number) == "approved"
    assert desk.outcome()["state"] == "settled"
    assert desk.go_on().path == "/me"
    assert "Phone app" in desk.browser.text


def test_what_comes_elsewhere_is_asked_for_at_a_bearable_pace(desk: Desk, phone: SoftPhone) -> None:
    desk.sign_in()
    waits = [desk.outcome()["again"] for _ in range(3)]
    # How far apart they are is `tests/web/test_pacing.py`'s: here that depends on how fast they come.
    assert all(1 <= wait < 2 for wait in waits)


def test_a_code_of_the_app_signs_in_too(console: Console, desk: Desk, phone: SoftPhone) -> None:
    desk.sign_in()
    assert desk.go_on(code="000000").path != "/me"
    assert "not right" in desk.browser.text
    assert desk.go_on(code=phone.code()).path == "/me"
    assert phone.look() is None


def test_a_clock_that_is_off_is_told_the_time(desk: Desk, phone: SoftPhone) -> None:
    phone.slow = 600
    status, said = phone.send("look", {})
    assert status == 401
    phone.slow = 600 - (said["now"] - (int(phone.now().timestamp()) - 600))
    assert phone.look() is None


OTHER = ec.generate_private_key(ec.SECP256R1())
HOSTILE: dict[str, Callable[[SoftPhone], bytes]] = {
    "another's key": lambda phone: replace(phone, private=OTHER).signed("look", {}),
    "nobody's id": lambda phone: replace(phone, id="i" + "0" * 40).signed("look", {}),
    "no id": lambda phone: phone.signed("look", {}, {}),
    "an id that is none": lambda phone: phone.signed("look", {}, {"kid": ["a"]}),
    "its own key along": lambda phone: replace(phone, private=OTHER).signed(
        "look", {}, {"kid": phone.id, "jwk": replace(phone, private=OTHER).jwk}
    ),
    "no algorithm": lambda phone: replace(phone, alg="none").signed("look", {}),
    "unsigned": lambda phone: replace(phone, alg="none").signed("look", {}).rpartition(b".")[0] + b".",
    "HMAC with the public key": lambda phone: replace(phone, alg="HS256").signed("look", {}),
    "another kind": lambda phone: replace(phone, typ="JWT").signed("look", {}),
    "for another address": lambda phone: replace(phone, audience="https://evil.example/x").signed("look", {}),
    "for another act": lambda phone: phone.signed("answer", {}),
    "a critical extension": lambda phone: phone.signed("look", {}, {"kid": phone.id, "crit": ["b64"]}),
    "an extension of no kind": lambda phone: phone.signed("look", {}, {"kid": phone.id, "crit": 5}),
    "no time": lambda phone: phone.signed("look", {"iat": None}),
    "a time of yes": lambda phone: phone.signed("look", {"iat": True}),
    "an hour ago": lambda phone: replace(phone, slow=3600).signed("look", {}),
    "in an hour": lambda phone: replace(phone, slow=-3600).signed("look", {}),
    "nothing": lambda _: b"",
    "two dots of nothing": lambda _: b"..",
    "no JSON": lambda _: b"AA.AA.AA",
    "a list": lambda _: encoded(b"[]").encode() + b".e30.AA",
    "deep": lambda _: encoded(b"[" * 3000).encode() + b".e30.AA",
    "long": lambda phone: phone.signed("look", {"x": "a" * LONGEST}),
    "not text": lambda _: b"\xff\xfe.\x00.\x80",
    "a surrogate": lambda phone: phone.signed("look", {}, {"kid": "\ud800"}),
    "a NUL": lambda phone: phone.signed("look", {}, {"kid": "a\x00b"}),
}


def test_row_62_what_is_not_the_phones_is_refused(desk: Desk, phone: SoftPhone) -> None:
    desk.sign_in()
    taken = {}
    for name, made in HOSTILE.items():
        status, said = phone.post("/authenticator/calls/look", made(phone))
        if status not in {401, 422} or "question" in said or not said["reference"]:
            taken[name] = (status, said)
    assert taken == {}
    assert phone.look() is not None, "and the phone itself is still heard"


def test_row_62_an_answer_sent_twice_counts_once(desk: Desk, phone: SoftPhone) -> None:
    desk.sign_in()
    question = phone.look()
    assert question is not None
    claims = {"request": question["id"], "answer": "approved", "number": desk.number}
    body = phone.signed("answer", claims)
    assert [phone.post("/authenticator/calls/answer", body)[1]["counted"] for _ in range(2)] == [
        "approved",
        "late",
    ]


def test_row_62_a_wrong_number_is_no(desk: Desk, phone: SoftPhone) -> None:
    desk.sign_in()
    assert phone.approve(f"{(int(desk.number) + 7) % 100:02}") == "wrong-number"
    assert desk.go_on().path != "/me"
    assert "another number" in desk.browser.text
    assert "Send a new request" in desk.browser.text


def test_row_62_one_phone_does_not_answer_for_another(console: Console, desk: Desk, phone: SoftPhone) -> None:
    bob = set_up(console, console.browser().sign_in("bob", "/me"))
    desk.sign_in()
    question = phone.look()
    assert question is not None
    assert bob.look() is None
    assert bob.answer(question["id"], "approved", desk.number) == "late"
    assert desk.outcome()["state"] == "waiting"


def test_row_47_a_copied_address_opens_nothing_elsewhere(
    console: Console, desk: Desk, phone: SoftPhone
) -> None:
    desk.sign_in()
    thief = console.browser()
    assert thief.client.get(desk.place + "/outcome", base_url=BASE).status_code == 403


NO_ANSWERS: list[dict[str, Any]] = [
    {"answer": "approved", "number": 42},
    {"answer": "maybe"},
    {"answer": ["approved"]},
    {"answer": "approved", "request": {"a": 1}},
    {"answer": ""},
    {"answer": "approved", "request": "\ud800"},
    {"answer": "approved", "request": "\x00", "number": "\x00"},
    {"answer": "wrong-number"},
    {"answer": "approved", "request": "a" * 5000},
]


def test_answers_that_are_none(desk: Desk, phone: SoftPhone) -> None:
    desk.sign_in()
    for claims in NO_ANSWERS:
        status, _ = phone.send("answer", claims)
        assert status in {200, 422}, claims
        assert desk.outcome()["state"] == "waiting", claims


def test_row_61_only_the_code_on_the_page_lets_a_phone_in(console: Console, ada: Browser) -> None:
    desk, phone = Desk(console, ada), phone_of(console)
    ada.post("/me/add", {"factor": "push"})
    for wrong in ("", "BBBB-CCCC-DDDD-FFFF", "a" * 65, "☃", "\x00", "' OR 1=1"):
        assert phone.connect(wrong)["status"] == 422
    assert phone.send("connect", {"code": desk.code}, {})[0] == 422
    assert phone.send("connect", {"code": desk.code}, {"jwk": "x"})[0] == 422
    # It must have the key that it brings.
    stolen = phone_of(console)
    assert stolen.send("connect", {"code": desk.code}, {"jwk": phone.jwk})[0] == 401
    off_curve = {**phone.jwk, "x": phone.jwk["y"]}
    assert stolen.send("connect", {"code": desk.code}, {"jwk": off_curve})[0] == 401
    assert phone.connect(desk.code)["status"] == 200
    assert phone_of(console).connect(desk.code)["status"] == 422


def test_a_name_for_a_phone_is_one_line(console: Console, ada: Browser) -> None:
    desk, phone = Desk(console, ada), phone_of(console)
    ada.post("/me/add", {"factor": "push"})
    assert phone.connect(desk.code, "<b>My\nphone\u202e</b>" + "x" * 200)["status"] == 200
    desk.go_on("/enrol")
    assert "&lt;b&gt;My phone" in ada.text


def test_an_address_to_be_woken_at_is_checked(console: Console, phone: SoftPhone) -> None:
    key = encoded(b"\x04" + bytes.fromhex("".join(_point())))
    good = {"endpoint": "https://push.example/abc", "key": key, "auth": encoded(b"a" * 16)}
    assert phone.send("wake", good)[0] == 200
    for bad in (
        {"endpoint": "file:///etc/passwd"},
        {"endpoint": "https://push.example/" + "a" * 2000},
        {"key": encoded(b"\x04" + b"\x01" * 64)},
        {"key": "!"},
        {"auth": encoded(b"a" * 15)},
        {"auth": 5},
    ):
        assert phone.send("wake", {**good, **bad})[0] == 422, bad


def _point() -> tuple[str, str]:
    numbers = OTHER.public_key().public_numbers()
    return f"{numbers.x:064x}", f"{numbers.y:064x}"


def test_a_removed_phone_is_told_so(console: Console, ada: Browser, phone: SoftPhone) -> None:
    ada.post(f"/me/methods/{phone.id}", {"action": "remove"})
    status, said = phone.send("look", {})
    assert status == 401
    assert "not set up on this phone" in said["error"]


def test_other_addresses_are_none(console: Console, phone: SoftPhone) -> None:
    assert phone.send("open", {})[0] == 404
    client = console.app.test_client()
    assert client.get("/authenticator/calls/look", base_url=BASE).status_code == 405
    sent = client.post(
        "/authenticator/calls/look",
        base_url=BASE,
        data=phone.signed("look", {}),
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert sent.status_code == 400


def test_the_app_can_be_installed(console: Console) -> None:
    client = console.app.test_client()
    page = client.get("/authenticator/", base_url=BASE)
    assert "worker-src 'self'" in page.headers["Content-Security-Policy"]
    manifest = json.loads(client.get("/authenticator/app.webmanifest", base_url=BASE).data)
    assert manifest["scope"] == "/authenticator/"
    for icon in manifest["icons"]:
        assert client.get(icon["src"], base_url=BASE).content_type == "image/png"
    worker = client.get("/authenticator/worker.js", base_url=BASE)
    assert worker.content_type.startswith("text/javascript")
    assert worker.headers["Content-Security-Policy"].startswith("default-src 'none'")

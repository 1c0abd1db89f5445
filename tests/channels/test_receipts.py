"""Carriers' reports: only genuine ones, each once, whatever is sent there."""

from __future__ import annotations

import tracemalloc
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from idp.channels.carriers import SetUp
from idp.channels.deliveries import Status
from idp.channels.gateway import HttpSettings, Told
from idp.channels.pages import OPEN_ENDPOINTS, ReceiptPages
from idp.channels.twilio import TwilioSettings, signature
from idp.core.ids import new_secret
from idp.keys import Issuers
from idp.web.settings import WebSettings
from idp.web.setup import make_flask
from tests.channels.carrying import ACCOUNT, CASES
from tests.channels.conftest import BASE, SECRET
from tests.net.servers import says, serving

pytestmark = pytest.mark.backends

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
DELIVERED = Told(path="status", words=("DELIVRD", "1"))
LOST = Told(path="status", words=("UNDELIV", "2"))


class House:
    """An office with a gateway `g` and Twilio `t`, a text that is on its way, and the receipts' pages."""

    def __init__(self, office, take) -> None:
        self.office = office
        app = make_flask(WebSettings.of(base_url=BASE), open_endpoints=OPEN_ENDPOINTS)
        pages = ReceiptPages(
            store=office.store,
            clock=office.clock,
            audit=office.audit,
            issuers=Issuers(office.store),
            carriers=office.carriers,
        )
        app.register_blueprint(pages.blueprint())
        self.client = app.test_client()
        with serving(take) as server:
            base = f"http://127.0.0.1:{server.port}"
            form = {"text": "{text}", "key": "{secret}", "report": "{receipt}"}
            http = HttpSettings(url=f"{base}/", form=form, arrived=DELIVERED, lost=LOST)
            twilio = TwilioSettings(account=ACCOUNT, sender="Countersign", api=base)
            office.add(SetUp(name="g", settings=http), SetUp(name="t", settings=twilio), secret=SECRET)
            self.sent = {name: self._send(name) for name in ("g", "t")}

    def _send(self, carrier: str) -> tuple[str, str]:
        """Send a text by a carrier; return its delivery and the path of its reports."""
        delivery = self.office.text(key=carrier, carrier=carrier)
        leased = self.office.outbox.lease(["text"])
        message = self.office.outbox.open(leased)
        self.office.outbox.settle(leased, self.office.handlers["text"](message))
        return delivery, f"/channels/receipts/{carrier}/{message.payload['secret']}"

    def status(self, carrier: str) -> Status:
        return self.office.delivery(self.sent[carrier][0]).status

    def twilio(self, *, address: str = "", secret: str = SECRET, **fields: str) -> int:
        path = self.sent["t"][1]
        signed = signature(secret, address or BASE + path, fields)
        headers = FORM | {"X-Twilio-Signature": signed}
        return self.client.post(path, data=urlencode(fields), headers=headers).status_code


@pytest.fixture
def house(office) -> House:
    return House(office, says(b'{"sid": "SM1"}', status="201 Created"))


# The gateway ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "report",
    [
        lambda client, path: client.get(f"{path}?status=DELIVRD"),
        lambda client, path: client.post(path, data="status=1", headers=FORM),
        lambda client, path: client.post(path, json={"status": 1}),
    ],
    ids=["query", "form", "json"],
)
def test_an_arrival_is_recorded(house, report):
    answer = report(house.client, house.sent["g"][1])
    assert (answer.status_code, answer.data) == (204, b"")
    assert house.status("g") is Status.DELIVERED
    event = house.office.events()[-1]
    assert (event["event"], event["verdict"], event["actor"]) == (
        "delivery-reported",
        "delivered",
        "carrier:g",
    )
    assert event["person"] == "i-ada"


def test_a_loss_is_recorded_with_its_word(house):
    house.client.get(house.sent["g"][1] + "?status=UNDELIV")
    known = house.office.delivery(house.sent["g"][0])
    assert (known.status, known.reason) == (Status.UNDELIVERED, "UNDELIV")


def test_what_says_nothing_final_changes_nothing(house):
    before = len(house.office.events())
    for query in ("", "?status=ENROUTE", "?other=DELIVRD", "?status=delivrd"):
        assert house.client.get(house.sent["g"][1] + query).status_code == 204
    assert house.status("g") is Status.ACCEPTED
    assert len(house.office.events()) == before


def test_head_reports_nothing(house):
    for path in (house.sent["g"][1], "/channels/receipts/g/no-such-secret"):
        assert house.client.head(f"{path}?status=DELIVRD").status_code == 204
    assert house.status("g") is Status.ACCEPTED


def test_one_long_name_is_not_copied_for_all_that_is_below_it(house):
    tracemalloc.start()
    report = {"x" * 8_000: dict.fromkeys(map(str, range(700)), 1), "status": 1}
    assert house.client.post(house.sent["g"][1], json=report).status_code == 204
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * 1024 * 1024
    assert house.status("g") is Status.DELIVERED


def test_the_first_last_word_counts_and_is_recorded_once(house):
    for word in ("DELIVRD", "DELIVRD", "UNDELIV", "DELIVRD"):
        assert house.client.get(f"{house.sent['g'][1]}?status={word}").status_code == 204
    assert house.status("g") is Status.DELIVERED
    assert [event["event"] for event in house.office.events()].count("delivery-reported") == 1


def test_a_report_may_be_faster_than_the_carriers_answer(office):
    delivery = office.text()
    leased = office.outbox.lease(["text"])
    message = office.outbox.open(leased)
    house = House(office, CASES[1].good)
    path = f"/channels/receipts/g/{message.payload['secret']}"
    assert house.client.get(f"{path}?status=DELIVRD").status_code == 204
    with serving(CASES[1].good) as server:
        http = HttpSettings(url=f"http://127.0.0.1:{server.port}/", form={"key": "{secret}"})
        office.add(SetUp(name="g", settings=http), secret=SECRET)
        office.outbox.settle(leased, office.handlers["text"](message))
    known = office.delivery(delivery)
    assert (known.status, known.carrier) == (Status.DELIVERED, "g")


# Twilio -----------------------------------------------------------------------------------------
def test_a_signed_report_is_taken(house):
    assert house.twilio(MessageStatus="sent", MessageSid="SM1") == 204
    assert house.status("t") is Status.ACCEPTED
    assert house.twilio(MessageStatus="delivered", MessageSid="SM1") == 204
    assert house.status("t") is Status.DELIVERED


def test_a_signed_loss_is_recorded_with_its_code(house):
    assert house.twilio(MessageStatus="undelivered", ErrorCode="30003") == 204
    assert house.office.delivery(house.sent["t"][0]).reason == "Twilio 30003"


@pytest.mark.parametrize(
    ("forged", "why"),
    [
        ({"secret": "another"}, "another key"),
        ({"address": "https://evil.example/x"}, "another address"),
        ({"address": BASE + "/channels/receipts/t/" + "x" * 43}, "another message"),
    ],
)
def test_an_unsigned_or_forged_report_is_not_taken(house, forged, why):
    assert house.twilio(MessageStatus="delivered", **forged) == 404
    assert (
        house.client.post(house.sent["t"][1], data="MessageStatus=delivered", headers=FORM).status_code == 404
    )
    assert house.client.get(house.sent["t"][1] + "?MessageStatus=delivered").status_code == 404
    assert house.status("t") is Status.ACCEPTED


def test_the_signature_is_over_the_configured_address_not_the_hosts(house):
    path, fields = house.sent["t"][1], {"MessageStatus": "delivered"}
    headers = FORM | {"X-Twilio-Signature": signature(SECRET, f"https://evil.example{path}", fields)}
    answer = house.client.post(path, data=urlencode(fields), headers=headers, base_url="https://evil.example")
    assert answer.status_code == 404


def test_fields_that_were_added_or_changed_break_the_signature(house):
    path, fields = house.sent["t"][1], {"MessageStatus": "sent"}
    headers = FORM | {"X-Twilio-Signature": signature(SECRET, BASE + path, fields)}
    for data in ("MessageStatus=delivered", "MessageStatus=sent&ErrorCode=1"):
        assert house.client.post(path, data=data, headers=headers).status_code == 404
    assert house.client.post(path + "?x=1", data="MessageStatus=sent", headers=headers).status_code == 404


# Whatever else ----------------------------------------------------------------------------------
def test_everything_wrong_looks_the_same(house):
    secret = house.sent["g"][1].rpartition("/")[2]
    answers = [
        house.client.get(path)
        for path in (
            f"/channels/receipts/g/{new_secret()}",
            f"/channels/receipts/g/{house.sent['g'][0]}",  # the delivery's id opens nothing
            f"/channels/receipts/nobody/{secret}",
            f"/channels/receipts/t/{secret}",
        )
    ]
    assert {(answer.status_code, answer.data) for answer in answers} == {(404, b"")}


def test_a_large_report_is_not_read(house):
    answer = house.client.post(house.sent["g"][1], data="status=1&" + "x" * 20_000, headers=FORM)
    assert answer.status_code == 413
    assert house.client.post(house.sent["g"][1], data="a=1&" * 200, headers=FORM).status_code == 404
    assert house.status("g") is Status.ACCEPTED


@given(body=st.binary(max_size=200), kind=st.sampled_from(["application/json", *FORM.values(), "x/y"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_answered_without_an_error(house, body, kind):
    for name in ("g", "t"):
        answer = house.client.post(house.sent[name][1], data=body, content_type=kind)
        assert answer.status_code in {204, 404}


@given(query=st.binary(max_size=60))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_query_is_answered_without_an_error(house, query):
    raw = {"QUERY_STRING": query.decode("latin-1")}
    answer = house.client.get(house.sent["g"][1], environ_overrides=raw)
    assert answer.status_code in {204, 404}

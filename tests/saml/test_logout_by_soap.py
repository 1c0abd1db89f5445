"""Single logout between servers: theirs asks us, we ask theirs, and no more is claimed than is known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from threading import Thread
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree
from werkzeug.serving import make_server
from werkzeug.test import TestResponse
from werkzeug.wrappers import Request, Response

from idp import signedxml
from idp.audit import AuditLog, Event
from idp.core.model import Person
from idp.jobs import Outbox
from idp.jobs.outbox import TRIES
from idp.net import HttpClient, Reach
from idp.partners.saml import Tolerated, Weak
from idp.saml.backchannel import BackChannel
from tests.saml.front import BASE, Front, build_front
from tests.saml.house import House
from tests.saml.leaving import Sign, codes, is_signed_in, metadata, ours, request, response, sign_in
from tests.saml.sp import POST, REDIRECT, SOAP, Sp, authn_request, logout_request, signed, signed_by_sha1

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

OTHER = "https://other.example/metadata"

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_AT = f"{BASE}/saml/slo/soap"


@pytest.fixture
def other(other_key: rsa.RSAPrivateKey) -> Sp:
    return Sp(
        other_key,
        entity_id=OTHER,
        base="https://other.example",
        acs=((0, "https://other.example/acs", POST),),
    )


@pytest.fixture
def sp(key: rsa.RSAPrivateKey) -> Sp:
    return Sp(key)


@pytest.fixture
def front(house: House) -> Front:
    return build_front(house)


@pytest.fixture
def ada(front: Front) -> Person:
    return front.person()


# Servers -----------------------------------------------------------------------------------------
def enveloped(xml: bytes, head: str = "", more: str = "") -> bytes:
    return (
        f'<S:Envelope xmlns:S="{ENVELOPE}">{head}<S:Body>'.encode()
        + xml
        + f"{more}</S:Body></S:Envelope>".encode()
    )


def by_soap(front: Front, body: bytes) -> TestResponse:
    """Send what an application's server sends: no cookie, no origin."""
    return front.app.test_client().post("/saml/slo/soap", base_url=BASE, data=body, content_type="text/xml")


def unwrapped(sent: bytes) -> etree._Element:
    """Return the message in an envelope, as a document of its own."""
    ((inner,),) = etree.fromstring(sent)
    return etree.fromstring(etree.tostring(inner))


@pytest.mark.parametrize("index", [True, False], ids=["one", "all"])
def test_a_server_ends_sessions_without_a_browser(front: Front, ada: Person, sp: Sp, index: bool) -> None:
    front.house.add(sp)
    browser = front.browser(ada)
    name, own = sign_in(front, browser, sp)
    xml = request(front, sp, (name, own if index else ""), Destination=SOAP_AT, ID="_bye")
    done = by_soap(front, enveloped(xml))
    assert (done.status_code, done.mimetype) == (200, "text/xml")
    root = unwrapped(done.data)
    signedxml.validate(root)
    assert (ours(front, root).get("InResponseTo"), codes(root)) == ("_bye", ["Success"])
    assert not is_signed_in(front, browser, sp)


def test_a_server_need_not_say_where_it_sends(front: Front, ada: Person, sp: Sp) -> None:
    front.house.add(sp)
    browser = front.browser(ada)
    known_as = sign_in(front, browser, sp)
    assert codes(
        unwrapped(by_soap(front, enveloped(request(front, sp, known_as, Destination=None))).data)
    ) == ["Success"]
    assert not is_signed_in(front, browser, sp)


def test_of_the_others_a_server_is_told_only_what_is_known(
    front: Front, ada: Person, sp: Sp, other: Sp
) -> None:
    front.house.add(sp)
    front.house.add(other)
    browser = front.browser(ada)
    known_as = sign_in(front, browser, sp)
    sign_in(front, browser, other)
    done = by_soap(front, enveloped(request(front, sp, known_as, Destination=SOAP_AT)))
    assert codes(unwrapped(done.data)) == ["Success", "PartialLogout"]


def test_whom_a_server_does_not_know_is_nobody(front: Front, ada: Person, sp: Sp) -> None:
    front.house.add(sp)
    browser = front.browser(ada)
    _, index = sign_in(front, browser, sp)
    xml = request(front, sp, ("<saml:NameID>bob</saml:NameID>", index), Destination=SOAP_AT)
    assert codes(unwrapped(by_soap(front, enveloped(xml)).data)) == ["Requester", "UnknownPrincipal"]
    assert is_signed_in(front, browser, sp)


def test_case_04_05_19_what_is_no_signed_message_in_a_sound_envelope_gets_a_fault(
    front: Front, ada: Person, sp: Sp, other: Sp
) -> None:
    front.house.add(sp)
    browser = front.browser(ada)
    known_as = sign_in(front, browser, sp)
    plain = logout_request(
        front.house.clock.now(), name_id=known_as[0], index=known_as[1], Destination=SOAP_AT
    )
    fine = request(front, sp, known_as, Destination=SOAP_AT)
    must = '<S:Header><x xmlns="urn:x" S:mustUnderstand="1"/></S:Header>'
    doctype = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
    for body in (
        b"",
        b"<x/>",
        fine,
        enveloped(b""),
        enveloped(plain.encode()),
        enveloped(signed(plain, replace(sp, key=other.key))),
        enveloped(plain.encode(), more=fine.decode()),
        enveloped(fine, more=fine.decode()),
        enveloped(fine, head=must),
        enveloped(b"<x>" + fine + b"</x>"),
        enveloped(fine).replace(b"<S:Envelope", b"<S:Envelope><S:Envelope", 1),
        enveloped(fine).replace(ENVELOPE.encode(), b"http://www.w3.org/2003/05/soap-envelope"),
        doctype + enveloped(fine),
        enveloped(signed(authn_request(front.house.clock.now()), sp)),
        enveloped(request(front, sp, known_as, Destination=f"{BASE}/saml/slo")),
        b"<" * 600_000,
    ):
        refused = by_soap(front, body)
        assert refused.status_code in (413, 500)
        assert b"root:" not in refused.data
        if refused.status_code == 500:
            ((fault,),) = etree.fromstring(refused.data)
            assert fault.tag == f"{{{ENVELOPE}}}Fault"
    assert is_signed_in(front, browser, sp)
    # And the very message, where it belongs.
    assert codes(unwrapped(by_soap(front, enveloped(fine)).data)) == ["Success"]


@dataclass
class Server:
    """An application's server on loopback: answers as told, and remembers what it was sent."""

    front: Front
    sp: Sp
    statuses: list[int] = field(default_factory=list)
    says: str = "Success"
    sign: Sign = signed
    heard: list[etree._Element] = field(default_factory=list)

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        sent = Request(environ)
        assert sent.mimetype == "text/xml"
        assert sent.headers["SOAPAction"]
        asked = unwrapped(sent.get_data())
        self.heard.append(asked)
        status = self.statuses.pop(0) if self.statuses else 200
        answer = response(self.front, self.sp, asked, self.says, sign=self.sign)
        body = enveloped(answer) if status == 200 else b""
        return Response(body, status=status, mimetype="text/xml")(environ, start)

    def deliver(self) -> list[str]:
        """Do what the worker does; return what went wrong with each try."""
        house, problems = self.front.house, list[str]()
        handler = BackChannel(
            partners=house.partners,
            logout=house.logout,
            audit=self.front.audit,
            http=HttpClient(Reach.of(loopback=True)),
        )
        outbox = Outbox(house.store, house.sealer, house.clock)
        for _ in range(TRIES + 1):
            leased = outbox.lease(("saml-logout",))
            if leased is None:
                break
            outcome = handler(outbox.open(leased))
            problems.append(outcome.error)
            outbox.settle(leased, outcome)
            house.clock.advance(hours=2)  # type: ignore[attr-defined]
        return problems


@contextmanager
def serving(server: Server) -> Iterator[str]:
    """Run the server; give its address."""
    made = make_server("127.0.0.1", 0, server)
    thread = Thread(target=made.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{made.port}/slo"
    finally:
        made.shutdown()
        thread.join()
        made.server_close()


@pytest.fixture
def server(front: Front, other: Sp) -> Iterator[Server]:
    """Run the server of an application that can be told by SOAP only."""
    made = Server(front, other)
    with serving(made) as address:
        front.house.add_metadata(metadata(other, (SOAP, address)))
        yield made


def events(front: Front) -> list[str]:
    with front.house.store.read() as connection:
        return [entry.event for entry in AuditLog.search(connection)]


def test_a_server_is_told_what_it_knows_the_person_by(
    front: Front, ada: Person, other: Sp, server: Server
) -> None:
    browser = front.browser(ada)
    _, index = sign_in(front, browser, other)
    page = front.post(browser, "/signout", {})
    assert page.status_code == 400  # from another site
    page = browser.post("/signout", base_url=BASE)
    assert "Was told to sign you out" in page.text
    assert server.deliver() == [""]
    (asked,) = server.heard
    signedxml.validate(asked)
    root = ours(front, asked)
    assert root.findtext("{urn:oasis:names:tc:SAML:2.0:protocol}SessionIndex") == index
    assert root.get("Destination", "").startswith("http://127.0.0.1:")
    assert Event.SIGN_OUT_FAILED not in events(front)


def test_a_server_in_trouble_is_tried_again_and_one_that_says_no_is_not(
    front: Front, ada: Person, other: Sp, server: Server
) -> None:
    sign_in(front, front.browser(ada), other)
    server.statuses = [503]
    front.end_all(ada)
    assert server.deliver() == ["status 503", ""]
    assert len({each.get("ID") for each in server.heard}) == 2
    for says, statuses, problem in (
        ("Responder", [], "not signed out"),
        ("Success", [500], "status 500"),
        ("Success", [404], "status 404"),
    ):
        sign_in(front, front.browser(ada), other)
        server.says, server.statuses = says, statuses
        front.end_all(ada)
        assert server.deliver() == [problem]
        assert events(front)[0] == Event.SIGN_OUT_FAILED


def test_an_answer_that_somebody_else_gave_counts_for_nothing(
    front: Front, ada: Person, sp: Sp, other: Sp, server: Server
) -> None:
    for forger in (replace(other, key=sp.key), replace(other, entity_id="https://third.example/m")):
        sign_in(front, front.browser(ada), other)
        server.sp = forger
        front.end_all(ada)
        (problem,) = server.deliver()
        assert problem


def test_an_answer_to_another_request_counts_for_nothing(
    front: Front, ada: Person, other: Sp, server: Server
) -> None:
    server.sign = lambda xml, by: signed(xml.replace('InResponseTo="', 'InResponseTo="_'), by)
    sign_in(front, front.browser(ada), other)
    front.end_all(ada)
    assert server.deliver() == ["an answer to something else"]


def test_case_26_an_answer_signed_with_sha1_counts_only_where_an_administrator_allowed_it(
    front: Front, ada: Person, other: Sp
) -> None:
    server = Server(front, other, sign=signed_by_sha1)
    with serving(server) as address:
        until = front.house.clock.now() + timedelta(days=1)
        for allowed in ((), (Tolerated(what=Weak.SHA1, until=until),)):
            front.house.add_metadata(metadata(other, (SOAP, address)), tolerated=allowed)
            sign_in(front, front.browser(ada), other)
            front.end_all(ada)
            (problem,) = server.deliver()
            assert bool(problem) is not bool(allowed), problem


def test_where_the_browser_goes_the_server_is_not_told_as_well(
    front: Front, ada: Person, other: Sp, server: Server
) -> None:
    soap = front.house.partners.find("saml", OTHER)
    assert soap is not None
    with serving(server) as address:
        front.house.add_metadata(metadata(other, (SOAP, address), (REDIRECT, "https://other.example/slo")))
        browser = front.browser(ada)
        sign_in(front, browser, other)
        page = browser.post("/signout", base_url=BASE)
        assert page.headers["Location"].startswith("https://other.example/slo?SAMLRequest=")
        assert server.deliver() == []
        # But when no browser is there, it is.
        sign_in(front, front.browser(ada), other)
        front.end_all(ada)
        assert server.deliver() == [""]

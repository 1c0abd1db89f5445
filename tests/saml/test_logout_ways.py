"""Single logout by forms, and over several sessions of one person."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from idp import signedxml
from idp.core.model import Person
from tests.saml.front import BASE, Front, build_front, posts
from tests.saml.house import House
from tests.saml.leaving import (
    by_post,
    codes,
    is_signed_in,
    message,
    metadata,
    ours,
    request,
    response,
    sign_in,
)
from tests.saml.sp import ENCRYPTED_ID, POST, Sp, logout_request, posted, query, signed

OTHER = "https://other.example/metadata"
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


# Forms -------------------------------------------------------------------------------------------
def test_applications_that_know_only_forms_sign_out_and_are_signed_out(
    front: Front, ada: Person, sp: Sp, other: Sp
) -> None:
    for each in (sp, other):
        front.house.add_metadata(metadata(each, (POST, f"{each.base}/slo")))
    browser = front.browser(ada)
    known_as = sign_in(front, browser, sp)
    sign_in(front, browser, other)
    telling = by_post(front, browser, posted(request(front, sp, known_as, ID="_bye")))
    asked = ours(front, message(telling, "https://other.example/slo", "SAMLRequest"))
    assert not is_signed_in(front, browser, sp)
    heard = posted(response(front, other, asked))
    done = by_post(front, browser, {"SAMLResponse": heard["SAMLRequest"]})
    last = ours(front, message(done, "https://sp.example/slo", "SAMLResponse"))
    assert (last.get("InResponseTo"), codes(last)) == ("_bye", ["Success"])


def test_relay_state_comes_back_with_the_answer(front: Front, ada: Person, sp: Sp) -> None:
    front.house.add_metadata(metadata(sp, (POST, "https://sp.example/slo")))
    browser = front.browser(ada)
    form = posted(request(front, sp, sign_in(front, browser, sp)), RelayState="a <b> &c")
    assert posts(by_post(front, browser, form))[1]["RelayState"] == "a <b> &c"


@pytest.mark.parametrize("indexed", [True, False], ids=["index", "no index"])
def test_whoever_is_named_in_a_way_that_nobody_here_can_read_is_nobody(
    front: Front, ada: Person, sp: Sp, indexed: bool
) -> None:
    front.house.add_metadata(metadata(sp, (POST, "https://sp.example/slo")))
    browser = front.browser(ada)
    _, index = sign_in(front, browser, sp)
    named = (ENCRYPTED_ID, index if indexed else "")
    answered = by_post(front, browser, posted(request(front, sp, named)))
    root = ours(front, message(answered, "https://sp.example/slo", "SAMLResponse"))
    assert codes(root) == ["Requester", "UnknownPrincipal"]
    assert is_signed_in(front, browser, sp)


def test_case_19_what_a_form_brings_must_be_signed_by_its_sender(
    front: Front, ada: Person, sp: Sp, other: Sp
) -> None:
    front.house.add(sp)
    front.house.add(other)
    browser = front.browser(ada)
    known_as = sign_in(front, browser, sp)
    plain = logout_request(front.house.clock.now(), name_id=known_as[0], index=known_as[1])
    fine = request(front, sp, known_as)
    for xml in (
        plain.encode(),
        signed(plain, replace(sp, key=other.key)),
        re.sub(b"<ds:Signature .*</ds:Signature>", b"", fine),
        fine.replace(known_as[1].encode(), b"another"),
        request(front, sp, known_as, Destination=SOAP_AT),
        request(front, sp, known_as, Destination=None),
    ):
        assert front.post(browser, "/saml/slo", posted(xml)).status_code == 400
    for path in ("/saml/slo/unknown", "/saml/slo/"):
        assert front.get(browser, path).status_code in (400, 404)
    assert is_signed_in(front, browser, sp)


def test_case_20_a_posted_message_goes_on_once(front: Front, ada: Person, sp: Sp) -> None:
    front.house.add(sp)
    browser = front.browser(ada)
    form = posted(request(front, sp, sign_in(front, browser, sp)))
    kept = front.post(browser, "/saml/slo", form).headers["Location"]
    assert front.post(browser, "/saml/slo", form).status_code == 400
    assert browser.head(kept, base_url=BASE).status_code == 200
    assert front.get(browser, kept).status_code == 303
    assert front.get(browser, kept).status_code == 400


# Several sessions --------------------------------------------------------------------------------
def test_without_an_index_all_of_a_persons_sessions_end(front: Front, ada: Person, sp: Sp, other: Sp) -> None:
    front.house.add(sp)
    front.house.add(other)
    here, there, bobs = front.browser(ada), front.browser(ada), front.browser(front.person("bob"))
    name, _ = sign_in(front, here, sp)
    for browser in (there, bobs):
        sign_in(front, browser, sp)
    sign_in(front, there, other)
    raw = query(logout_request(front.house.clock.now(), name_id=name, ID="_all"), key=sp.key)
    done = front.get(here, f"/saml/slo?{raw}")
    # Nobody could tell the application that was opened elsewhere, and that is said.
    found = signedxml.read_query(done.headers["Location"].partition("?")[2], message="SAMLResponse")
    assert codes(signedxml.parse_message(signedxml.decode_redirect(found.message))) == [
        "Success",
        "PartialLogout",
    ]
    assert [is_signed_in(front, browser, sp) for browser in (here, there, bobs)] == [False, False, True]

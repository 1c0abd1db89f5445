"""Sign-ins that start at Countersign: only where allowed, through the same hallway, listed to whom may."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from flask.testing import FlaskClient

from idp.core.model import AccessPolicy, Partner
from tests.saml.front import Front, answer, build_front, posts
from tests.saml.house import House
from tests.saml.sp import SAML, Sp, authn_request, posted, query

ACS = "https://sp.example/acs"


@pytest.fixture
def front(house: House) -> Front:
    return build_front(house)


@pytest.fixture
def partner(house: House, key: rsa.RSAPrivateKey) -> Partner:
    return house.add(Sp(key), idp_initiated=True, relay_state="/start?a=1&b=2")


def launch(front: Front, partner: Partner, person: bool = True):
    browser = front.browser(front.person()) if person else front.browser()
    return front.get(browser, f"/saml/launch/{partner.id}")


def test_who_is_signed_in_is_let_in_unasked(front: Front, partner: Partner) -> None:
    response = launch(front, partner)
    address, fields = posts(response)
    assert (address, fields["RelayState"]) == (ACS, "/start?a=1&b=2")
    root = answer(response)
    assert root.get("InResponseTo") is None
    data = root.find(f".//{{{SAML}}}SubjectConfirmationData")
    assert data is not None
    assert data.get("InResponseTo") is None
    assert data.get("Recipient") == ACS


def test_without_relay_state_none_is_sent(front: Front, house: House, key: rsa.RSAPrivateKey) -> None:
    response = launch(front, house.add(Sp(key), idp_initiated=True))
    assert set(posts(response)[1]) == {"SAMLResponse"}


def test_who_is_not_signed_in_is_asked_as_always(front: Front, partner: Partner) -> None:
    response = launch(front, partner, person=False)
    assert response.status_code == 303
    assert response.headers["Location"].startswith("/signin/")


def test_one_factor_is_not_enough_here_either(front: Front, partner: Partner) -> None:
    browser = front.browser(front.person(), "password")
    response = front.get(browser, f"/saml/launch/{partner.id}")
    assert response.status_code == 303


@pytest.mark.parametrize("other", ["nobody", "off", "not-allowed"])
def test_case_22_only_applications_that_are_on_and_allow_it_are_started(
    front: Front, house: House, key: rsa.RSAPrivateKey, other: str
) -> None:
    partner = house.add(Sp(key), idp_initiated=other != "not-allowed")
    if other == "off":
        house.save(replace(partner, enabled=False))
    response = launch(front, replace(partner, id="nobody") if other == "nobody" else partner)
    assert response.status_code == 400
    assert "SAMLResponse" not in response.text


def test_nothing_from_the_link_reaches_the_application(front: Front, partner: Partner) -> None:
    browser = front.browser(front.person())
    query = "RelayState=https://evil.example&AssertionConsumerServiceURL=https://evil.example"
    response = front.get(browser, f"/saml/launch/{partner.id}?{query}")
    assert "evil" not in response.text


def tiles(front: Front, browser: FlaskClient) -> list[tuple[str, str]]:
    text = front.get(browser, "/").text
    return re.findall('(?s)<a class="offer" href="([^"]*)">.*?<bdi>([^<]*)</bdi>', text)


def test_the_home_page_lists_what_may_be_opened(front: Front, house: House, key: rsa.RSAPrivateKey) -> None:
    ada, bob = front.person(), front.person("bob")
    shown = house.add(Sp(key), idp_initiated=True)
    house.add(Sp(key, entity_id="https://second.example/m"))
    for_bob = house.add(Sp(key, entity_id="https://third.example/m"), idp_initiated=True)
    house.save(replace(for_bob, name="<Bob's>", access=AccessPolicy(people=("bob",))))
    off = house.add(Sp(key, entity_id="https://fourth.example/m"), idp_initiated=True)
    house.save(replace(off, enabled=False))
    first = (f"/saml/launch/{shown.id}", "Expenses")
    assert tiles(front, front.browser(ada)) == [first]
    assert [name for _, name in tiles(front, front.browser(bob))] == ["&lt;Bob&#39;s&gt;", "Expenses"]
    assert tiles(front, front.browser()) == []
    page = front.get(front.browser(ada), "/").text
    assert "ada" in page
    assert 'action="/signout"' in page


def test_a_rule_that_denies_takes_it_off_the_list(front: Front, partner: Partner, house: House) -> None:
    ada = front.person()
    assert len(tiles(front, front.browser(ada))) == 1
    house.save(replace(partner, access=AccessPolicy(groups=("nobody",))))
    assert tiles(front, front.browser(ada)) == []


# One-time addresses -------------------------------------------------------------------------------
def test_head_uses_nothing_up(front: Front, partner: Partner, house: House) -> None:
    browser = front.browser(front.person())
    now = house.clock.now()
    path = "/saml/sso?" + query(authn_request(now))
    arrival = front.post(browser, "/saml/sso", posted(authn_request(now))).headers["Location"]
    for address in (path, arrival, f"/saml/launch/{partner.id}"):
        head = browser.head(address, base_url="https://id.example")
        assert (head.status_code, head.data) == (200, b"")
        assert posts(front.get(browser, address))[0] == ACS


def test_a_sign_in_opened_again_offers_the_way_back(front: Front, partner: Partner, house: House) -> None:
    browser = front.browser(front.person())
    arrival = front.post(browser, "/saml/sso", posted(authn_request(house.clock.now()))).headers["Location"]
    assert posts(front.get(browser, arrival))[0] == ACS
    again = front.get(browser, arrival)
    assert again.status_code == 410
    assert "This page was already used" in again.text

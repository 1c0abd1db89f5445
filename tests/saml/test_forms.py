"""AuthnRequests that no schema, binding or sense allows are refused."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote_plus

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from idp.core.errors import BadMessage
from idp.saml.contexts import REFEDS_MFA
from idp.saml.gate import LONGEST_RELAY_STATE
from tests.saml.asking import arrive, context, refuse
from tests.saml.house import House
from tests.saml.sp import authn_request, posted, query


@pytest.mark.parametrize(
    "changed",
    [
        {"Version": "1.1"},
        {"Version": None},
        {"ID": None},
        {"ID": "1starts-with-a-digit"},
        {"ID": "x" * 257},
        {"IssueInstant": None},
        {"ForceAuthn": "perhaps"},
        {"inner": "<samlp:Unknown/>"},
        {"inner": context("stronger", REFEDS_MFA)},
        {"inner": "text"},
    ],
)
def test_what_the_schema_or_the_protocol_forbids_is_refused(
    open_house: House, changed: dict[str, Any]
) -> None:
    refuse(open_house, **changed)


@pytest.mark.parametrize(
    "inner",
    [
        "<!-- a comment -->",
        "<?processing instruction?>",
    ],
)
def test_case_13_comments_and_instructions_are_refused(open_house: House, inner: str) -> None:
    refuse(open_house, inner=inner)
    refuse(open_house, issuer=f"https://sp.example/metadata{inner}.evil.example")


def test_case_13_elements_inside_text_are_refused(open_house: House) -> None:
    refuse(open_house, issuer="https://sp.example/metadata<x/>.evil.example")
    refuse(open_house, inner="<saml:Subject><saml:NameID>ada<x>@</x>example.com</saml:NameID></saml:Subject>")


def test_case_05_a_doctype_is_refused(open_house: House) -> None:
    xml = '<!DOCTYPE x [<!ENTITY e "v">]>' + authn_request(open_house.clock.now())
    for attempt in (
        lambda: open_house.inbound.by_redirect(query(xml)),
        lambda: open_house.inbound.by_post(posted(xml)),
    ):
        with pytest.raises(BadMessage):
            attempt()


def test_relay_state_is_bounded(open_house: House) -> None:
    assert arrive(open_house, relay_state="x" * LONGEST_RELAY_STATE).request
    assert "RelayState" in refuse(open_house, relay_state="x" * (LONGEST_RELAY_STATE + 1))
    assert "RelayState" in refuse(open_house, relay_state="é" * LONGEST_RELAY_STATE)


def test_case_16_what_looks_like_our_answer_stays_text(open_house: House) -> None:
    state = "x&SAMLResponse=evil"
    assert arrive(open_house, relay_state=state).request.echo["relay_state"] == state


@pytest.mark.parametrize("name", ["SAMLResponse", "samlrequest", "Samlrequest"])
def test_case_14_another_parameter_name_is_refused(open_house: House, name: str) -> None:
    with pytest.raises(BadMessage):
        open_house.inbound.by_redirect(query(authn_request(open_house.clock.now()), name=name))
    with pytest.raises(BadMessage):
        open_house.inbound.by_post({name: posted(authn_request(open_house.clock.now()))["SAMLRequest"]})


def test_case_14_two_requests_in_one_query_are_refused(strict_house: House, key: rsa.RSAPrivateKey) -> None:
    now = strict_house.clock.now()
    good, evil = query(authn_request(now), key=key), query(authn_request(now, ForceAuthn="0"))
    for raw in (
        f"{evil}&{good}",
        f"{good}&{evil}",
        f"{good}&{evil.replace('SAMLRequest', '%53AMLRequest')}",
        f"{good}&{evil.replace('SAMLRequest', 'SAMLRequest[]')}",
        f"{good}&{evil.replace('SAMLRequest', ' SAMLRequest')}",
        f"{good}&{evil.replace('SAMLRequest', 'SAMLResponse')}",
    ):
        with pytest.raises(BadMessage):
            strict_house.inbound.by_redirect(raw)


def test_case_02_post_does_not_inflate(open_house: House) -> None:
    raw = query(authn_request(open_house.clock.now()))
    with pytest.raises(BadMessage):
        open_house.inbound.by_post({"SAMLRequest": base64.b64encode(raw.encode()).decode()})


def test_redirect_takes_no_plain_base64(open_house: House) -> None:
    plain = base64.b64encode(authn_request(open_house.clock.now()).encode()).decode()
    with pytest.raises(BadMessage):
        open_house.inbound.by_redirect(f"SAMLRequest={quote_plus(plain)}")


def test_another_message_at_this_address_is_refused(open_house: House) -> None:
    xml = authn_request(open_house.clock.now()).replace("AuthnRequest", "LogoutRequest")
    with pytest.raises(BadMessage):
        open_house.inbound.by_redirect(query(xml))

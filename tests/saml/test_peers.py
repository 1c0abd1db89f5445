"""Real service provider libraries: their metadata imported, their requests read, our answers accepted."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from onelogin.saml2.auth import OneLogin_Saml2_Auth
from onelogin.saml2.idp_metadata_parser import OneLogin_Saml2_IdPMetadataParser
from onelogin.saml2.settings import OneLogin_Saml2_Settings
from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT, saml
from saml2.authn_context import requested_authn_context
from saml2.client import Saml2Client
from saml2.config import SPConfig
from saml2.metadata import entity_descriptor
from saml2.response import StatusNoPassive

from idp.core.clock import SystemClock
from idp.core.errors import Denied, Reason
from idp.core.model import Grant, Reply
from idp.saml.contexts import REFEDS_MFA
from idp.store import revisioned
from tests import peers
from tests.saml.asking import asked_by, heard_by
from tests.saml.house import BASE, ENTITY, House, build
from tests.saml.sp import Sp

APP = "https://app.example"
UID = "urn:oid:0.9.2342.19200300.100.1.1"


@pytest.fixture
def house(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """Return the room by the machine's clock, which the peers look at too."""
    monkeypatch.setattr(revisioned, "CHECK_EVERY", 0.0)
    built = build(prepared, tmp_path / "data", SystemClock())
    yield built
    built.store.dispose()


def grant(house: House, raw_query: str, **changed: Any) -> Grant:
    arrival = house.inbound.by_redirect(raw_query)
    assert arrival.denied is None
    return house.grant(arrival.request, **changed)


def fields(reply: Reply) -> dict[str, str]:
    assert reply.fields is not None
    return dict(reply.fields)


# pysaml2 -----------------------------------------------------------------------------------------
@pytest.fixture
def pysaml2(house: House, key: rsa.RSAPrivateKey, tmp_path: Path) -> Saml2Client:
    """Return pysaml2's service provider, which knows us and is known to us, and signs everything."""
    sp = Sp(key)
    (tmp_path / "sp.key").write_text(sp.key_pem)
    (tmp_path / "sp.crt").write_text(sp.pem)
    config = SPConfig().load(
        {
            "entityid": f"{APP}/sp.xml",
            "xmlsec_binary": str(peers.require("xmlsec1")),
            "key_file": str(tmp_path / "sp.key"),
            "cert_file": str(tmp_path / "sp.crt"),
            "metadata": {"inline": [house.metadata.document().body.decode()]},
            "service": {
                "sp": {
                    "endpoints": {
                        "assertion_consumer_service": [(f"{APP}/acs", BINDING_HTTP_POST)],
                        "single_logout_service": [(f"{APP}/slo", BINDING_HTTP_REDIRECT)],
                    },
                    "authn_requests_signed": True,
                    "logout_requests_signed": True,
                    "logout_responses_signed": True,
                    "want_assertions_signed": True,
                    "signing_algorithm": "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
                    "digest_algorithm": "http://www.w3.org/2001/04/xmlenc#sha256",
                }
            },
        }
    )
    # By its defaults it wants the Response signed too, which metadata cannot say.
    house.add_metadata(str(entity_descriptor(config)).encode(), sign_response=True)
    return Saml2Client(config=config)


def asks(client: Saml2Client, **arguments: Any) -> tuple[str, str]:
    """Return the ID of pysaml2's request and its query."""
    asked, info = client.prepare_for_authenticate(
        entityid=ENTITY, relay_state="/deep link?x=1", binding=BINDING_HTTP_REDIRECT, **arguments
    )
    location = dict(info["headers"])["Location"]
    assert location.startswith(f"{BASE}/saml/sso?")
    return asked, urlsplit(location).query


def test_pysaml2_accepts_our_answer(house: House, pysaml2: Saml2Client) -> None:
    asked, raw = asks(pysaml2, requested_authn_context=requested_authn_context(REFEDS_MFA))
    granted = grant(house, raw)
    assert granted.request.echo["relay_state"] == "/deep link?x=1"
    response = pysaml2.parse_authn_request_response(
        fields(house.door.answer(granted))["SAMLResponse"], BINDING_HTTP_POST, outstanding={asked: "/"}
    )
    assert response.name_id.text == granted.subject.value
    assert response.ava == {"uid": ["ada"], "mail": ["ada@example.com"], "displayName": ["Ada Lovelace"]}
    assert response.session_id() == asked
    assert response.authn_info()[0][0] == REFEDS_MFA


def test_pysaml2_understands_our_denial(house: House, pysaml2: Saml2Client) -> None:
    asked, raw = asks(pysaml2, is_passive="true")
    arrival = house.inbound.by_redirect(raw)
    assert arrival.request.silent
    reply = house.door.deny(arrival.request, Denied("A sign-in is needed.", reason=Reason.LOGIN_REQUIRED))
    with pytest.raises(StatusNoPassive):
        pysaml2.parse_authn_request_response(
            fields(reply)["SAMLResponse"], BINDING_HTTP_POST, outstanding={asked: "/"}
        )


def test_pysaml2_signs_out_and_is_signed_out(house: House, pysaml2: Saml2Client) -> None:
    partner = house.partners.find("saml", f"{APP}/sp.xml")
    assert partner is not None
    participant, _ = house.participant(partner)
    # It asks us,
    name = saml.NameID(format=saml.NAMEID_FORMAT_PERSISTENT, text=participant.subject.value)
    asked, request = pysaml2.create_logout_request(
        f"{BASE}/saml/slo", ENTITY, name_id=name, session_indexes=[participant.id], sign=False
    )
    info = pysaml2.apply_binding(
        BINDING_HTTP_REDIRECT,
        str(request),
        f"{BASE}/saml/slo",
        sign=True,
        sigalg="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    )
    heard = asked_by(house, urlsplit(dict(info["headers"])["Location"]).query)
    assert heard.participants == (participant,)
    answer = house.door.signed_out(heard.finish, complete=True)
    message = parameters(answer.address)["SAMLResponse"]
    assert pysaml2.parse_logout_request_response(message, BINDING_HTTP_REDIRECT).in_response_to == asked
    # and we ask it.
    ending = house.door.end(participant, chain="chain")
    assert ending.reply is not None
    ours = pysaml2.parse_logout_request(
        parameters(ending.reply.address)["SAMLRequest"], BINDING_HTTP_REDIRECT
    )
    assert ours.message.session_index[0].text == participant.id
    back = pysaml2.create_logout_response(ours.message, [BINDING_HTTP_REDIRECT], sign=False)
    info = pysaml2.apply_binding(
        BINDING_HTTP_REDIRECT,
        str(back),
        f"{BASE}/saml/slo",
        response=True,
        sign=True,
        sigalg="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    )
    assert heard_by(house, urlsplit(dict(info["headers"])["Location"]).query).ok


# python3-saml ------------------------------------------------------------------------------------
@pytest.fixture
def onelogin(house: House, key: rsa.RSAPrivateKey) -> dict[str, Any]:
    """Return settings of python3-saml, strict and signing, read from our metadata."""
    sp = Sp(key)
    ours = OneLogin_Saml2_IdPMetadataParser.parse(house.metadata.document().body.decode())
    settings: dict[str, Any] = {
        "strict": True,
        "sp": {
            "entityId": f"{APP}/metadata/",
            "assertionConsumerService": {"url": f"{APP}/acs"},
            "singleLogoutService": {"url": f"{APP}/sls"},
            "x509cert": sp.pem,
            "privateKey": sp.key_pem,
        },
        "idp": ours["idp"],
        "security": {
            "authnRequestsSigned": True,
            "logoutRequestSigned": True,
            "logoutResponseSigned": True,
            "wantAssertionsSigned": True,
            "wantNameId": True,
            "failOnAuthnContextMismatch": True,
            "signatureAlgorithm": "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            "digestAlgorithm": "http://www.w3.org/2001/04/xmlenc#sha256",
            "rejectDeprecatedAlgorithm": True,
        },
    }
    house.add_metadata(OneLogin_Saml2_Settings(settings, sp_validation_only=True).get_sp_metadata())
    return settings


def parameters(address: str) -> dict[str, str]:
    """Return the single parameters of an address."""
    return dict(parse_qsl(urlsplit(address).query, keep_blank_values=True))


def visitor(settings: dict[str, Any], path: str, **data: Any) -> OneLogin_Saml2_Auth:
    """Return python3-saml's view of one HTTP request to the application."""
    return OneLogin_Saml2_Auth(
        {
            "https": "on",
            "http_host": "app.example",
            "script_name": path,
            "get_data": {},
            "post_data": {},
            **data,
        },
        settings,
    )


def test_python3_saml_accepts_our_answer(house: House, onelogin: dict[str, Any]) -> None:
    leaving = visitor(onelogin, "/")
    location = leaving.login(return_to=f"{APP}/deep?x=1&y= z")
    assert location.startswith(f"{BASE}/saml/sso?")
    granted = grant(house, urlsplit(location).query)
    # By default it demands exactly PasswordProtectedTransport, and checks it.
    back = visitor(onelogin, "/acs", post_data=fields(house.door.answer(granted)))
    back.process_response(request_id=leaving.get_last_request_id())
    assert (back.get_errors(), back.get_last_error_reason()) == ([], None)
    assert back.is_authenticated()
    assert back.get_nameid() == granted.subject.value
    assert back.get_attribute(UID) == ["ada"]
    assert back.get_friendlyname_attribute("mail") == ["ada@example.com"]
    assert back.get_session_index() == granted.participant


def test_python3_saml_refuses_an_answer_that_was_touched(house: House, onelogin: dict[str, Any]) -> None:
    leaving = visitor(onelogin, "/")
    granted = grant(house, urlsplit(leaving.login()).query)
    posted = fields(house.door.answer(granted))
    xml = base64.b64decode(posted["SAMLResponse"]).replace(b">ada<", b">bob<")
    back = visitor(onelogin, "/acs", post_data={**posted, "SAMLResponse": base64.b64encode(xml).decode()})
    back.process_response(request_id=leaving.get_last_request_id())
    assert not back.is_authenticated()


def test_python3_saml_understands_our_denial(house: House, onelogin: dict[str, Any]) -> None:
    leaving = visitor(onelogin, "/")
    arrival = house.inbound.by_redirect(urlsplit(leaving.login(is_passive=True)).query)
    assert arrival.request.silent
    reply = house.door.deny(arrival.request, Denied("A sign-in is needed.", reason=Reason.LOGIN_REQUIRED))
    back = visitor(onelogin, "/acs", post_data=fields(reply))
    back.process_response(request_id=leaving.get_last_request_id())
    assert "sign-in is needed" in (back.get_last_error_reason() or "")


def test_python3_saml_signs_out_and_is_signed_out(house: House, onelogin: dict[str, Any]) -> None:
    partner = house.partners.find("saml", f"{APP}/metadata/")
    assert partner is not None
    participant, _ = house.participant(partner)
    # It asks us,
    leaving = visitor(onelogin, "/logout")
    location = leaving.logout(name_id=participant.subject.value, session_index=participant.id)
    heard = asked_by(house, urlsplit(location).query)
    assert heard.participants == (participant,)
    answer = house.door.signed_out(heard.finish, complete=True)
    back = visitor(
        onelogin, "/sls", get_data=parameters(answer.address), query_string=urlsplit(answer.address).query
    )
    back.process_slo(request_id=leaving.get_last_request_id(), keep_local_session=True)
    assert (back.get_errors(), back.get_last_error_reason()) == ([], None)
    # and we ask it.
    ending = house.door.end(participant, chain="chain")
    assert ending.reply is not None
    told = ending.reply.address
    asked = visitor(onelogin, "/sls", get_data=parameters(told), query_string=urlsplit(told).query)
    location = asked.process_slo(keep_local_session=True)
    assert asked.get_errors() == []
    assert heard_by(house, urlsplit(location).query).ok

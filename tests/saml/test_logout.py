"""Single logout: who may end whose session, what partners are told, and whose answers count."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree

from idp import signedxml
from idp.core.errors import BadMessage
from idp.core.ids import new_id
from idp.core.model import Participant, Partner, Reply, Subject, SubjectForm, Visit
from idp.core.ports import Ending
from tests.saml.asking import asked_by, heard_by
from tests.saml.house import ENTITY, House
from tests.saml.sp import NAMES, SAML, SAMLP, Sp, logout_request, query

SP = "https://sp.example/metadata"
OTHER = "https://other.example/metadata"
PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
UNSPECIFIED = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
NS = {"saml": SAML, "samlp": SAMLP}
STATUS = "urn:oasis:names:tc:SAML:2.0:status:"
NAME = (
    f'<saml:NameID Format="{PERSISTENT}" NameQualifier="{ENTITY}" SPNameQualifier="{SP}">'
    "pairwise-person-1</saml:NameID>"
)
BARE_NAME = "<saml:NameID>pairwise-person-1</saml:NameID>"


@pytest.fixture
def partner(house: House, key: rsa.RSAPrivateKey) -> Partner:
    return house.add(Sp(key))


@pytest.fixture
def session(house: House, partner: Partner) -> tuple[Participant, Visit]:
    return house.participant(partner)


def certificate(house: House) -> str:
    return house.keys.signer("default", "RS256").certificate


def sent(house: House, reply: Reply | None, name: str, to: str) -> tuple[etree._Element, str | None]:
    """Return the message and RelayState of a reply by Redirect, after checking its signature."""
    assert reply is not None
    assert reply.fields is None
    assert reply.address.startswith(to)
    raw = urlsplit(reply.address).query
    found = signedxml.read_query(raw, message=name)  # type: ignore[arg-type]
    signedxml.verify_query(found, certificates=[certificate(house)])
    root = signedxml.parse_message(signedxml.decode_redirect(found.message))
    signedxml.validate(root)
    return root, found.relay_state


# A partner asks ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "name", [NAME, BARE_NAME, f'<saml:NameID Format="{UNSPECIFIED}">pairwise-person-1</saml:NameID>']
)
def test_a_partner_ends_the_session_it_knows(
    house: House, session: tuple[Participant, Visit], key: rsa.RSAPrivateKey, name: str
) -> None:
    participant, _ = session
    xml = logout_request(house.clock.now(), ID="_bye", name_id=name, index=participant.id)
    asked = asked_by(house, query(xml, key=key, relay_state="x"))
    assert asked.participants == (participant,)
    assert asked.finish_door == "saml"
    assert asked.finish == {"partner": participant.partner, "id": "_bye", "relay_state": "x"}


def test_another_browser_may_bring_the_request(
    house: House, session: tuple[Participant, Visit], key: rsa.RSAPrivateKey
) -> None:
    xml = logout_request(house.clock.now(), name_id=NAME, index=session[0].id)
    assert asked_by(house, query(xml, key=key)).participants == (session[0],)


def test_without_an_index_every_session_of_that_name_is_meant(
    house: House, partner: Partner, session: tuple[Participant, Visit], key: rsa.RSAPrivateKey
) -> None:
    first, (second, _), _ = (
        session[0],
        house.participant(partner),
        house.participant(partner, person="person-2"),
    )
    for name in (NAME, BARE_NAME):
        asked = asked_by(house, query(logout_request(house.clock.now(), name_id=name), key=key))
        assert {each.id for each in asked.participants} == {first.id, second.id}
    # What ended is not ended again.
    with house.store.write() as unit:
        house.sessions.leave(unit, first.id, house.clock.now())
    asked = asked_by(house, query(logout_request(house.clock.now(), name_id=NAME), key=key))
    assert [each.id for each in asked.participants] == [second.id]


def test_case_19_an_unsigned_or_badly_signed_request_ends_nothing(
    house: House, session: tuple[Participant, Visit], key: rsa.RSAPrivateKey, other_key: rsa.RSAPrivateKey
) -> None:
    participant, _ = session
    xml = logout_request(house.clock.now(), name_id=NAME, index=participant.id)
    signed = query(xml, key=key)
    for raw in (
        query(xml),
        query(xml, key=other_key),
        re.sub("&Signature=.*", "&Signature=Z2FyYmFnZQ%3D%3D", signed),
        re.sub("&Signature=.*", "", signed),
        query(xml, key=key, sig_alg="http://www.w3.org/2000/09/xmldsig#rsa-sha1"),
    ):
        with pytest.raises(BadMessage):
            asked_by(house, raw)
    assert house.lives(participant)


@pytest.mark.parametrize(
    "name",
    [
        NAME.replace("person-1", "person-2"),
        NAME.replace(SP, OTHER),
        NAME.replace(ENTITY, OTHER),
        NAME.replace("persistent", "transient"),
        "<saml:NameID/>",
    ],
)
def test_case_19_another_persons_name_ends_nothing(
    house: House, session: tuple[Participant, Visit], key: rsa.RSAPrivateKey, name: str
) -> None:
    participant, _ = session
    xml = logout_request(house.clock.now(), name_id=name, index=participant.id)
    asked = asked_by(house, query(xml, key=key))
    assert asked.participants == ()
    assert house.lives(participant)


def test_case_19_another_partners_session_is_not_ended(
    house: House, session: tuple[Participant, Visit], key: rsa.RSAPrivateKey, other_key: rsa.RSAPrivateKey
) -> None:
    participant, _ = session
    house.add(Sp(other_key, entity_id=OTHER))
    for name in (NAME, BARE_NAME):
        xml = logout_request(house.clock.now(), name_id=name, index=participant.id, issuer=OTHER)
        assert asked_by(house, query(xml, key=other_key)).participants == ()
    assert house.lives(participant)


@pytest.mark.parametrize("index", ["", "unknown", "i" * 3000])
def test_case_19_an_unknown_index_ends_nothing(
    house: House, session: tuple[Participant, Visit], key: rsa.RSAPrivateKey, index: str
) -> None:
    xml = logout_request(house.clock.now(), name_id=NAME, index=index)
    assert asked_by(house, query(xml, key=key)).participants == ()


def test_of_several_indexes_those_that_are_its_own_are_meant(
    house: House,
    partner: Partner,
    session: tuple[Participant, Visit],
    key: rsa.RSAPrivateKey,
    other_key: rsa.RSAPrivateKey,
) -> None:
    second, _ = house.participant(partner)
    stranger, _ = house.participant(house.add(Sp(other_key, entity_id=OTHER)))
    xml = logout_request(house.clock.now(), name_id=NAME, index=session[0].id)
    more = "".join(
        f"<samlp:SessionIndex>{index}</samlp:SessionIndex>" for index in (second.id, "x", stranger.id)
    )
    asked = asked_by(
        house, query(xml.replace("</samlp:LogoutRequest>", more + "</samlp:LogoutRequest>"), key=key)
    )
    assert {each.id for each in asked.participants} == {session[0].id, second.id}


def test_case_20_an_old_or_repeated_request_is_refused(
    house: House, session: tuple[Participant, Visit], key: rsa.RSAPrivateKey
) -> None:
    now = house.clock.now()
    for changed in (
        {"IssueInstant": f"{now - timedelta(days=4):%Y-%m-%dT%H:%M:%SZ}"},
        {"NotOnOrAfter": f"{now:%Y-%m-%dT%H:%M:%SZ}"},
        {"Destination": "https://id.example/saml/sso"},
        {"Destination": None},
    ):
        xml = logout_request(now, name_id=NAME, index=session[0].id, **changed)
        with pytest.raises(BadMessage):
            asked_by(house, query(xml, key=key))
    fine = logout_request(now, name_id=NAME, index=session[0].id, NotOnOrAfter="2026-03-01T12:00:01Z")
    asked_by(house, query(fine, key=key))
    with pytest.raises(BadMessage):
        asked_by(house, query(fine, key=key))


def test_a_partner_that_cannot_be_answered_ends_on_our_own_page(house: House, key: rsa.RSAPrivateKey) -> None:
    metadata = re.sub(b"<md:SingleLogoutService[^>]*/>", b"", Sp(key).metadata())
    participant, _ = house.participant(house.add_metadata(metadata))
    xml = logout_request(house.clock.now(), name_id=NAME, index=participant.id)
    asked = asked_by(house, query(xml, key=key))
    assert (asked.participants, asked.finish_door) == ((participant,), "")


@pytest.mark.parametrize(
    ("complete", "unknown", "codes"),
    [
        (True, False, ["Success"]),
        (False, False, ["Success", "PartialLogout"]),
        (False, True, ["Requester", "UnknownPrincipal"]),
    ],
)
def test_the_answer_says_how_it_went(
    house: House, partner: Partner, complete: bool, unknown: bool, codes: list[str]
) -> None:
    finish = {"partner": partner.id, "id": "_bye", "relay_state": "back?"} | (
        {"unknown": "1"} if unknown else {}
    )
    root, state = sent(
        house, house.door.signed_out(finish, complete=complete), "SAMLResponse", "https://sp.example/slo?"
    )
    assert (root.get("InResponseTo"), root.get("Destination"), state) == (
        "_bye",
        "https://sp.example/slo",
        "back?",
    )
    assert [code.get("Value") for code in root.iter(f"{{{SAMLP}}}StatusCode")] == [
        STATUS + code for code in codes
    ]


def test_the_answer_goes_to_the_response_location(house: House, key: rsa.RSAPrivateKey) -> None:
    metadata = Sp(key).metadata().replace(b'/slo"', b'/slo" ResponseLocation="https://sp.example/done?x=1"')
    partner = house.add_metadata(metadata)
    reply = house.door.signed_out({"partner": partner.id, "id": "_bye"}, complete=True)
    root, state = sent(house, reply, "SAMLResponse", "https://sp.example/done?x=1&SAMLResponse=")
    assert (root.get("Destination"), state) == ("https://sp.example/done?x=1", None)


def test_a_partner_that_is_gone_is_not_answered(house: House) -> None:
    with pytest.raises(BadMessage):
        house.door.signed_out({"partner": "nobody", "id": "_bye"}, complete=True)


# We ask ------------------------------------------------------------------------------------------
def test_a_partner_is_told_with_the_names_it_knows(house: House, session: tuple[Participant, Visit]) -> None:
    participant, _ = session
    ending = house.door.end(participant, chain="the chain")
    assert ending.supported
    root, state = sent(house, ending.reply, "SAMLRequest", "https://sp.example/slo?")
    assert state is None
    assert root.findtext("samlp:SessionIndex", namespaces=NS) == participant.id
    name = root.find("saml:NameID", NS)
    assert name is not None
    assert name.text == "pairwise-person-1"
    assert dict(name.attrib) == {"Format": PERSISTENT, "NameQualifier": ENTITY, "SPNameQualifier": SP}
    assert "the chain" not in etree.tostring(root).decode()


def test_a_partner_without_an_endpoint_cannot_be_told(house: House, key: rsa.RSAPrivateKey) -> None:
    metadata = re.sub(b"<md:SingleLogoutService[^>]*/>", b"", Sp(key).metadata())
    participant, _ = house.participant(house.add_metadata(metadata))
    assert house.door.end(participant, chain="c") == Ending(supported=False)
    assert house.door.end(replace(participant, partner="gone"), chain="c") == Ending(supported=False)


def told(house: House, participant: Participant, chain: str = "chain-1") -> str:
    """Tell a partner; return the ID of the request."""
    reply = house.door.end(participant, chain=chain).reply
    root, _ = sent(house, reply, "SAMLRequest", "https://sp.example/slo?")
    return root.get("ID", "")


def logout_response(
    house: House, asked: str, *codes: str, issuer: str = SP, destination: str = "https://id.example/saml/slo"
) -> str:
    status = "".join(f'<samlp:StatusCode Value="{STATUS}{code}">' for code in codes)
    return (
        f'<samlp:LogoutResponse {NAMES} ID="{new_id()}" Version="2.0" InResponseTo="{asked}" '
        f'IssueInstant="{house.clock.now():%Y-%m-%dT%H:%M:%SZ}" Destination="{destination}">'
        f"<saml:Issuer>{issuer}</saml:Issuer><samlp:Status>{status}{'</samlp:StatusCode>' * len(codes)}"
        "</samlp:Status></samlp:LogoutResponse>"
    )


@pytest.mark.parametrize(
    ("codes", "ok"),
    [
        (["Success"], True),
        (["Success", "PartialLogout"], False),
        (["Responder"], False),
        (["Requester", "UnknownPrincipal"], False),
    ],
)
def test_a_partners_answer_is_heard_once(
    house: House, session: tuple[Participant, Visit], key: rsa.RSAPrivateKey, codes: list[str], ok: bool
) -> None:
    asked = told(house, session[0])
    heard = heard_by(house, query(logout_response(house, asked, *codes), key=key, name="SAMLResponse"))
    assert (heard.chain, heard.partner, heard.ok) == ("chain-1", session[0].partner, ok)
    with pytest.raises(BadMessage):
        heard_by(house, query(logout_response(house, asked, *codes), key=key, name="SAMLResponse"))


def test_an_answer_nobody_waits_for_is_refused(
    house: House, session: tuple[Participant, Visit], key: rsa.RSAPrivateKey
) -> None:
    for asked in ("", "_unknown", "x" * 1000):
        with pytest.raises(BadMessage):
            heard_by(house, query(logout_response(house, asked, "Success"), key=key, name="SAMLResponse"))


def test_case_19_an_unsigned_answer_is_refused_and_the_true_one_still_counts(
    house: House, session: tuple[Participant, Visit], key: rsa.RSAPrivateKey, other_key: rsa.RSAPrivateKey
) -> None:
    house.add(Sp(other_key, entity_id=OTHER))
    asked = told(house, session[0])
    xml = logout_response(house, asked, "Success")
    for raw in (
        query(xml, name="SAMLResponse"),
        query(xml, name="SAMLResponse", key=other_key),
        query(logout_response(house, asked, "Success", issuer=OTHER), name="SAMLResponse", key=other_key),
        query(
            logout_response(house, asked, "Success", destination="https://evil.example"),
            name="SAMLResponse",
            key=key,
        ),
        query(xml, key=key),  # under the name of a request
    ):
        with pytest.raises(BadMessage):
            heard_by(house, raw)
    assert heard_by(house, query(xml, key=key, name="SAMLResponse")).ok


def test_an_email_subject_is_told_without_qualifiers(house: House, partner: Partner) -> None:
    subject = Subject(value="ada@example.com", form=SubjectForm.EMAIL)
    participant, _ = house.participant(partner, subject=subject)
    root, _ = sent(
        house, house.door.end(participant, chain="c").reply, "SAMLRequest", "https://sp.example/slo?"
    )
    name = root.find("saml:NameID", NS)
    assert name is not None
    assert dict(name.attrib) == {"Format": "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"}


def test_our_messages_carry_nothing_but_what_the_binding_names(
    house: House, session: tuple[Participant, Visit]
) -> None:
    reply = house.door.end(session[0], chain="c").reply
    assert reply is not None
    assert set(parse_qs(urlsplit(reply.address).query)) == {"SAMLRequest", "SigAlg", "Signature"}

"""SAML through the front door: addresses, cookies, pages, and what never happens there."""

from __future__ import annotations

import base64
import time
import tracemalloc
import zlib
from urllib.parse import quote, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from idp import signedxml
from idp.audit import AuditLog, Filter
from idp.core.model import Partner, Person
from tests.saml.front import Front, answer, build_front, posts
from tests.saml.house import House
from tests.saml.sp import SAML, SAMLP, Sp, authn_request, deflated, logout_request, posted, query

ACS = "https://sp.example/acs"
NS = {"saml": SAML, "samlp": SAMLP}
STATUS = "urn:oasis:names:tc:SAML:2.0:status:"
OTHER = "https://other.example/metadata"
ASSERTION = f"{{{SAML}}}Assertion"


@pytest.fixture
def partner(house: House, key: rsa.RSAPrivateKey) -> Partner:
    return house.add(Sp(key))


@pytest.fixture
def front(house: House, partner: Partner) -> Front:
    return build_front(house)


@pytest.fixture
def ada(front: Front) -> Person:
    return front.person()


def request(front: Front, **changed: str | None) -> str:
    return authn_request(front.house.clock.now(), **changed)


def codes(root: object) -> list[str]:
    return [code.get("Value").removeprefix(STATUS) for code in root.iter(f"{{{SAMLP}}}StatusCode")]  # type: ignore[attr-defined]


# Signing in --------------------------------------------------------------------------------------
def test_a_live_session_is_answered_at_once(front: Front, ada: Person) -> None:
    response = front.sso(front.browser(ada), query(request(front, ID="_q"), relay_state="back"))
    address, fields = posts(response)
    assert (address, fields["RelayState"]) == (ACS, "back")
    root = answer(response)
    signedxml.validate(root)
    signedxml.verify(
        root, tag=ASSERTION, certificates=[front.house.keys.signer("default", "RS256").certificate]
    )
    assert root.get("InResponseTo") == "_q"
    values = [element.text for element in root.iter(f"{{{SAML}}}AttributeValue")]
    assert values == ["ada", "ada@example.com", "Ada Lovelace"]
    assert "form-action 'self' https://sp.example" in response.headers["Content-Security-Policy"]
    assert response.headers["Cache-Control"] == "no-store"


def test_the_name_stays_the_same_and_the_session_index_too(front: Front, ada: Person) -> None:
    browser = front.browser(ada)
    first, second = (answer(front.sso(browser, query(request(front)))) for _ in range(2))
    for path in ("saml:Assertion/saml:Subject/saml:NameID", "saml:Assertion/saml:AuthnStatement"):
        one, two = first.find(path, NS), second.find(path, NS)
        assert one is not None
        assert two is not None
        assert (one.text, one.get("SessionIndex")) == (two.text, two.get("SessionIndex"))


def test_nobody_signed_in_is_led_to_the_sign_in(front: Front) -> None:
    response = front.sso(front.browser(), query(request(front)))
    assert response.status_code == 303
    assert urlsplit(response.headers["Location"]).path.startswith("/signin/")


def test_one_factor_is_not_enough(front: Front, ada: Person) -> None:
    response = front.sso(front.browser(ada, "password"), query(request(front)))
    assert response.status_code == 303


def test_the_post_binding_comes_to_the_same_by_a_get(front: Front, ada: Person) -> None:
    browser = front.browser(ada)
    arrived = front.post(browser, "/saml/sso", posted(request(front, ID="_q"), RelayState="back"))
    assert arrived.status_code == 303
    location = arrived.headers["Location"]
    assert location.startswith("/signin/arrive/")
    response = front.get(browser, location)
    assert posts(response)[1]["RelayState"] == "back"
    assert answer(response).get("InResponseTo") == "_q"
    assert front.get(browser, location).status_code == 410


def test_case_25_passive_never_shows_a_page(front: Front, ada: Person) -> None:
    assert codes(answer(front.sso(front.browser(), query(request(front, IsPassive="true"))))) == [
        "Responder",
        "NoPassive",
    ]
    one_factor = front.browser(ada, "password")
    assert codes(answer(front.sso(one_factor, query(request(front, IsPassive="true"))))) == [
        "Responder",
        "NoPassive",
    ]
    assert codes(answer(front.sso(front.browser(ada), query(request(front, IsPassive="true"))))) == [
        "Success"
    ]


def test_case_25_force_asks_again(front: Front, ada: Person) -> None:
    response = front.sso(front.browser(ada), query(request(front, ForceAuthn="true")))
    assert response.status_code == 303


def test_a_request_that_cannot_be_met_is_answered_and_recorded(
    front: Front, ada: Person, partner: Partner
) -> None:
    inner = '<samlp:NameIDPolicy Format="urn:made:up"/>'
    root = answer(front.sso(front.browser(ada), query(request(front, inner=inner))))
    assert codes(root) == ["Requester", "InvalidNameIDPolicy"]
    with front.house.store.read() as connection:
        (entry, *_) = AuditLog.search(connection, Filter(partner=partner.id), limit=5)
    assert (entry.verdict, entry.reason) == ("deny", "subject")


def test_case_22_a_switched_off_partner_gets_an_error_page(
    front: Front, ada: Person, partner: Partner
) -> None:
    front.house.save(
        Partner(**{**{name: getattr(partner, name) for name in Partner.__slots__}, "enabled": False})
    )
    response = front.sso(front.browser(ada), query(request(front)))
    assert response.status_code == 400
    assert "<form method" not in response.text or ACS not in response.text


@pytest.mark.parametrize(
    "changed",
    [{"AssertionConsumerServiceURL": "https://evil.example/acs"}, {"Destination": "https://evil.example"}],
)
def test_case_17_errors_before_trust_stay_on_our_own_page(
    front: Front, ada: Person, changed: dict[str, str]
) -> None:
    response = front.sso(front.browser(ada), query(request(front, **changed)))
    assert response.status_code == 400
    assert "evil.example" not in response.text
    assert "Location" not in response.headers


def test_case_18_relay_state_with_markup_is_escaped(front: Front, ada: Person) -> None:
    evil = "\"><script>alert(1)</script><input name='SAMLResponse' value='x"
    response = front.sso(front.browser(ada), query(request(front), relay_state=evil))
    assert "<script>alert" not in response.text
    assert posts(response)[1]["RelayState"] == evil
    assert response.text.count('name="SAMLResponse"') == 1


@pytest.mark.parametrize("name", ["SAMLRequest", "RelayState"])
def test_case_14_a_field_sent_twice_is_refused(front: Front, name: str) -> None:
    form = [*posted(request(front), RelayState="a").items()]
    again = dict(form)[name]
    assert front.post(front.browser(), "/saml/sso", [*form, (name, again)]).status_code == 400


def test_reloading_the_address_is_explained_not_repeated(front: Front, ada: Person) -> None:
    browser, raw = front.browser(ada), query(request(front))
    posts(front.sso(browser, raw))
    again = front.sso(browser, raw)
    assert again.status_code == 400
    assert "start again" in again.text


# Bombs -------------------------------------------------------------------------------------------
def bomb(megabytes: int) -> bytes:
    compressor = zlib.compressobj(9, wbits=-15)
    chunk = b" " * 1024 * 1024
    return b"".join(compressor.compress(chunk) for _ in range(megabytes)) + compressor.flush()


@pytest.mark.parametrize("binding", ["redirect", "post"])
def test_case_01_02_deflate_bombs_cost_nothing(front: Front, binding: str) -> None:
    packed = base64.b64encode(bomb(100)).decode()
    client = front.browser()
    front.get(client, "/saml/sso")  # what the first request loads is not the bomb's
    tracemalloc.start()
    began = time.process_time()
    if binding == "redirect":
        response = front.sso(client, f"SAMLRequest={quote(packed, safe='')}")
    else:
        response = front.post(client, "/saml/sso", {"SAMLRequest": packed})
    spent, (_, peak) = time.process_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert response.status_code == 400
    assert spent < 0.5
    assert peak < 10 * 1024 * 1024


@pytest.mark.parametrize(
    "inner",
    [
        "<samlp:Extensions>" + "<a>" * 20_000 + "</a>" * 20_000 + "</samlp:Extensions>",
        "<samlp:Extensions><a "
        + " ".join(f"a{number}=''" for number in range(20_000))
        + "/></samlp:Extensions>",
        "<samlp:Extensions>" + "<a/>" * 40_000 + "</samlp:Extensions>",
        "<samlp:Extensions><a>" + "x" * 200_000 + "</a></samlp:Extensions>",
    ],
)
def test_case_03_xml_bombs_cost_bounded_time(front: Front, inner: str) -> None:
    began = time.process_time()
    response = front.sso(front.browser(), query(request(front, inner=inner)))
    assert response.status_code in (303, 400)
    assert time.process_time() - began < 1


def test_a_body_beyond_the_limit_is_refused_unread(front: Front) -> None:
    assert front.post(front.browser(), "/saml/sso", {"SAMLRequest": "A" * 600_000}).status_code == 413


def test_case_04_external_entities_are_refused(front: Front) -> None:
    xml = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + request(front, issuer="&e;")
    for response in (
        front.sso(front.browser(), query(xml)),
        front.post(front.browser(), "/saml/sso", posted(xml)),
    ):
        assert response.status_code == 400
        assert "root:" not in response.text


# Signing out -------------------------------------------------------------------------------------
@pytest.fixture
def other(front: Front, other_key: rsa.RSAPrivateKey) -> Sp:
    sp = Sp(
        other_key,
        entity_id=OTHER,
        base="https://other.example",
        acs=((0, "https://other.example/acs", "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"),),
    )
    front.house.add(sp)
    return sp


def known_as(root: object) -> tuple[str, str]:
    """Return the NameID element and the SessionIndex of an answer."""
    name = root.find("saml:Assertion/saml:Subject/saml:NameID", NS)  # type: ignore[attr-defined]
    statement = root.find("saml:Assertion/saml:AuthnStatement", NS)  # type: ignore[attr-defined]
    return f"<saml:NameID>{name.text}</saml:NameID>", statement.get("SessionIndex")


def test_a_partner_signs_the_person_out_everywhere(
    front: Front, ada: Person, key: rsa.RSAPrivateKey, other: Sp
) -> None:
    browser, now = front.browser(ada), front.house.clock.now()
    name, index = known_as(answer(front.sso(browser, query(request(front)))))
    answer(front.sso(browser, query(request(front, issuer=OTHER))))
    raw = query(logout_request(now, ID="_bye", name_id=name, index=index), key=key, relay_state="r")
    asking = front.get(browser, f"/saml/slo?{raw}")
    # The other partner is told first ...
    address = asking.headers["Location"]
    assert address.startswith("https://other.example/slo?SAMLRequest=")
    told = signedxml.read_query(urlsplit(address).query, message="SAMLRequest")
    asked = signedxml.parse_message(signedxml.decode_redirect(told.message)).get("ID")
    # ... while the session is over already,
    assert front.sso(browser, query(request(front))).status_code == 303
    # and when it has answered, the one who asked is answered.
    done = (
        f'<samlp:LogoutResponse xmlns:samlp="{SAMLP}" xmlns:saml="{SAML}" ID="_done" Version="2.0" '
        f'InResponseTo="{asked}" IssueInstant="{now:%Y-%m-%dT%H:%M:%SZ}" Destination="https://id.example/saml/slo">'
        f"<saml:Issuer>{OTHER}</saml:Issuer><samlp:Status>"
        f'<samlp:StatusCode Value="{STATUS}Success"/></samlp:Status></samlp:LogoutResponse>'
    )
    heard = front.get(browser, f"/saml/slo?{query(done, key=other.key, name='SAMLResponse')}")
    last = heard.headers["Location"]
    assert last.startswith("https://sp.example/slo?SAMLResponse=")
    found = signedxml.read_query(urlsplit(last).query, message="SAMLResponse")
    root = signedxml.parse_message(signedxml.decode_redirect(found.message))
    assert (found.relay_state, root.get("InResponseTo"), codes(root)) == ("r", "_bye", ["Success"])


def test_case_19_a_bad_logout_request_leaves_the_session(
    front: Front, ada: Person, key: rsa.RSAPrivateKey, other: Sp
) -> None:
    browser, now = front.browser(ada), front.house.clock.now()
    name, index = known_as(answer(front.sso(browser, query(request(front)))))
    for raw, status in (
        (query(logout_request(now, name_id=name, index=index)), 400),
        (query(logout_request(now, name_id=name, index=index), key=other.key), 400),
        (query(logout_request(now, name_id=name, index=index, issuer=OTHER), key=other.key), 303),
        (query(logout_request(now, name_id="<saml:NameID>bob</saml:NameID>", index=index), key=key), 303),
    ):
        response = front.get(browser, f"/saml/slo?{raw}")
        assert response.status_code == status
        if status == 303:
            found = signedxml.read_query(urlsplit(response.headers["Location"]).query, message="SAMLResponse")
            root = signedxml.parse_message(signedxml.decode_redirect(found.message))
            assert codes(root) == ["Requester", "UnknownPrincipal"]
    assert codes(answer(front.sso(browser, query(request(front))))) == ["Success"]


def test_another_sessions_sign_out_leaves_this_browser_signed_in(
    front: Front, ada: Person, key: rsa.RSAPrivateKey
) -> None:
    """Somebody who signs out where it happens to pass through Ada's browser ends only their own session."""
    hers, now = front.browser(ada), front.house.clock.now()
    attacker = front.browser(front.person("mallory"))
    name, index = known_as(answer(front.sso(attacker, query(request(front)))))
    raw = query(logout_request(now, name_id=name, index=index), key=key)
    assert front.get(hers, f"/saml/slo?{raw}").status_code == 303
    assert codes(answer(front.sso(hers, query(request(front))))) == ["Success"]
    assert front.sso(attacker, query(request(front))).headers["Location"].startswith("/signin/")


# Metadata ----------------------------------------------------------------------------------------
def test_metadata_is_served_with_type_and_tag(front: Front) -> None:
    client = front.browser()
    response = front.get(client, "/saml/metadata")
    assert response.status_code == 200
    assert response.mimetype == "application/samlmetadata+xml"
    assert response.data == front.house.metadata.document().body
    again = client.get(
        "/saml/metadata", base_url="https://id.example", headers={"If-None-Match": response.headers["ETag"]}
    )
    assert (again.status_code, again.data) == (304, b"")


def test_case_64_the_host_header_changes_nothing(front: Front) -> None:
    response = front.app.test_client().get("/saml/metadata", base_url="https://evil.example")
    assert b"evil.example" not in response.data


# Hostile at random -------------------------------------------------------------------------------
JUNK = st.sampled_from(
    [b"", b"<", b">", b"&", b'"', b"'", b"\x00", b"\xff", b"%", b"=", b"true", b"<samlp:x/>", b"]]>"]
)
PIECES = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), JUNK), max_size=4)


def mutated(sound: bytes, pieces: list[tuple[float, float, bytes]]) -> bytes:
    """Return the bytes with pieces between two places replaced."""
    for begin, end, junk in pieces:
        first, last = sorted((int(begin * len(sound)), int(end * len(sound))))
        sound = sound[:first] + junk + sound[min(last, first + 40) :]
    return sound


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(pieces=PIECES, where=st.sampled_from(["xml", "deflated", "query", "post"]))
def test_mutated_messages_never_break_anything(
    front: Front, key: rsa.RSAPrivateKey, pieces: list[tuple[float, float, bytes]], where: str
) -> None:
    client, sound = front.app.test_client(), request(front).encode()
    if where == "post":
        response = front.post(client, "/saml/sso", posted(mutated(sound, pieces)))
    elif where == "xml":
        response = front.sso(client, query(mutated(sound, pieces), relay_state="x"))
    elif where == "deflated":
        packed = mutated(base64.b64decode(deflated(sound)), pieces)
        response = front.sso(client, f"SAMLRequest={quote(base64.b64encode(packed).decode(), safe='')}")
    else:
        raw = mutated(query(sound, key=key, relay_state="x").encode(), pieces)
        response = front.sso(client, raw.decode("latin-1").replace("\x00", "%00"))
    assert response.status_code in (200, 303, 400)
    assert "Traceback" not in response.text


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(pieces=PIECES, name=st.sampled_from(["SAMLRequest", "SAMLResponse"]))
def test_mutated_logout_messages_never_break_anything(
    front: Front, key: rsa.RSAPrivateKey, pieces: list[tuple[float, float, bytes]], name: str
) -> None:
    sound = logout_request(
        front.house.clock.now(), name_id="<saml:NameID>x</saml:NameID>", index="y"
    ).encode()
    response = front.get(
        front.app.test_client(), f"/saml/slo?{query(mutated(sound, pieces), key=key, name=name)}"
    )
    assert response.status_code in (303, 400)

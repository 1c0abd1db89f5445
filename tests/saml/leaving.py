"""Sign in to applications and out again, by messages as they send them."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable

from flask.testing import FlaskClient
from lxml import etree
from werkzeug.test import TestResponse

from idp import signedxml
from idp.core.ids import new_id
from tests.saml.front import BASE, Front, answer, posts
from tests.saml.sp import NAMES, SAML, SAMLP, Sp, authn_request, logout_request, query, signed

Sign = Callable[[str, Sp], bytes]
STATUS = "urn:oasis:names:tc:SAML:2.0:status:"


def metadata(sp: Sp, *endpoints: tuple[str, str]) -> bytes:
    """Return metadata with these endpoints for logout, as (binding, location), and no others."""
    slo = "".join(
        f'<md:SingleLogoutService Binding="{binding}" Location="{location}"/>'
        for binding, location in endpoints
    )
    return re.sub(rb"<md:SingleLogoutService[^>]*/>", slo.encode(), sp.metadata())


def sign_in(front: Front, browser: FlaskClient, sp: Sp) -> tuple[str, str]:
    """Sign in to an application; return the NameID element and the index that it was given."""
    xml = authn_request(front.house.clock.now(), issuer=sp.entity_id)
    root = answer(front.sso(browser, query(xml)))
    name, statement = root.find(f".//{{{SAML}}}NameID"), root.find(f".//{{{SAML}}}AuthnStatement")
    assert name is not None
    assert statement is not None
    return etree.tostring(name, with_tail=False).decode(), statement.get("SessionIndex", "")


def request(front: Front, sp: Sp, known_as: tuple[str, str], **changed: str | None) -> bytes:
    """Return a signed LogoutRequest for what the application was told."""
    name, index = known_as
    now = front.house.clock.now()
    return signed(logout_request(now, name_id=name, index=index or None, issuer=sp.entity_id, **changed), sp)


def response(
    front: Front, sp: Sp, asked: etree._Element, status: str = "Success", *, sign: Sign = signed
) -> bytes:
    """Return the signed answer to our LogoutRequest."""
    xml = (
        f'<samlp:LogoutResponse {NAMES} ID="{new_id()}" Version="2.0" InResponseTo="{asked.get("ID")}" '
        f'IssueInstant="{front.house.clock.now():%Y-%m-%dT%H:%M:%SZ}" Destination="{BASE}/saml/slo">'
        f"<saml:Issuer>{sp.entity_id}</saml:Issuer><samlp:Status>"
        f'<samlp:StatusCode Value="{STATUS}{status}"/></samlp:Status></samlp:LogoutResponse>'
    )
    return sign(xml, sp)


def codes(root: etree._Element) -> list[str]:
    return [each.get("Value", "").removeprefix(STATUS) for each in root.iter(f"{{{SAMLP}}}StatusCode")]


def is_signed_in(front: Front, browser: FlaskClient, sp: Sp) -> bool:
    xml = authn_request(front.house.clock.now(), issuer=sp.entity_id, IsPassive="true")
    return codes(answer(front.sso(browser, query(xml)))) == ["Success"]


def by_post(front: Front, browser: FlaskClient, form: dict[str, str]) -> TestResponse:
    """Post a logout message as another site's page does, and go where it leads."""
    kept = front.post(browser, "/saml/slo", form)
    assert kept.status_code == 303, kept.text
    return front.get(browser, kept.headers["Location"])


def message(page: TestResponse, to: str, name: str) -> etree._Element:
    """Return the message that a page posts, after checking its schema."""
    address, fields = posts(page)
    assert (address, set(fields)) == (to, {name})
    root = signedxml.parse_message(b64decode(fields[name]))
    signedxml.validate(root)
    return root


def ours(front: Front, root: etree._Element) -> etree._Element:
    """Return what we signed of a message."""
    certificate = front.house.keys.signer("default", "RS256").certificate
    return signedxml.verify(root, tag=root.tag, certificates=[certificate])

"""Send messages by Redirect, and see what comes of them."""

from __future__ import annotations

from typing import Any

import pytest

from idp.core.errors import BadMessage
from idp.saml.inbound import Arrival
from idp.saml.logout import Asked, Heard
from tests.saml.house import House
from tests.saml.sp import authn_request, query


def arrive(house: House, *, relay_state: str | None = None, **changed: Any) -> Arrival:
    """Return what an unsigned request, changed, comes to."""
    xml = authn_request(house.clock.now(), **changed)
    return house.inbound.by_redirect(query(xml, relay_state=relay_state))


def refuse(house: House, **changed: Any) -> str:
    """Return the detail of the error that a request, changed, ends in."""
    with pytest.raises(BadMessage) as caught:
        arrive(house, **changed)
    return caught.value.detail


def context(comparison: str, *classes: str) -> str:
    """Return a RequestedAuthnContext."""
    refs = "".join(f"<saml:AuthnContextClassRef>{uri}</saml:AuthnContextClassRef>" for uri in classes)
    return f'<samlp:RequestedAuthnContext Comparison="{comparison}">{refs}</samlp:RequestedAuthnContext>'


def asked_by(house: House, raw: str) -> Asked:
    """Return what a LogoutRequest by Redirect comes to."""
    asked = house.logout.by_redirect(raw, "SAMLRequest").asked
    assert asked is not None
    return asked


def heard_by(house: House, raw: str) -> Heard:
    """Return what a LogoutResponse by Redirect comes to."""
    heard = house.logout.by_redirect(raw, "SAMLResponse").heard
    assert heard is not None
    return heard

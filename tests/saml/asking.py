"""Send an AuthnRequest by Redirect, and see what comes of it."""

from __future__ import annotations

from typing import Any

import pytest

from idp.core.errors import BadMessage
from idp.saml.inbound import Arrival
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

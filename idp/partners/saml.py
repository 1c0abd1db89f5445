"""What a SAML partner told us about itself, and what an administrator chose for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from idp.core import codec
from idp.core.model import Partner

HTTP_POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
HTTP_REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"


@dataclass(frozen=True, slots=True, kw_only=True)
class AcsEndpoint:
    """Where answers go. is_default None: the metadata did not say (metadata 2.2.3)."""

    index: int
    location: str
    binding: str = HTTP_POST
    is_default: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SloEndpoint:
    """Where logout messages go; answers to response_location when it is not empty."""

    location: str
    binding: str = HTTP_REDIRECT
    response_location: str = ""

    @property
    def answers(self) -> str:
        """Return where a LogoutResponse goes."""
        return self.response_location or self.location


@dataclass(frozen=True, slots=True, kw_only=True)
class SamlSettings:
    """The SAML part of a partner.

    certificates (PEM) hold the keys that may sign its messages; their dates and issuers do
    not matter, metadata is what makes them trusted. authn_requests_signed: unsigned ones are
    refused. name_id_formats: what it can use, best first. sign_response: sign the Response
    too, beside the Assertion. clock_skew: seconds its clock may be wrong by, beyond the
    usual.
    """

    acs: tuple[AcsEndpoint, ...] = ()
    slo: tuple[SloEndpoint, ...] = ()
    certificates: tuple[str, ...] = ()
    name_id_formats: tuple[str, ...] = ()
    authn_requests_signed: bool = False
    sign_response: bool = True
    clock_skew: int = 0

    @property
    def default_acs(self) -> AcsEndpoint | None:
        """Return the endpoint used when a request names none (metadata 2.2.3)."""
        usable = [endpoint for endpoint in self.acs if endpoint.binding == HTTP_POST]
        marked = [endpoint for endpoint in usable if endpoint.is_default]
        unmarked = [endpoint for endpoint in usable if endpoint.is_default is None]
        return next(iter([*marked, *unmarked, *usable]), None)

    @property
    def logout(self) -> SloEndpoint | None:
        """Return the endpoint that logout messages go to, None when the partner has none we can use."""
        return next((endpoint for endpoint in self.slo if endpoint.binding == HTTP_REDIRECT), None)


# By partner id: the mapping that was read, and what it says. A changed partner comes with a new
# mapping, so comparing identity keeps this as fresh as the registry.
_read: dict[str, tuple[Mapping[str, object], SamlSettings]] = {}


def saml_settings(partner: Partner) -> SamlSettings:
    """Return the SAML part of a partner that uses the saml door."""
    held = _read.get(partner.id)
    if held is None or held[0] is not partner.settings:
        held = _read[partner.id] = (partner.settings, codec.build(SamlSettings, dict(partner.settings)))
    return held[1]

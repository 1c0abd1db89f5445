"""What a SAML partner told us about itself, and what an administrator chose for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from idp.core import codec
from idp.core.model import Partner

HTTP_POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
HTTP_REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
SOAP = "urn:oasis:names:tc:SAML:2.0:bindings:SOAP"


class Encrypt(StrEnum):
    """Whether assertions are encrypted; AUTO: when the metadata has a key that says it is for that."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class Weak(StrEnum):
    """What is refused unless an administrator named a partner and a date."""

    SHA1 = "sha1"  # signatures of its messages
    CBC = "cbc"  # encryption of answers to it


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
class EncryptionMethod:
    """An algorithm that a partner reads, by URI; digest and mask go with OAEP ("": not said)."""

    algorithm: str
    digest: str = ""
    mask: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncryptionKey:
    """A key (in a certificate, PEM) to encrypt for a partner with.

    declared: the metadata says that it is for encryption; one for every use is not.
    """

    certificate: str
    methods: tuple[EncryptionMethod, ...] = ()
    declared: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeSet:
    """An AttributeConsumingService (metadata 2.4.4): attributes by the names that messages use."""

    index: int
    wanted: tuple[str, ...]
    required: tuple[str, ...] = ()
    is_default: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerated:
    """A weak algorithm that a partner may still need, and until when."""

    what: Weak
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SamlSettings:
    """The SAML part of a partner: first what its metadata says, then what an administrator chose.

    certificates (PEM) hold the keys that may sign its messages; their dates and issuers do
    not matter, metadata is what makes them trusted. authn_requests_signed: unsigned ones are
    refused. name_id_formats: what it can use, best first.

    sign_response, sign_assertion: what of an answer is signed, at least one. clock_skew: seconds
    its clock may be wrong by, beyond the usual. name_id: the name of a NameID form (see
    `saml.names`) for requests that leave it open, "" for the metadata's; name_id_attribute: where
    it comes from. idp_initiated: people may start here; relay_state is what then goes along.
    """

    acs: tuple[AcsEndpoint, ...] = ()
    slo: tuple[SloEndpoint, ...] = ()
    certificates: tuple[str, ...] = ()
    encryption_keys: tuple[EncryptionKey, ...] = ()
    name_id_formats: tuple[str, ...] = ()
    attribute_sets: tuple[AttributeSet, ...] = ()
    authn_requests_signed: bool = False
    sign_response: bool = True
    sign_assertion: bool = True
    encrypt: Encrypt = Encrypt.AUTO
    clock_skew: int = 0
    name_id: str = ""
    name_id_attribute: str = ""
    idp_initiated: bool = False
    relay_state: str = ""
    tolerated: tuple[Tolerated, ...] = ()

    @property
    def default_acs(self) -> AcsEndpoint | None:
        """Return the endpoint used when a request names none (metadata 2.2.3)."""
        usable = [endpoint for endpoint in self.acs if endpoint.binding == HTTP_POST]
        marked = [endpoint for endpoint in usable if endpoint.is_default]
        unmarked = [endpoint for endpoint in usable if endpoint.is_default is None]
        return next(iter([*marked, *unmarked, *usable]), None)

    @property
    def logout(self) -> SloEndpoint | None:
        """Return where a browser takes logout messages, None when the partner has no such endpoint."""
        usable = (
            each for binding in (HTTP_REDIRECT, HTTP_POST) for each in self.slo if each.binding == binding
        )
        return next(usable, None)

    @property
    def soap_logout(self) -> SloEndpoint | None:
        """Return where we send logout messages ourselves, None when the partner has no such endpoint."""
        return next((endpoint for endpoint in self.slo if endpoint.binding == SOAP), None)

    def tolerates(self, what: Weak, now: datetime) -> bool:
        """Say whether an administrator allowed a weak algorithm for now."""
        return any(each.what is what and now < each.until for each in self.tolerated)


CHOSEN: Final = (
    "sign_response",
    "sign_assertion",
    "encrypt",
    "clock_skew",
    "name_id",
    "name_id_attribute",
    "idp_initiated",
    "relay_state",
    "tolerated",
)
"""The settings that metadata can't say, so that new metadata leaves them as they are."""


# By partner id: the mapping that was read, and what it says. A changed partner comes with a new
# mapping, so comparing identity keeps this as fresh as the registry.
_MOST_READ = 1000
_read: dict[str, tuple[Mapping[str, object], SamlSettings]] = {}


def saml_settings(partner: Partner) -> SamlSettings:
    """Return the SAML part of a partner that uses the saml door."""
    held = _read.get(partner.id)
    if held is None or held[0] is not partner.settings:
        if len(_read) >= _MOST_READ:
            _read.clear()
        held = _read[partner.id] = (partner.settings, codec.build(SamlSettings, dict(partner.settings)))
    return held[1]

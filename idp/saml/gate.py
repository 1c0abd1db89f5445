"""Let a partner's message in: decoded, sound, from a known partner, signed as agreed, meant for us, fresh.

One gate for every message of both bindings. What comes out was read from the very element
whose signature was checked, when there was one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lxml import etree

from idp import signedxml
from idp.core.errors import BadMessage
from idp.core.ids import fingerprint
from idp.core.model import Issuer, Partner
from idp.core.ports import Clock, State
from idp.keys import Issuers
from idp.partners.registry import Partners
from idp.partners.saml import SamlSettings, Weak, saml_settings

DOOR = "saml"
WINDOW = timedelta(minutes=5)
LONGEST_RELAY_STATE = 4096  # bytes; the 80 of bindings 3.4.3 are ignored by everybody
_LONGEST_ID = 256
_ISSUER = "{urn:oasis:names:tc:SAML:2.0:assertion}Issuer"
_SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}Signature"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What an endpoint takes: the parameter, the element in it, and the endpoint's own path.

    always_signed: unsigned ones are refused whatever the partner's metadata says. addressed: signed
    ones must say where they go.
    """

    parameter: signedxml.MessageName
    tag: str
    path: str
    always_signed: bool = False
    addressed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A message that passed the gate. relay_state None: none was sent."""

    element: etree._Element
    partner: Partner
    settings: SamlSettings
    issuer: Issuer
    relay_state: str | None

    @property
    def id(self) -> str:
        """Return the message's ID."""
        return self.element.get("ID", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Takes messages in. Everything it refuses raises BadMessage: nothing can be answered yet."""

    partners: Partners
    issuers: Issuers
    state: State
    clock: Clock

    def by_redirect(self, raw_query: str, expected: Expected) -> Received:
        """Take a message of the HTTP-Redirect binding (bindings 3.4), from the raw query string."""
        query = signedxml.read_query(raw_query, message=expected.parameter)
        message = signedxml.decode_redirect(query.message)
        return self._take(_sound(message, expected), query.relay_state, expected, query)

    def by_post(self, form: Mapping[str, str], expected: Expected) -> Received:
        """Take a message of the HTTP-POST binding (bindings 3.5), from the form's single values."""
        message = signedxml.decode_post(form.get(expected.parameter, ""))
        return self._take(_sound(message, expected), form.get("RelayState"), expected, None)

    def by_soap(self, message: etree._Element, expected: Expected) -> Received:
        """Take a message of the SOAP binding (bindings 3.2), out of its envelope."""
        return self._take(_checked(message, expected), None, expected, None)

    def _take(
        self,
        element: etree._Element,
        relay_state: str | None,
        expected: Expected,
        query: signedxml.Query | None,
    ) -> Received:
        partner = self._partner(_sender(element))
        settings = saml_settings(partner)
        allow = self.algorithms(settings)
        signed = _signed_query(query, settings, allow)
        if element.find(_SIGNATURE) is not None:
            element, signed = _verified(element, settings, expected, allow), True
        if not signed and (expected.always_signed or settings.authn_requests_signed):
            raise _untrusted("not signed, but must be")
        issuer = self.issuers.get(partner.issuer)
        _check_form(element, relay_state)
        _check_destination(element, issuer.base_url + expected.path, required=signed and expected.addressed)
        self._check_fresh(element, partner, settings)
        return Received(
            element=element, partner=partner, settings=settings, issuer=issuer, relay_state=relay_state
        )

    def _partner(self, identifier: str) -> Partner:
        partner = self.partners.find(DOOR, identifier)
        if partner is None or not partner.enabled:
            raise BadMessage(
                "The application that sent you here is not known here, or is switched off.",
                detail="unknown issuer" if partner is None else f"partner {partner.id} is disabled",
            )
        return partner

    def algorithms(self, settings: SamlSettings) -> Collection[str]:
        """Return by which algorithms a partner may sign now."""
        old = settings.tolerates(Weak.SHA1, self.clock.now())
        return signedxml.OLD_SIGNATURES if old else signedxml.SIGNATURES

    def _check_fresh(self, element: etree._Element, partner: Partner, settings: SamlSettings) -> None:
        window = WINDOW + timedelta(seconds=settings.clock_skew)
        age = self.clock.now() - instant(element.get("IssueInstant", ""))
        if abs(age) > window:
            raise BadMessage(
                "This request is too old. Go back to the application and start again.",
                detail=f"IssueInstant is {age.total_seconds():.0f} s ago",
            )
        # Last of all checks, so that nobody can use up an ID by sending a bad copy of a message.
        used = f"saml:seen:{fingerprint(partner.id + ' ' + element.get('ID', ''))}"
        if not self.state.put(used, "", 2 * window, absent=True):
            raise BadMessage(
                "This request was used before. Go back to the application and start again.",
                detail="the message's ID was seen before",
            )


def instant(text: str) -> datetime:
    """Read an xs:dateTime; SAML means UTC when it says no zone (core 1.3.3). Raises BadMessage."""
    try:
        at = datetime.fromisoformat(text.strip())
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise malformed("a time can't be read") from error


def malformed(detail: str) -> BadMessage:
    """Return the error for a message that makes no sense."""
    return BadMessage("The message from the application is damaged or incomplete.", detail=detail)


def _sound(data: bytes, expected: Expected) -> etree._Element:
    return _checked(signedxml.parse_message(data), expected)


def _checked(element: etree._Element, expected: Expected) -> etree._Element:
    if element.tag != expected.tag:
        raise malformed("another message than this address takes")
    signedxml.validate(element)
    return element


def _sender(element: etree._Element) -> str:
    return (element.findtext(_ISSUER) or "").strip()


def _signed_query(query: signedxml.Query | None, settings: SamlSettings, allow: Collection[str]) -> bool:
    """Say whether the query was signed. A signature that is there must verify, asked for or not."""
    if query is None or query.signature is None:
        return False
    signedxml.verify_query(query, certificates=_keys(settings), allow=allow)
    return True


def _verified(
    element: etree._Element, settings: SamlSettings, expected: Expected, allow: Collection[str]
) -> etree._Element:
    verified = signedxml.verify(element, tag=expected.tag, certificates=_keys(settings), allow=allow)
    if _sender(verified) != _sender(element):
        raise _untrusted("the verified element has another issuer")
    return verified


def _keys(settings: SamlSettings) -> tuple[str, ...]:
    if not settings.certificates:
        raise _untrusted("signed, but the partner has no certificate on record")
    return settings.certificates


def _check_form(element: etree._Element, relay_state: str | None) -> None:
    if element.get("Version") != "2.0":
        raise malformed("not SAML 2.0")
    if len(element.get("ID", "")) > _LONGEST_ID:
        raise malformed("ID is too long")
    if relay_state is not None and len(relay_state.encode()) > LONGEST_RELAY_STATE:
        raise malformed("RelayState is too long")


def _check_destination(element: etree._Element, ours: str, *, required: bool) -> None:
    # Signed messages that a browser carries must say where they go (bindings 3.4.5.2, 3.5.5.2), or
    # one meant for somebody else could be forwarded to us.
    destination = element.get("Destination")
    if destination is None and not required:
        return
    if (destination or "").strip() != ours:
        raise BadMessage(
            "The application sent a message that is meant for another address.",
            detail="Destination is missing" if destination is None else "Destination is another address",
        )


def _untrusted(detail: str) -> BadMessage:
    return BadMessage("The message from the application is not signed as it must be.", detail=detail)

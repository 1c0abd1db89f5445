"""Turn an AuthnRequest into what the hallway understands, or into the denial to answer with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote

from lxml import etree

from idp.core.errors import BadMessage, Denied, Reason
from idp.core.model import Partner, SignInRequest
from idp.partners.saml import HTTP_POST, AcsEndpoint, SamlSettings, saml_settings
from idp.saml import attributes, contexts, names
from idp.saml.contexts import Wanted
from idp.saml.gate import DOOR, Expected, Gate, Received
from idp.saml.names import Naming
from idp.saml.writing import SAML, SAMLP

SSO_PATH = "/saml/sso"
LAUNCH_PATH = "/saml/launch/"
_EXPECTED = Expected(parameter="SAMLRequest", tag=f"{SAMLP}AuthnRequest", path=SSO_PATH)
_NAME_ID = f"{SAML}NameID"
_LONGEST_HINT = 256
_HINTS = (None, "", names.EMAIL, names.UNSPECIFIED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A verified request. With denied set the partner is answered at once and nobody is asked."""

    request: SignInRequest
    denied: Denied | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """Reads AuthnRequests. Raises BadMessage for what can't be answered to a trusted address."""

    gate: Gate

    def by_redirect(self, raw_query: str) -> Arrival:
        """Read an AuthnRequest that came by HTTP-Redirect."""
        return _arrival(self.gate.by_redirect(raw_query, _EXPECTED))

    def by_post(self, form: Mapping[str, str]) -> Arrival:
        """Read an AuthnRequest that came by HTTP-POST."""
        return _arrival(self.gate.by_post(form, _EXPECTED))


def starts_at(partner: Partner) -> str:
    """Return the path at which people start at a partner, "" when an administrator did not allow it."""
    return LAUNCH_PATH + quote(partner.id, safe="") if saml_settings(partner).idp_initiated else ""


def started(partner: Partner) -> SignInRequest:
    """Return the request for a sign-in that starts here (profiles 4.1.5). Raises BadMessage.

    What goes along is what an administrator chose: an address in the link could be anybody's.
    """
    settings = saml_settings(partner)
    endpoint = settings.default_acs
    if not settings.idp_initiated or endpoint is None:
        raise BadMessage("This application can’t be opened from here. Open the application itself.")
    naming = names.naming("", partner=partner, settings=settings)
    return SignInRequest(
        door=DOOR,
        issuer=partner.issuer,
        partner=partner.id,
        reply_to=endpoint.location,
        subject=naming.form,
        subject_attribute=naming.attribute,
        subject_qualifier=partner.identifier,
        echo={"relay_state": settings.relay_state} if settings.relay_state else {},
    )


def _arrival(received: Received) -> Arrival:
    message = received.element
    subject = message.find(f"{SAML}Subject")
    wanted = _wanted(message.find(f"{SAMLP}RequestedAuthnContext"))
    base = SignInRequest(
        door=DOOR,
        issuer=received.issuer.id,
        partner=received.partner.id,
        # From here on errors may be answered: the address is one the partner registered.
        reply_to=_acs(message, received.settings).location,
        force=_flag(message.get("ForceAuthn")),
        silent=_flag(message.get("IsPassive")),
        echo=_echo(received, wanted, subject),
    )
    try:
        return Arrival(request=_with_demands(base, received, wanted, subject))
    except Denied as denied:
        return Arrival(request=base, denied=denied)


def _with_demands(
    base: SignInRequest, received: Received, wanted: Wanted | None, subject: etree._Element | None
) -> SignInRequest:
    """Return the request with what it demands of the answer. Raises Denied for what can't be met."""
    naming = _naming(received.element.find(f"{SAMLP}NameIDPolicy"), received)
    wanted_attributes, needed = _attributes(received)
    return replace(
        base,
        subject=naming.form,
        subject_attribute=naming.attribute,
        wanted=wanted_attributes,
        needed=needed,
        subject_qualifier=received.partner.identifier,
        strength=contexts.demanded(wanted),
        hint=_hint(subject),
    )


# Where the answer goes --------------------------------------------------------------------------
def _acs(message: etree._Element, settings: SamlSettings) -> AcsEndpoint:
    """Return the registered endpoint that the request means (core 3.4.1). Raises BadMessage."""
    url = message.get("AssertionConsumerServiceURL")
    index = message.get("AssertionConsumerServiceIndex")
    if message.get("ProtocolBinding") not in (None, HTTP_POST):
        raise _nowhere("ProtocolBinding is not HTTP-POST")
    if url is None and index is None:
        endpoint = settings.default_acs
    else:
        endpoint = next((each for each in settings.acs if _is_meant(each, url, index)), None)
    if endpoint is None:
        raise _nowhere("no such AssertionConsumerService with HTTP-POST in the partner's metadata")
    return endpoint


def _is_meant(endpoint: AcsEndpoint, url: str | None, index: str | None) -> bool:
    # Octet for octet: whatever two addresses share, answers go to the registered one only.
    return (
        endpoint.binding == HTTP_POST
        and (url is None or endpoint.location == url)
        and (index is None or endpoint.index == int(index))
    )


def _nowhere(detail: str) -> BadMessage:
    return BadMessage(
        "The application asked for an answer at an address that it is not registered with.", detail=detail
    )


# What is asked ----------------------------------------------------------------------------------
def _naming(policy: etree._Element | None, received: Received) -> Naming:
    # AllowCreate is not looked at: a pairwise identifier says nothing before it is first used, so
    # one made for this request is as good as one made earlier (core 3.4.1.1).
    wanted = policy.get("Format", "").strip() if policy is not None else ""
    qualifier = policy.get("SPNameQualifier") if policy is not None else None
    if qualifier not in (None, "", received.partner.identifier):
        raise Denied(
            "The application asks for a kind of user identifier that is not available here.",
            reason=Reason.SUBJECT,
            detail="SPNameQualifier of somebody else",
        )
    return names.naming(wanted, partner=received.partner, settings=received.settings)


def _attributes(received: Received) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """Return the attributes that the request wants, None for all, and those it needs (core 3.4.1).

    Only an index narrows what is said: what the metadata lists by itself was known when an
    administrator chose what to release. An unknown index names nothing (metadata 2.4.4).
    """
    services = received.settings.attribute_sets
    asked = received.element.get("AttributeConsumingServiceIndex")
    if asked is not None:
        named = next((each for each in services if each.index == int(asked)), None)
    else:
        named = next((each for each in services if each.is_default), next(iter(services), None))
    if named is None:
        return None, ()
    needed = attributes.known_as(named.required)
    return (None if asked is None else attributes.known_as(named.wanted)), needed


def _wanted(asked: etree._Element | None) -> Wanted | None:
    if asked is None:
        return None
    classes = tuple((each.text or "").strip() for each in asked.findall(f"{SAML}AuthnContextClassRef"))
    # Declarations are not supported; asked for alone they leave nothing that could be satisfied.
    return Wanted(classes=contexts.known(classes), comparison=asked.get("Comparison") or contexts.EXACT)


def _hint(subject: etree._Element | None) -> str:
    """Return the user name to begin with. Raises Denied for a Subject that can't be compared."""
    if subject is None:
        return ""
    name = subject.find(_NAME_ID)
    text = (name.text or "").strip() if name is not None else ""
    if name is None or not 0 < len(text) <= _LONGEST_HINT:
        raise Denied(
            "The application asks for a person in a way that is not understood here.",
            reason=Reason.OTHER_PERSON,
            detail="Subject without a usable NameID",
        )
    return text if name.get("Format") in _HINTS else ""


def _echo(received: Received, wanted: Wanted | None, subject: etree._Element | None) -> dict[str, str]:
    echo = {"id": received.id}
    if received.relay_state is not None:
        echo["relay_state"] = received.relay_state
    if wanted is not None:
        echo |= wanted.echo()
    if subject is not None and (name := subject.find(_NAME_ID)) is not None:
        # The answer must be about this subject or there is none (core 3.4.1): see `door`.
        echo["subject"] = (name.text or "").strip()[:_LONGEST_HINT]
    return echo


def _flag(text: str | None) -> bool:
    return (text or "").strip() in ("true", "1")

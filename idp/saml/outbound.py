"""Say a grant, or why there is none, in a signed Response to the partner's registered address."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime, timedelta

from lxml import etree
from saml2 import saml, samlp, xmldsig

from idp import signedxml
from idp.core.errors import Denied, Reason, Refused
from idp.core.model import Grant, Issuer, Partner, Reply, SignInRequest
from idp.core.ports import Signer
from idp.partners.encryption import recipient
from idp.partners.saml import SamlSettings
from idp.saml import attributes, names
from idp.saml.writing import ALG, ISSUER_TAG, SAML, begin, child, message, status, timestamp
from idp.signedxml import Recipient
from idp.signedxml.encrypt import CBC

LASTS = timedelta(minutes=5)
# Partners' clocks are often a little behind, and most compare to the second.
_EARLY = timedelta(seconds=30)
_ENCRYPTED = f"{SAML}EncryptedAssertion"
_REFERENCE = "/".join(f"{{{xmldsig.NAMESPACE}}}{name}" for name in ("Signature", "SignedInfo", "Reference"))

# Core 3.2.2.2: whose fault it is, and what it was.
_STATUS = {
    Reason.LOGIN_REQUIRED: (samlp.STATUS_RESPONDER, samlp.STATUS_NO_PASSIVE),
    Reason.INTERACTION_REQUIRED: (samlp.STATUS_RESPONDER, samlp.STATUS_NO_PASSIVE),
    Reason.CONSENT_REQUIRED: (samlp.STATUS_RESPONDER, samlp.STATUS_NO_PASSIVE),
    Reason.ACCESS: (samlp.STATUS_RESPONDER, samlp.STATUS_REQUEST_DENIED),
    Reason.PERSON_DISABLED: (samlp.STATUS_RESPONDER, samlp.STATUS_REQUEST_DENIED),
    Reason.BLOCKED: (samlp.STATUS_RESPONDER, samlp.STATUS_REQUEST_DENIED),
    Reason.CONTEXT: (samlp.STATUS_RESPONDER, samlp.STATUS_NO_AUTHN_CONTEXT),
    Reason.NO_METHOD: (samlp.STATUS_RESPONDER, samlp.STATUS_AUTHN_FAILED),
    Reason.OTHER_PERSON: (samlp.STATUS_RESPONDER, samlp.STATUS_UNKNOWN_PRINCIPAL),
    Reason.UNPROTECTED: (samlp.STATUS_RESPONDER, ""),
    Reason.SUBJECT: (samlp.STATUS_REQUESTER, samlp.STATUS_INVALID_NAMEID_POLICY),
    Reason.CANCELLED: (samlp.STATUS_RESPONDER, samlp.STATUS_AUTHN_FAILED),
    Reason.TOO_MANY_ATTEMPTS: (samlp.STATUS_RESPONDER, samlp.STATUS_AUTHN_FAILED),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """Who speaks to whom, and when."""

    issuer: Issuer
    signer: Signer
    partner: Partner
    settings: SamlSettings
    now: datetime


def say(grant: Grant, *, context: str, voice: Voice) -> Reply:
    """Return the posted Response with one Assertion that says the grant, signed and encrypted as chosen.

    Raises Denied when it must be encrypted and can't be.
    """
    settings, reader = voice.settings, _reader(voice)
    response = _response(grant.request, voice, samlp.STATUS_SUCCESS)
    assertion = _assertion(response, grant, context, voice)
    if settings.sign_assertion:
        _sign(assertion, voice)
    if reader is not None:
        _encrypt(assertion, reader)
    if _signs_response(settings, reader):
        _sign(response, voice)
    return _posted(response, grant.request)


def refuse(request: SignInRequest, denied: Denied, *, voice: Voice) -> Reply:
    """Return the posted, signed Response that says why there is no answer (core 3.2.2.2)."""
    text = f"{denied.public} (Reference {denied.reference})"
    response = _response(request, voice, *_STATUS[denied.reason], text)
    _sign(response, voice)
    return _posted(response, request)


# The message ------------------------------------------------------------------------------------
def _response(
    request: SignInRequest, voice: Voice, top: str, second: str = "", text: str = ""
) -> etree._Element:
    response = message(
        "Response",
        issuer=voice.issuer,
        destination=request.reply_to,
        now=voice.now,
        InResponseTo=request.echo.get("id"),
    )
    status(response, top, second, text)
    return response


def _assertion(response: etree._Element, grant: Grant, context: str, voice: Voice) -> etree._Element:
    assertion = child(response, f"{SAML}Assertion")
    begin(assertion, issuer=voice.issuer, now=voice.now)
    _subject(assertion, grant, voice)
    _conditions(assertion, voice)
    _authn_statement(assertion, grant, context)
    attributes.statement(assertion, grant.claims)
    return assertion


def _subject(assertion: etree._Element, grant: Grant, voice: Voice) -> None:
    if not attributes.fits_xml(grant.subject.value):
        raise Denied(
            "The person has no identifier of the requested form.",
            reason=Reason.SUBJECT,
            detail="the subject's value can't stand in XML",
        )
    subject = child(assertion, f"{SAML}Subject")
    names.name_id(subject, grant.subject, issuer=voice.issuer, partner=voice.partner)
    confirmation = child(subject, f"{SAML}SubjectConfirmation", Method=saml.SCM_BEARER)
    child(
        confirmation,
        f"{SAML}SubjectConfirmationData",
        InResponseTo=grant.request.echo.get("id"),
        Recipient=grant.request.reply_to,
        NotOnOrAfter=timestamp(voice.now + LASTS + _skew(voice)),
    )


def _conditions(assertion: etree._Element, voice: Voice) -> None:
    conditions = child(
        assertion,
        f"{SAML}Conditions",
        NotBefore=timestamp(voice.now - _EARLY - _skew(voice)),
        NotOnOrAfter=timestamp(voice.now + LASTS + _skew(voice)),
    )
    restriction = child(conditions, f"{SAML}AudienceRestriction")
    child(restriction, f"{SAML}Audience", voice.partner.identifier)


def _authn_statement(assertion: etree._Element, grant: Grant, context: str) -> None:
    said = child(
        assertion,
        f"{SAML}AuthnStatement",
        AuthnInstant=timestamp(grant.authenticated_at),
        SessionIndex=grant.participant,
        SessionNotOnOrAfter=timestamp(grant.session_ends),
    )
    child(child(said, f"{SAML}AuthnContext"), f"{SAML}AuthnContextClassRef", context)


def _skew(voice: Voice) -> timedelta:
    return timedelta(seconds=voice.settings.clock_skew)


# Out --------------------------------------------------------------------------------------------
def _sign(target: etree._Element, voice: Voice) -> None:
    signedxml.sign(target, signer=voice.signer, alg=ALG, after_tag=ISSUER_TAG)
    # The last look before it leaves: nothing goes out unsigned because of a slip in here.
    reference = target.find(_REFERENCE)
    if reference is None or reference.get("URI") != f"#{target.get('ID')}":
        raise RuntimeError("a message that is not signed as it must be")


def _signs_response(settings: SamlSettings, reader: Recipient | None) -> bool:
    # What the cipher does not protect against changes the signature around it must. And nothing
    # leaves with no signature at all.
    unguarded = reader is not None and reader.content in CBC
    return settings.sign_response or not settings.sign_assertion or unguarded


def _reader(voice: Voice) -> Recipient | None:
    try:
        return recipient(voice.settings, now=voice.now)
    except Refused as refused:
        raise Denied(
            "The application must be answered in a way that nobody else can read, and it is not set up for "
            "that. Please tell your administrator.",
            reason=Reason.UNPROTECTED,
            detail=refused.detail,
        ) from refused


def _encrypt(assertion: etree._Element, reader: Recipient) -> None:
    response = assertion.getparent()
    signedxml.encrypt(assertion, wrapper=_ENCRYPTED, to=reader)
    if response is None or response.find(f"{SAML}Assertion") is not None:
        raise RuntimeError("an assertion that is not encrypted as it must be")


def _posted(root: etree._Element, request: SignInRequest) -> Reply:
    fields = {"SAMLResponse": base64.b64encode(etree.tostring(root)).decode()}
    if "relay_state" in request.echo:
        fields["RelayState"] = request.echo["relay_state"]
    return Reply(address=request.reply_to, fields=fields)

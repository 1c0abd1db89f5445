"""Say a grant, or why there is none, in a signed Response to the partner's registered address."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime, timedelta

from lxml import etree
from saml2 import saml, samlp, xmldsig

from idp import signedxml
from idp.core.errors import Denied, Reason
from idp.core.ids import new_id
from idp.core.model import Grant, Issuer, Partner, Reply, SignInRequest
from idp.core.ports import Signer
from idp.partners.saml import SamlSettings
from idp.saml import attributes, names
from idp.saml.writing import ALG, ISSUER_TAG, element, heading, timestamp

LASTS = timedelta(minutes=5)
# Partners' clocks are often a little behind, and most compare to the second.
_EARLY = timedelta(seconds=30)
_ASSERTION = f"{{{saml.NAMESPACE}}}Assertion"
_REFERENCE = "/".join(f"{{{xmldsig.NAMESPACE}}}{name}" for name in ("Signature", "SignedInfo", "Reference"))

# Core 3.2.2.2: whose fault it is, and what it was.
_STATUS = {
    Reason.LOGIN_REQUIRED: (samlp.STATUS_RESPONDER, samlp.STATUS_NO_PASSIVE),
    Reason.INTERACTION_REQUIRED: (samlp.STATUS_RESPONDER, samlp.STATUS_NO_PASSIVE),
    Reason.CONSENT_REQUIRED: (samlp.STATUS_RESPONDER, samlp.STATUS_NO_PASSIVE),
    Reason.ACCESS: (samlp.STATUS_RESPONDER, samlp.STATUS_REQUEST_DENIED),
    Reason.PERSON_DISABLED: (samlp.STATUS_RESPONDER, samlp.STATUS_REQUEST_DENIED),
    Reason.CONTEXT: (samlp.STATUS_RESPONDER, samlp.STATUS_NO_AUTHN_CONTEXT),
    Reason.NO_METHOD: (samlp.STATUS_RESPONDER, samlp.STATUS_AUTHN_FAILED),
    Reason.OTHER_PERSON: (samlp.STATUS_RESPONDER, samlp.STATUS_UNKNOWN_PRINCIPAL),
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
    """Return the posted Response with one signed Assertion that says the grant."""
    response = _response(grant.request, voice, _status(samlp.STATUS_SUCCESS))
    response.assertion = [_assertion(grant, context, voice)]
    root = element(response)
    assertion = root.find(_ASSERTION)
    if assertion is None:
        raise RuntimeError("an answer without its assertion")
    _sign(assertion, voice)
    if voice.settings.sign_response:
        _sign(root, voice)
    return _posted(root, grant.request)


def refuse(request: SignInRequest, denied: Denied, *, voice: Voice) -> Reply:
    """Return the posted, signed Response that says why there is no answer (core 3.2.2.2)."""
    top, second = _STATUS[denied.reason]
    message = f"{denied.public} (Reference {denied.reference})"
    root = element(_response(request, voice, _status(top, second, message)))
    _sign(root, voice)
    return _posted(root, request)


# The message ------------------------------------------------------------------------------------
def _response(request: SignInRequest, voice: Voice, status: samlp.Status) -> samlp.Response:
    return samlp.Response(
        **heading(issuer=voice.issuer, destination=request.reply_to, now=voice.now),
        in_response_to=request.echo.get("id"),
        status=status,
    )


def _status(top: str, second: str = "", message: str = "") -> samlp.Status:
    code = samlp.StatusCode(value=top)
    if second:
        code.status_code = samlp.StatusCode(value=second)
    return samlp.Status(
        status_code=code, status_message=samlp.StatusMessage(text=message) if message else None
    )


def _assertion(grant: Grant, context: str, voice: Voice) -> saml.Assertion:
    said = attributes.statement(grant.claims)
    return saml.Assertion(
        id=new_id(),
        version="2.0",
        issue_instant=timestamp(voice.now),
        issuer=saml.Issuer(text=voice.issuer.entity_id),
        subject=_subject(grant, voice),
        conditions=_conditions(voice),
        authn_statement=[_authn_statement(grant, context)],
        attribute_statement=[said] if said is not None else [],
    )


def _subject(grant: Grant, voice: Voice) -> saml.Subject:
    if not attributes.fits_xml(grant.subject.value):
        raise Denied(
            "The person has no identifier of the requested form.",
            reason=Reason.SUBJECT,
            detail="the subject's value can't stand in XML",
        )
    data = saml.SubjectConfirmationData(
        in_response_to=grant.request.echo.get("id"),
        recipient=grant.request.reply_to,
        not_on_or_after=timestamp(voice.now + LASTS + _skew(voice)),
    )
    return saml.Subject(
        name_id=names.name_id(grant.subject, issuer=voice.issuer, partner=voice.partner),
        subject_confirmation=[
            saml.SubjectConfirmation(method=saml.SCM_BEARER, subject_confirmation_data=data)
        ],
    )


def _conditions(voice: Voice) -> saml.Conditions:
    audience = saml.Audience(text=voice.partner.identifier)
    return saml.Conditions(
        not_before=timestamp(voice.now - _EARLY - _skew(voice)),
        not_on_or_after=timestamp(voice.now + LASTS + _skew(voice)),
        audience_restriction=[saml.AudienceRestriction(audience=[audience])],
    )


def _authn_statement(grant: Grant, context: str) -> saml.AuthnStatement:
    return saml.AuthnStatement(
        authn_instant=timestamp(grant.authenticated_at),
        session_index=grant.participant,
        session_not_on_or_after=timestamp(grant.session_ends),
        authn_context=saml.AuthnContext(authn_context_class_ref=saml.AuthnContextClassRef(text=context)),
    )


def _skew(voice: Voice) -> timedelta:
    return timedelta(seconds=voice.settings.clock_skew)


# Out --------------------------------------------------------------------------------------------
def _sign(target: etree._Element, voice: Voice) -> None:
    signedxml.sign(target, signer=voice.signer, alg=ALG, after_tag=ISSUER_TAG)
    # The last look before it leaves: nothing goes out unsigned because of a slip in here.
    reference = target.find(_REFERENCE)
    if reference is None or reference.get("URI") != f"#{target.get('ID')}":
        raise RuntimeError("a message that is not signed as it must be")


def _posted(root: etree._Element, request: SignInRequest) -> Reply:
    fields = {"SAMLResponse": base64.b64encode(etree.tostring(root)).decode()}
    if "relay_state" in request.echo:
        fields["RelayState"] = request.echo["relay_state"]
    return Reply(address=request.reply_to, fields=fields)

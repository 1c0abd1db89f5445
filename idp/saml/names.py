"""How a person is named to a partner: NameID formats, and the qualifiers of each."""

from __future__ import annotations

from lxml import etree
from saml2 import saml

from idp.core.errors import Denied, Reason
from idp.core.model import Issuer, Partner, Subject, SubjectForm
from idp.saml.writing import SAML, child

EMAIL = saml.NAMEID_FORMAT_EMAILADDRESS
PERSISTENT = saml.NAMEID_FORMAT_PERSISTENT
TRANSIENT = saml.NAMEID_FORMAT_TRANSIENT
UNSPECIFIED = saml.NAMEID_FORMAT_UNSPECIFIED
FORMATS = (PERSISTENT, TRANSIENT, EMAIL)

_FORMS = {
    PERSISTENT: SubjectForm.PAIRWISE,
    TRANSIENT: SubjectForm.TRANSIENT,
    EMAIL: SubjectForm.EMAIL,
}
_SPOKEN = {form: uri for uri, form in _FORMS.items()} | {SubjectForm.PUBLIC: UNSPECIFIED}


def form_for(wanted: str, *, usable: tuple[str, ...]) -> SubjectForm:
    """Return the form for a NameIDPolicy's Format, '' when the request names none.

    usable are the formats of the partner's metadata: the first one known decides when the
    request leaves it open, else pairwise. Raises Denied for a format we do not have (core
    3.4.1.1: InvalidNameIDPolicy).
    """
    if wanted in ("", UNSPECIFIED):
        return next((_FORMS[uri] for uri in usable if uri in _FORMS), SubjectForm.PAIRWISE)
    if wanted not in _FORMS:
        raise Denied(
            "The application asks for a kind of user identifier that is not available here.",
            reason=Reason.SUBJECT,
            detail="NameIDPolicy Format is not supported",
        )
    return _FORMS[wanted]


def name_id(parent: etree._Element, subject: Subject, *, issuer: Issuer, partner: Partner) -> None:
    """Add the NameID that says a subject to a partner."""
    said = _said_with(subject, issuer=issuer, partner=partner)
    child(parent, f"{SAML}NameID", subject.value, **said)


def means(name: etree._Element, subject: Subject, *, issuer: Issuer, partner: Partner) -> bool:
    """Say whether a partner's NameID is the one it knows this subject by.

    What the partner leaves out (a format, a qualifier) is not held against it; what it says
    must be the same.
    """
    ours = _said_with(subject, issuer=issuer, partner=partner)
    same_format = name.get("Format") in (None, "", UNSPECIFIED, ours["Format"])
    qualifiers = ((name.get(each), ours.get(each)) for each in ("NameQualifier", "SPNameQualifier"))
    same_place = all(not theirs or not our or theirs == our for theirs, our in qualifiers)
    return same_format and same_place and (name.text or "").strip() == subject.value


def _said_with(subject: Subject, *, issuer: Issuer, partner: Partner) -> dict[str, str]:
    """Return the NameID's attributes.

    Opaque identifiers carry their qualifiers (core 8.3.7, 8.3.8), others must not need any.
    """
    said = {"Format": _SPOKEN[subject.form]}
    if subject.form in (SubjectForm.PAIRWISE, SubjectForm.TRANSIENT):
        said["NameQualifier"] = issuer.entity_id
        said["SPNameQualifier"] = subject.qualifier or partner.identifier
    return said

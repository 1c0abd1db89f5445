"""How a person is named to a partner: NameID formats, and the qualifiers of each."""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree
from saml2 import saml

from idp.core.errors import Denied, Reason
from idp.core.model import Issuer, Partner, Subject, SubjectForm
from idp.partners.saml import SamlSettings
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
_SPOKEN = {form: uri for uri, form in _FORMS.items()} | {
    SubjectForm.PUBLIC: UNSPECIFIED,
    SubjectForm.ATTRIBUTE: UNSPECIFIED,
}
# What an administrator chooses by, see desk/saml_choices.py.
_CHOICES = {
    "persistent": SubjectForm.PAIRWISE,
    "transient": SubjectForm.TRANSIENT,
    "email": SubjectForm.EMAIL,
    "unspecified": SubjectForm.ATTRIBUTE,
}
_MAIL = "mail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """In which form a person is named to a partner, and from which attribute ("": none)."""

    form: SubjectForm
    attribute: str = ""


def naming(wanted: str, *, partner: Partner, settings: SamlSettings) -> Naming:
    """Return how to name people for a NameIDPolicy's Format, "" when the request names none.

    What the request leaves open the administrator's choice decides, else the first format of the
    partner's metadata that we have, else a pairwise name, which says the least. Raises Denied
    for a format that we do not have, or that would say what the partner is not given (core
    3.4.1.1: InvalidNameIDPolicy).
    """
    chosen = _CHOICES.get(settings.name_id)
    if wanted in ("", UNSPECIFIED):
        if chosen is not None:
            return Naming(form=chosen, attribute=settings.name_id_attribute)
        usable = (each for each in settings.name_id_formats if _may_have(each, partner))
        return Naming(form=next((_FORMS[uri] for uri in usable), SubjectForm.PAIRWISE))
    if chosen is not None and _FORMS.get(wanted) is chosen:
        return Naming(form=chosen, attribute=settings.name_id_attribute)
    if not _may_have(wanted, partner):
        raise Denied(
            "The application asks for a kind of user identifier that is not available here.",
            reason=Reason.SUBJECT,
            detail="NameIDPolicy Format is not supported, or says more than is released",
        )
    return Naming(form=_FORMS[wanted])


def _may_have(wanted: str, partner: Partner) -> bool:
    # A mail address is a fact about a person like any other: asking for it as a name must not
    # get around the release list.
    return wanted in _FORMS and (wanted != EMAIL or _MAIL in partner.release)


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

"""Say in plain words how new metadata differs from what is trusted now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields

from idp.partners.encryption import reader
from idp.partners.keyfacts import KeyFacts, key_facts
from idp.partners.origins import origin_of
from idp.partners.remarks import Remark
from idp.partners.saml import CHOSEN, SamlSettings

_READ = tuple(each.name for each in fields(SamlSettings) if each.name not in CHOSEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One change, as a sentence.

    lost: something that works today will not work any more. grave: it could hand people's answers
    to somebody else, or take a protection away.
    """

    said: Remark
    lost: bool = False
    grave: bool = False


def differences(before: SamlSettings, after: SamlSettings) -> tuple[Difference, ...]:
    """Return what changes between two readings of an application's metadata; none if nothing does."""
    found = (
        *_answers(before, after),
        *_signing(before, after),
        *_encryption(before, after),
        *_sign_out(before, after),
        *_names(before, after),
    )
    if not found and any(getattr(before, name) != getattr(after, name) for name in _READ):
        return (Difference(said=Remark("Details have changed: numbers, bindings or ways of encryption.")),)
    return found


def _answers(before: SamlSettings, after: SamlSettings) -> Iterator[Difference]:
    old, new = {each.location for each in before.acs}, {each.location for each in after.acs}
    known = set(map(origin_of, old))
    for location in sorted(new - old):
        said = Remark("Answers may go to a new address: %(address)s.", address=location)
        yield Difference(said=said, grave=origin_of(location) not in known)
    for location in sorted(old - new):
        said = Remark("Answers go no longer to %(address)s.", address=location)
        yield Difference(said=said, lost=True)
    first = after.default_acs
    if first and before.default_acs and first.location != before.default_acs.location:
        said = Remark("Answers go to %(address)s unless a request names another.", address=first.location)
        yield Difference(said=said)


def _signing(before: SamlSettings, after: SamlSettings) -> Iterator[Difference]:
    replaced = bool(before.certificates) and not set(before.certificates) & set(after.certificates)
    for facts in _facts(after.certificates, but=before.certificates):
        said = Remark("A new certificate may sign requests: %(certificate)s.", certificate=_shown(facts))
        yield Difference(said=said, grave=replaced)
    for facts in _facts(before.certificates, but=after.certificates):
        said = Remark(
            "A certificate may sign requests no longer: %(certificate)s.", certificate=_shown(facts)
        )
        yield Difference(said=said, lost=True)
    if after.authn_requests_signed and not before.authn_requests_signed:
        yield Difference(said=Remark("Requests must be signed from now on."), lost=True)
    if before.authn_requests_signed and not after.authn_requests_signed:
        yield Difference(said=Remark("Requests need no signature any more."), grave=True)


def _encryption(before: SamlSettings, after: SamlSettings) -> Iterator[Difference]:
    # A key for every use is told of among those for signing.
    old = [each.certificate for each in before.encryption_keys if each.declared]
    new = [each.certificate for each in after.encryption_keys if each.declared]
    replaced = bool(old) and not set(old) & set(new)
    for facts in _facts(new, but=old):
        said = Remark(
            "Answers may be encrypted for a new certificate: %(certificate)s.", certificate=_shown(facts)
        )
        yield Difference(said=said, grave=replaced)
    for facts in _facts(old, but=new):
        said = Remark(
            "Answers are encrypted no longer for the certificate %(certificate)s.", certificate=_shown(facts)
        )
        yield Difference(said=said, lost=True, grave=not new)
    if new and reader(before.encryption_keys) and not reader(after.encryption_keys):
        # The key stays, and still nothing would be encrypted with it any more.
        said = Remark("Answers can be encrypted no longer: the metadata names no algorithm that is safe.")
        yield Difference(said=said, lost=True, grave=True)


def _sign_out(before: SamlSettings, after: SamlSettings) -> Iterator[Difference]:
    old = {address for each in before.slo for address in (each.location, each.answers)}
    new = {address for each in after.slo for address in (each.location, each.answers)}
    for address in sorted(new - old):
        yield Difference(
            said=Remark("Sign-out messages may go to a new address: %(address)s.", address=address)
        )
    for address in sorted(old - new):
        said = Remark("Sign-out messages go no longer to %(address)s.", address=address)
        yield Difference(said=said, lost=True)


def _names(before: SamlSettings, after: SamlSettings) -> Iterator[Difference]:
    if before.name_id_formats != after.name_id_formats:
        yield Difference(said=Remark("The application wants people named in another form (NameIDFormat)."))
    if before.attribute_sets != after.attribute_sets:
        yield Difference(
            said=Remark("The application asks for other attributes; what it gets stays as it is.")
        )


def _facts(certificates: Iterable[str], *, but: Iterable[str]) -> list[KeyFacts]:
    return [key_facts(pem) for pem in dict.fromkeys(certificates) if pem not in set(but)]


def _shown(facts: KeyFacts) -> str:
    return f"{facts.short} ({facts.key}, {facts.not_after:%Y-%m-%d})"

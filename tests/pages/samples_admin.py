"""Samples of the console's pages, from values as the desk gives them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from idp.admin.facts import saml_facts
from idp.core.codec import plain
from idp.core.model import Partner
from idp.desk.sources import Preview, Watched
from idp.partners.differences import differences
from idp.partners.documents import Signature
from idp.partners.keyfacts import key_facts
from idp.partners.metadata import read
from idp.partners.remarks import Remark
from idp.partners.sources import Kind, MetadataSource, Mode
from tests.saml.sp import POST, Sp

_NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
_ADDRESS = "https://travel.example.com/saml2/metadata"
_LONG = "Quarterly Travel, Expense & Reimbursement Approvals <Staging>"
_KEYS = [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2)]
_WANTED = (
    '<md:AttributeConsumingService index="0"><md:ServiceName xml:lang="en">Travel</md:ServiceName>'
    '<md:RequestedAttribute Name="urn:oid:0.9.2342.19200300.100.1.3" isRequired="true"/>'
    '<md:RequestedAttribute Name="urn:oid:2.16.840.1.113730.3.1.241"/></md:AttributeConsumingService>'
)
_SP = Sp(
    _KEYS[0],
    entity_id=_ADDRESS,
    base="https://travel.example.com",
    requests_signed=True,
    formats=(
        "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
        "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
    ),
    acs=(
        (0, "https://travel.example.com/saml2/acs", POST),
        (1, "https://travel.example.com/region/europe-west/saml2/assertion-consumer-service", POST),
    ),
    extra=_WANTED,
)
_SETTINGS = read(_SP.metadata(), now=_NOW).settings
_NEXT = read(
    replace(_SP, key=_KEYS[1], acs=((0, "https://travel.example.net/saml2/acs", POST),)).metadata(), now=_NOW
).settings
_PARTNER = Partner(
    id="i1",
    door="saml",
    identifier=_ADDRESS,
    name="Travel",
    issuer="default",
    release=("uid", "mail", "displayName"),
    settings=plain(_SETTINGS),
)
_WIKI = replace(_PARTNER, id="i2", door="oidc", identifier="wiki", name="Wiki", enabled=False)
_OTHER = replace(_PARTNER, id="i3", name=_LONG, identifier=_ADDRESS + "/" + "staging-" * 12)
_SOURCE = MetadataSource(
    id="s1",
    partner="i1",
    kind=Kind.ADDRESS,
    place=_ADDRESS,
    checked_at=_NOW,
    due_at=_NOW + timedelta(hours=6),
    valid_until=_NOW + timedelta(days=14),
)
_CHANGED = differences(_SETTINGS, _NEXT)
_FINE = Watched(source=_SOURCE, partner=_PARTNER, waiting=(), expired=False)
_WAITING = Watched(
    source=replace(_SOURCE, held=b"<x/>", held_at=_NOW, mode=Mode.HOLD, signer="7a" * 32),
    partner=_PARTNER,
    waiting=_CHANGED,
    expired=False,
)
_FAILED = replace(_FINE, source=replace(_SOURCE, error="The server at that address took too long to answer."))
_BROKEN = replace(
    _SOURCE, kind=Kind.FILE, partner="", place="payroll.xml", error="This is not well-formed SAML metadata."
)
_FACTS = saml_facts(_SETTINGS, now=_NOW)
_PREVIEW = Preview(
    entity_id=_ADDRESS,
    name="Travel",
    settings=_SETTINGS,
    certificates=tuple(map(key_facts, _SETTINGS.certificates)),
    signature=Signature.NONE,
    valid_until=_NOW + timedelta(days=14),
    problems=(
        Remark("Answers to %(address)s travel unencrypted (http).", address="http://travel.example.com/acs"),
        Remark(
            "A certificate expired on %(date)s (%(certificate)s). It stays trusted, but should be renewed.",
            date="2020-01-10",
            certificate="AB:CD:EF:01:23:45:67:89…",
        ),
    ),
    known=None,
    differences=(),
)
_TYPED = {"name": "Travel", "release": "uid, mail, displayName", "mode": "automatic"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    id: str = "d1"
    address: str = _ADDRESS


def _one(**changed: Any) -> dict[str, object]:
    return {
        "username": "ada@example.com",
        "partner": _PARTNER,
        "watched": _FINE,
        "facts": _FACTS,
        "redirects": (),
        "said": "",
        "error": "",
        **changed,
    }


def _list(**changed: Any) -> dict[str, object]:
    return {
        "username": "ada@example.com",
        "wanted": "",
        "further": False,
        "found": (_PARTNER, _WIKI, _OTHER),
        "next": "",
        "sources": {"i1": _WAITING, "i3": _FAILED},
        "unusable": (),
        **changed,
    }


def _new(**changed: Any) -> dict[str, object]:
    given = {
        "username": "ada@example.com",
        "error": "",
        "by_address": False,
        "address": "",
        "fingerprint": "",
    }
    return given | changed


def _preview(**changed: Any) -> dict[str, object]:
    given = {
        "username": "ada@example.com",
        "draft": _Draft(),
        "preview": _PREVIEW,
        "facts": _FACTS,
        "typed": _TYPED,
        "error": "",
    }
    return given | changed


ADMIN: tuple[tuple[str, str, dict[str, object], int], ...] = (
    ("admin-applications", "applications", _list(unusable=(_BROKEN,)), 200),
    ("admin-none", "applications", _list(found=(), sources={}), 200),
    ("admin-many", "applications", _list(wanted="tra", next="i3"), 200),
    ("admin-new", "new", _new(), 200),
    (
        "admin-new-wrong",
        "new",
        _new(
            error="The address leads into a network that is not open to this service.",
            by_address=True,
            address="https://travel.example.com/",
            fingerprint="7a" * 32,
        ),
        422,
    ),
    (
        "admin-choose",
        "choose",
        {
            "username": "ada",
            "action": "/post",
            "entities": tuple(f"https://sp{number}.example/metadata" for number in range(30)),
            "count": 30,
            "error": "",
        },
        200,
    ),
    ("admin-preview", "preview", _preview(), 200),
    (
        "admin-preview-known",
        "preview",
        _preview(preview=replace(_PREVIEW, problems=(), known=_PARTNER, differences=_CHANGED)),
        200,
    ),
    ("admin-application", "application", _one(said="Nothing has changed at the address."), 200),
    ("admin-application-waiting", "application", _one(watched=_WAITING), 200),
    (
        "admin-application-failed",
        "application",
        _one(watched=_FAILED, partner=replace(_OTHER, enabled=False, notes="Ask Bob before switching on.")),
        200,
    ),
    (
        "admin-application-oidc",
        "application",
        _one(partner=_WIKI, watched=None, facts=None, redirects=("https://wiki.example/cb",)),
        200,
    ),
    ("admin-refused", "refused", {"username": "bob@example.com"}, 403),
)

"""What may be done to partners: bring in, look at, switch off and on, remove."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa

from idp.audit import AuditLog, Entry, Event
from idp.claims import DEFAULT_RELEASE, canonical
from idp.core import codec
from idp.core.errors import Refused
from idp.core.ids import new_id
from idp.core.model import AccessPolicy, Actor, Partner
from idp.core.ports import Clock
from idp.desk import oidc_choices
from idp.desk.oidc_choices import OidcChoices, check_apis
from idp.desk.rights import need_owner
from idp.desk.saml_choices import SamlChoices, chosen
from idp.directory import attributes
from idp.keys import Issuers
from idp.net import HttpClient
from idp.partners import own, sectors
from idp.partners.documents import check_fingerprint, open_document
from idp.partners.metadata import EntityRead, read_entity
from idp.partners.oidc import OidcSettings, check_client_id, oidc_settings
from idp.partners.registry import Partners
from idp.partners.saml import CHOSEN, SamlSettings, saml_settings
from idp.partners.sources import MetadataSources
from idp.sessions import Consents
from idp.store import Store, Unit

# An LDAP attribute name, or a claim's address.
_ATTRIBUTE = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,127}|[a-z][a-z0-9+.-]*:[!-~]{1,500}")
# Hashes of secrets are for comparing, not for showing.
_HIDDEN = frozenset({"secret_hash"})
_LONGEST_NOTES = 10_000
_NO_CHOICES = SamlChoices()
_NO_OIDC_CHOICES = OidcChoices()


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What came of importing metadata; problems are sentences for the administrator."""

    partner: Partner
    problems: tuple[str, ...]
    updated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerChanges:
    """Changes to a partner; None leaves a thing as it is.

    groups and people: who may enter, by name; both empty lets everybody in. saml and oidc are for
    partners of that door only.
    """

    name: str | None = None
    notes: str | None = None
    release: tuple[str, ...] | None = None
    groups: tuple[str, ...] | None = None
    people: tuple[str, ...] | None = None
    saml: SamlChoices = _NO_CHOICES
    oidc: OidcChoices = _NO_OIDC_CHOICES


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerDesk:
    """The desk's verbs for partners; a partner is named by its id, entity id or client id."""

    store: Store
    clock: Clock
    partners: Partners
    issuers: Issuers
    consents: Consents
    http: HttpClient
    audit: AuditLog

    def import_metadata(
        self,
        data: bytes,
        *,
        entity_id: str = "",
        signer: str = "",
        name: str = "",
        release: Sequence[str] = (),
        choices: SamlChoices | None = None,
        actor: Actor,
    ) -> Imported:
        """Trust a SAML application by its metadata, or bring a known one up to date.

        entity_id chooses one of many, signer is the SHA-256 fingerprint of the certificate that
        must have signed the document. A known one keeps its id and what an administrator chose
        for it, unless given anew. Raises Refused.
        """
        need_owner(actor)
        now = self.clock.now()
        document = open_document(
            data, now=now, entity_id=entity_id, signer=signer and check_fingerprint(signer)
        )
        read = read_entity(document, now=now)
        with self.store.write(alone=True) as unit:
            return self.adopt(unit, read, name=name, release=release, choices=choices, actor=actor)

    def adopt(
        self,
        unit: Unit,
        read: EntityRead,
        *,
        name: str = "",
        release: Sequence[str] = (),
        choices: SamlChoices | None = None,
        actor: Actor,
    ) -> Imported:
        """Do so with metadata that was read, in the unit that notes where it came from."""
        need_owner(actor)
        known = self.partners.stored(unit.connection, "saml", read.entity_id)
        partner = replace(
            known or _new("saml", read.entity_id, read.name, self.issuers.default().id),
            settings=codec.plain(self._chosen(read.settings, known, choices)),
        )
        event = Event.PARTNER_CHANGED if known else Event.PARTNER_ADDED
        saved = self._save(unit, _described(partner, name, release), event, actor)
        return Imported(partner=saved, problems=read.problems, updated=known is not None)

    def add_oidc(
        self,
        client_id: str,
        settings: OidcSettings,
        *,
        name: str = "",
        release: Sequence[str] = (),
        actor: Actor,
    ) -> Partner:
        """Trust an OpenID Connect application. Raises Refused, also when the client id is taken."""
        need_owner(actor)
        check_client_id(client_id)
        partner = replace(
            _new("oidc", client_id, client_id, self.issuers.default().id),
            settings=codec.plain(settings),
        )
        with self.store.write(alone=True) as unit:
            check_apis(client_id, settings, self.partners, unit.connection)
            return self._save(unit, _described(partner, name, release), Event.PARTNER_ADDED, actor)

    def sector_at(self, address: str, redirect_uris: Sequence[str], *, actor: Actor) -> str:
        """Return the sector for pairwise ids that an address speaks for. Raises Refused."""
        need_owner(actor)
        return sectors.sector_at(self.http, address, redirect_uris)

    def listing(
        self, *, search: str = "", after: Partner | None = None, limit: int = 200, actor: Actor
    ) -> tuple[Partner, ...]:
        """Return a page of partners by name, those after the given one, without our own pages.

        search is a part of a name or identifier, in any case.
        """
        need_owner(actor)
        if search:
            return self.partners.search(search, after=after, limit=limit, without=own.DOOR)
        with self.store.read() as connection:
            return self.partners.page(connection, after=after, limit=limit, without=own.DOOR)

    def show(self, which: str, *, actor: Actor) -> Partner:
        """Return one partner. Raises Refused."""
        need_owner(actor)
        with self.store.read() as connection:
            return self._found(connection, which)

    def set_enabled(self, which: str, *, enabled: bool, actor: Actor) -> Partner:
        """Switch a partner off, or on again. Raises Refused."""
        need_owner(actor)
        with self.store.write(alone=True) as unit:
            known = self._found(unit.connection, which)
            event = Event.PARTNER_ENABLED if enabled else Event.PARTNER_DISABLED
            return self._save(unit, replace(known, enabled=enabled), event, actor)

    def remove(self, which: str, *, actor: Actor) -> Partner:
        """Forget a partner. Raises Refused."""
        need_owner(actor)
        with self.store.write(alone=True) as unit:
            known = self._found(unit.connection, which)
            if known.door == own.DOOR:
                raise Refused("These are Countersign's own pages: they can be disabled, but not removed.")
            source = MetadataSources.of(unit.connection, known.id)
            if source is not None:
                if source.file_is_there:
                    raise Refused("A file in the drop folder describes this application: remove that first.")
                MetadataSources.remove(unit, source, actor=actor, at=self.clock.now())
            self.partners.remove(unit, known, actor=actor, at=self.clock.now())
            self.consents.forget(unit, known.id)
            self._record(unit, Event.PARTNER_REMOVED, known, actor)
        return known

    def change(self, which: str, changes: PartnerChanges, *, actor: Actor) -> Partner:
        """Change what an administrator chose for a partner. Raises Refused."""
        need_owner(actor)
        with self.store.write(alone=True) as unit:
            known = self._found(unit.connection, which)
            partner = _changed(known, changes)
            if changes.saml:
                if known.door != "saml":
                    raise Refused("That can be chosen for SAML applications only.")
                made = chosen(saml_settings(known), changes.saml, now=self.clock.now())
                partner = replace(partner, settings=codec.plain(made))
            if changes.oidc:
                if known.door != "oidc":
                    raise Refused("That can be chosen for OpenID Connect applications only.")
                settings = oidc_choices.chosen(oidc_settings(known), changes.oidc)
                check_apis(known.identifier, settings, self.partners, unit.connection)
                partner = replace(partner, settings=codec.plain(settings))
            return self._save(unit, partner, Event.PARTNER_CHANGED, actor)

    def _chosen(self, read: SamlSettings, known: Partner | None, choices: SamlChoices | None) -> SamlSettings:
        """Return what the metadata says, with what an administrator chose and metadata can't say."""
        before = saml_settings(known) if known else read
        kept = replace(read, **{name: getattr(before, name) for name in CHOSEN})
        return chosen(kept, choices or SamlChoices(), now=self.clock.now())

    def _save(self, unit: Unit, partner: Partner, event: Event, actor: Actor) -> Partner:
        saved = self.partners.save(unit, partner, actor=actor, at=self.clock.now())
        self._record(unit, event, saved, actor)
        return saved

    def _found(self, connection: sa.Connection, which: str) -> Partner:
        return found(self.partners, connection, which)

    def _record(self, unit: Unit, event: Event, partner: Partner, actor: Actor) -> None:
        entry = Entry(
            event=event,
            partner=partner.id,
            detail={"identifier": partner.identifier},
            actor=f"{actor.kind}:{actor.id}",
        )
        self.audit.record(unit, entry)


def found(partners: Partners, connection: sa.Connection, which: str) -> Partner:
    """Return the partner with this id, entity id or client id. Raises Refused."""
    matching = partners.named(connection, which)
    if not matching:
        raise Refused("There is no application with that id.")
    if len(matching) > 1:
        raise Refused("Several applications call themselves so: use the id from `idp partner list`.")
    return matching[0]


def shown(partner: Partner) -> dict[str, object]:
    """Return a partner as it may be shown: without secrets and their hashes."""
    settings = {key: value for key, value in partner.settings.items() if key not in _HIDDEN}
    described: dict[str, object] = codec.plain(replace(partner, settings=settings))
    return described


def _new(door: str, identifier: str, name: str, issuer: str) -> Partner:
    return Partner(
        id=new_id(),
        door=door,
        identifier=identifier,
        name=name,
        issuer=issuer,
        release=DEFAULT_RELEASE,
    )


def _described(partner: Partner, name: str, release: Sequence[str]) -> Partner:
    if name:
        partner = replace(partner, name=attributes.line(name, what="An application's name"))
    if release:
        partner = replace(partner, release=_released(release))
    return partner


def _changed(partner: Partner, changes: PartnerChanges) -> Partner:
    partner = _described(partner, changes.name or "", ())
    if changes.release is not None:
        partner = replace(partner, release=_released(changes.release))
    if changes.notes is not None:
        if len(changes.notes) > _LONGEST_NOTES:
            raise Refused(f"Notes have at most {_LONGEST_NOTES} characters.")
        partner = replace(partner, notes=changes.notes)
    access = AccessPolicy(
        people=partner.access.people if changes.people is None else changes.people,
        groups=partner.access.groups if changes.groups is None else changes.groups,
    )
    return replace(partner, access=access)


def _released(names: Sequence[str]) -> tuple[str, ...]:
    if not all(_ATTRIBUTE.fullmatch(name) for name in names):
        raise Refused("Attributes are named like uid, mail, displayName, or by an address.")
    return tuple(dict.fromkeys(map(canonical, names)))

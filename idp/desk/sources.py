"""What may be done about where partners' metadata comes from: look, watch, refresh, approve, let go."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from idp.audit import Event
from idp.core.errors import Refused
from idp.core.ids import new_id
from idp.core.model import Actor, Partner
from idp.desk.partners import Imported
from idp.desk.rights import need_owner
from idp.desk.saml_choices import SamlChoices
from idp.desk.watching import Checked, Outcome, Published, Watching, looked, pace
from idp.partners.differences import Difference, differences
from idp.partners.documents import LARGEST_AGGREGATE, Signature, check_fingerprint, open_document
from idp.partners.keyfacts import KeyFacts, key_facts
from idp.partners.metadata import read_entity
from idp.partners.remarks import Remark
from idp.partners.saml import SamlSettings, saml_settings
from idp.partners.sources import Kind, MetadataSource, MetadataSources, Mode

_MOST_AT_ONCE = 50
_LONGEST_RUN = timedelta(minutes=8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a document says, before anything is trusted.

    known is the partner that has this entity id already, with how the document differs from it.
    """

    entity_id: str
    name: str
    settings: SamlSettings
    certificates: tuple[KeyFacts, ...]
    signature: Signature
    valid_until: datetime | None
    problems: tuple[str, ...]
    known: Partner | None
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A source, its partner (None for a file that could not be read), and what waits for approval.

    seen names exactly the metadata that waits, "" when none does.
    """

    source: MetadataSource
    partner: Partner | None
    waiting: tuple[Difference, ...]
    expired: bool

    @property
    def seen(self) -> str:
        """Return the digest of what waits for approval."""
        return "" if self.source.held is None else hashlib.sha256(self.source.held).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceDesk:
    """The desk's verbs for where metadata comes from; a partner is named as at the partner desk."""

    watching: Watching

    # Before anything is trusted ---------------------------------------------------------------
    def fetch(self, address: str, *, size: int = LARGEST_AGGREGATE, actor: Actor) -> Published:
        """Return what is at an address, if it has at most size bytes. Raises Refused."""
        need_owner(actor)
        published = self.watching.fetch(address, size=size)
        if published is None:
            raise Refused("The address answered with an error.")
        return published

    def preview(
        self, data: bytes, *, entity_id: str = "", signer: str = "", watched: bool = False, actor: Actor
    ) -> Preview:
        """Return what a document says, and what is wrong with it. Raises Refused, SeveralEntities.

        watched: it came from an address that would be looked at again and again.
        """
        need_owner(actor)
        now = self.watching.clock.now()
        document = open_document(data, now=now, entity_id=entity_id, signer=signer)
        read = read_entity(document, now=now)
        with self.watching.store.read() as connection:
            known = self.watching.partners.partners.stored(connection, "saml", read.entity_id)
        certificates = tuple(map(key_facts, read.settings.certificates))
        return Preview(
            entity_id=read.entity_id,
            name=read.name,
            settings=read.settings,
            certificates=certificates,
            signature=document.signature,
            valid_until=document.valid_until,
            problems=(
                *read.problems,
                *_old(certificates, now),
                *_unsteady(document.signature, document.valid_until, watched=watched),
            ),
            known=known,
            differences=differences(saml_settings(known), read.settings) if known else (),
        )

    # Watching ---------------------------------------------------------------------------------
    def watch(
        self,
        address: str,
        published: Published,
        *,
        entity_id: str = "",
        signer: str = "",
        mode: Mode = Mode.AUTOMATIC,
        name: str = "",
        release: Sequence[str] = (),
        choices: SamlChoices | None = None,
        actor: Actor,
    ) -> Imported:
        """Trust an application by what was fetched, and follow its address from now on.

        A known application keeps its id; another place that it came from is forgotten. Raises
        Refused.
        """
        need_owner(actor)
        now = self.watching.clock.now()
        signer = check_fingerprint(signer) if signer else ""
        document = open_document(published.data, now=now, entity_id=entity_id, signer=signer)
        read = read_entity(document, now=now)
        with self.watching.store.write(alone=True) as unit:
            imported = self.watching.partners.adopt(
                unit, read, name=name, release=release, choices=choices, actor=actor
            )
            before = MetadataSources.of(unit.connection, imported.partner.id)
            source = MetadataSource(
                id=before.id if before else new_id(),
                partner=imported.partner.id,
                kind=Kind.ADDRESS,
                place=address,
                signer=signer,
                mode=mode,
                etag=published.etag,
                modified=published.modified,
                digest=published.digest,
                due_at=now,
                pace=pace(document),
                valid_until=document.valid_until,
            )
            MetadataSources.save(unit, looked(source, now), actor=actor, at=now)
            self.watching.note(unit, Event.METADATA_WATCHED, source, (), actor)
        problems = (*imported.problems, *_unsteady(document.signature, None, watched=True))
        return replace(imported, problems=problems)

    def change(
        self, which: str, *, mode: Mode | None = None, signer: str | None = None, actor: Actor
    ) -> MetadataSource:
        """Change how an address is watched; signer "" expects no signature any more. Raises Refused."""
        need_owner(actor)
        with self.watching.store.write(alone=True) as unit:
            source = self._source(unit.connection, which, actor)
            changed = replace(
                source,
                mode=mode or source.mode,
                signer=source.signer if signer is None else signer and check_fingerprint(signer),
            )
            if changed.signer != source.signer:  # what was seen is to be judged again
                changed = replace(changed, digest="", etag="", modified="", held=None, held_at=None)
            MetadataSources.save(unit, changed, actor=actor, at=self.watching.clock.now())
            self.watching.note(unit, Event.METADATA_WATCHED, changed, (), actor)
        return changed

    def forget(self, which: str, *, actor: Actor) -> MetadataSource:
        """Watch a place no more; the application stays as it is. Raises Refused."""
        need_owner(actor)
        with self.watching.store.write(alone=True) as unit:
            source = self._source(unit.connection, which, actor)
            MetadataSources.remove(unit, source, actor=actor, at=self.watching.clock.now())
            self.watching.note(unit, Event.METADATA_UNWATCHED, source, (), actor)
        return source

    def listing(self, *, actor: Actor) -> tuple[Watched, ...]:
        """Return all sources, by kind and place."""
        need_owner(actor)
        with self.watching.store.read() as connection:
            sources = MetadataSources.listing(connection)
            registry = self.watching.partners.partners
            partners = registry.among(connection, {each.partner for each in sources})
        return tuple(self._watched(each, partners.get(each.partner)) for each in sources)

    def beside(self, partners: Sequence[Partner], *, actor: Actor) -> Mapping[str, Watched]:
        """Return the sources of those of these partners that have one, by partner id."""
        need_owner(actor)
        known = {one.id: one for one in partners}
        with self.watching.store.read() as connection:
            sources = MetadataSources.among(connection, known)
        return {each.partner: self._watched(each, known[each.partner]) for each in sources}

    def unread(self, *, actor: Actor) -> tuple[MetadataSource, ...]:
        """Return the files of the drop folder that could not be read yet."""
        need_owner(actor)
        with self.watching.store.read() as connection:
            return MetadataSources.unread(connection)

    def show(self, which: str, *, actor: Actor) -> Watched | None:
        """Return where a partner's metadata comes from, None when by hand. Raises Refused."""
        need_owner(actor)
        partner = self.watching.partners.show(which, actor=actor)
        with self.watching.store.read() as connection:
            source = MetadataSources.of(connection, partner.id)
        return None if source is None else self._watched(source, partner)

    def addresses(self, *, actor: Actor) -> tuple[str, ...]:
        """Return the ids of the partners whose metadata is at an address."""
        need_owner(actor)
        with self.watching.store.read() as connection:
            return MetadataSources.watched(connection)

    # Looking ----------------------------------------------------------------------------------
    def refresh(self, which: str, *, actor: Actor) -> Checked:
        """Look at a partner's address now. Raises Refused when it has none."""
        need_owner(actor)
        with self.watching.store.read() as connection:
            source = self._source(connection, which, actor)
        if source.kind is not Kind.ADDRESS:
            raise Refused("This application's metadata is a file, which is looked at by itself.")
        return self.watching.check(source, actor=actor)

    def refresh_due(self, *, actor: Actor) -> int:
        """Look at every address whose time has come; return how many were looked at."""
        need_owner(actor)
        clock, store = self.watching.clock, self.watching.store
        began = clock.now()
        with store.read() as connection:
            due = MetadataSources.due(connection, began, most=_MOST_AT_ONCE)
        looked = 0
        for source in due:
            if clock.now() - began > _LONGEST_RUN:
                break
            self.watching.check(source, actor=actor)
            looked += 1
        return looked

    def approve(self, which: str, *, seen: str = "", actor: Actor) -> Checked:
        """Apply what is held; seen is its digest, when the approver looked at it before. Raises Refused."""
        need_owner(actor)
        return self._decide(which, seen, actor, approved=True)

    def reject(self, which: str, *, seen: str = "", actor: Actor) -> Checked:
        """Drop what is held; the same document is not held again. Raises Refused."""
        need_owner(actor)
        return self._decide(which, seen, actor, approved=False)

    def _decide(self, which: str, seen: str, actor: Actor, *, approved: bool) -> Checked:
        now, watching = self.watching.clock.now(), self.watching
        partner = watching.partners.show(which, actor=actor)
        with watching.store.write(alone=True) as unit:
            source = self._source(unit.connection, which, actor)
            watched = self._watched(source, partner)
            if source.held is None or seen not in ("", watched.seen):
                raise Refused("Nothing waits for approval any more, or something else: look at it again.")
            decided = replace(source, held=None, held_at=None)
            if approved:
                if watched.expired:
                    raise Refused("This metadata has expired (validUntil).")
                document = open_document(source.held, now=now, entity_id=partner.identifier)
                watching.partners.adopt(unit, read_entity(document, now=now), actor=actor)
            MetadataSources.save(unit, decided, actor=actor, at=now)
            event = Event.METADATA_APPLIED if approved else Event.METADATA_REJECTED
            watching.note(unit, event, decided, watched.waiting, actor)
        outcome = Outcome.APPLIED if approved else Outcome.UNCHANGED
        return Checked(source=decided, outcome=outcome, differences=watched.waiting)

    def _source(self, connection: sa.Connection, which: str, actor: Actor) -> MetadataSource:
        partner = self.watching.partners.show(which, actor=actor)
        source = MetadataSources.of(connection, partner.id)
        if source is None:
            raise Refused("This application's metadata was brought by hand: nothing is watched.")
        return source

    def _watched(self, source: MetadataSource, partner: Partner | None) -> Watched:
        now = self.watching.clock.now()
        waiting = _waiting(source, partner) if partner is not None else ()
        expired = source.valid_until is not None and source.valid_until <= now
        return Watched(source=source, partner=partner, waiting=waiting, expired=expired)


def _waiting(source: MetadataSource, partner: Partner) -> tuple[Difference, ...]:
    """Return what would change if what is held were approved."""
    if source.held is None or source.held_at is None:
        return ()
    # Read as of when it came, so that one that has expired meanwhile can still be looked at.
    try:
        document = open_document(source.held, now=source.held_at, entity_id=partner.identifier)
        read = read_entity(document, now=source.held_at)
    except Refused as refused:  # readable once: a newer Countersign may be stricter
        return (Difference(said=Remark(refused.public), grave=True),)
    return differences(saml_settings(partner), read.settings)


def _old(certificates: Sequence[KeyFacts], now: datetime) -> tuple[Remark, ...]:
    # The key stays trusted: what metadata says counts, not a date (SAML metadata interoperability
    # profile 2.6.1).
    return tuple(
        Remark(
            "A certificate expired on %(date)s (%(certificate)s). It stays trusted, but should be renewed.",
            date=f"{each.not_after:%Y-%m-%d}",
            certificate=each.short,
        )
        for each in certificates
        if each.not_after <= now
    )


def _unsteady(signature: Signature, until: datetime | None, *, watched: bool) -> tuple[Remark, ...]:
    if watched and signature is Signature.NONE:
        return (Remark("The metadata is not signed: only the connection to its address protects it."),)
    if until is None or watched:
        return ()
    return (
        Remark(
            "The metadata is valid until %(date)s only, and a file does not renew itself: watch its address.",
            date=f"{until:%Y-%m-%d}",
        ),
    )

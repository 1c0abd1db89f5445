"""Look where partners' metadata comes from, and judge what is there: apply, hold or refuse it.

One rule for addresses and files: what is not signed as expected, has expired or describes another
application changes nothing, ever.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from idp.audit import AuditLog, Entry, Event
from idp.core.errors import Refused
from idp.core.model import Actor
from idp.core.ports import Clock
from idp.desk.partners import PartnerDesk
from idp.net import Bounds, HttpClient, Unanswered
from idp.partners.differences import Difference, differences
from idp.partners.documents import LARGEST_AGGREGATE, Document, Signature, open_document
from idp.partners.metadata import read_entity
from idp.partners.saml import saml_settings
from idp.partners.sources import Kind, MetadataSource, MetadataSources, Mode
from idp.store import Store, Unit

_PATIENCE = 60  # seconds
_REDIRECTS = 3
_ACCEPT = "application/samlmetadata+xml, application/xml;q=0.9, text/xml;q=0.9, */*;q=0.1"
_USUAL = timedelta(hours=6)
_SHORTEST, _LONGEST = timedelta(minutes=15), timedelta(hours=24)
_AFTER_FAILURE = timedelta(minutes=30)


class Outcome(StrEnum):
    """What came of looking at a source."""

    UNCHANGED = "unchanged"
    APPLIED = "applied"
    HELD = "held"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A document as it was found at its place; etag and modified say which version it is."""

    data: bytes
    etag: str = ""
    modified: str = ""

    @property
    def digest(self) -> str:
        """Return the document's SHA-256 in hex."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A source after a look at it, and what is different there from what was trusted before."""

    source: MetadataSource
    outcome: Outcome
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching:
    """Looks at sources. Every verb of the desk that does checks the right first."""

    store: Store
    clock: Clock
    partners: PartnerDesk
    http: HttpClient
    audit: AuditLog

    def fetch(
        self, address: str, *, known: MetadataSource | None = None, size: int = LARGEST_AGGREGATE
    ) -> Published | None:
        """Return what is at an address, None when it is still what is known. Raises Refused."""
        headers = {"Accept": _ACCEPT}
        if known and known.etag:
            headers["If-None-Match"] = known.etag
        if known and known.modified:
            headers["If-Modified-Since"] = known.modified
        bounds = Bounds(seconds=_PATIENCE, size=size, redirects=_REDIRECTS)
        answer = self.http.get(address, headers=headers, bounds=bounds)
        if answer.status == 304 and known:
            return None
        if answer.status != 200:
            raise Unanswered("The address answered with an error.", detail=f"status {answer.status}")
        if answer.content_type == "text/html":
            raise Unanswered("The address answered with a page for people, not with metadata.")
        modified = answer.headers.get("last-modified", "")
        return Published(data=answer.body, etag=answer.headers.get("etag", ""), modified=modified)

    def check(self, source: MetadataSource, *, actor: Actor) -> Checked:
        """Look at an address, and do what is to be done with what is there."""
        try:
            published = self.fetch(source.place, known=source)
        except Refused as refused:
            return self.failed(source, refused, actor=actor)
        if published is None:
            return self._same(source, actor=actor)
        return self.judge(source, published, actor=actor)

    def judge(self, source: MetadataSource, published: Published, *, actor: Actor) -> Checked:
        """Do what is to be done with a document of a known partner."""
        if published.digest == source.digest:
            return self._same(source, actor=actor)
        now = self.clock.now()
        try:
            partner = self.partners.show(source.partner, actor=actor)
            document = open_document(
                published.data, now=now, entity_id=partner.identifier, signer=source.signer
            )
            read = read_entity(document, now=now)
        except Refused as refused:
            return self.failed(source, refused, actor=actor)
        seen = replace(
            source,
            etag=published.etag,
            modified=published.modified,
            digest=published.digest,
            pace=pace(document),
            valid_until=document.valid_until,
            held=None,
            held_at=None,
        )
        found = differences(saml_settings(partner), read.settings)
        seen, outcome = looked(seen, now), Outcome.UNCHANGED
        with self.store.write(alone=True) as unit:
            if _changed_meanwhile(unit, source):
                return Checked(source=source, outcome=outcome)
            if found and must_wait(seen, document, found):
                outcome = Outcome.HELD
                seen = replace(seen, held=document.data, held_at=now)
                self.note(unit, Event.METADATA_HELD, seen, found, actor)
            elif found:
                outcome = Outcome.APPLIED
                self.partners.adopt(unit, read, actor=actor)
                self.note(unit, Event.METADATA_APPLIED, seen, found, actor)
            MetadataSources.save(unit, seen, actor=actor, at=self.clock.now())
        return Checked(source=seen, outcome=outcome, differences=found)

    def _same(self, source: MetadataSource, *, actor: Actor) -> Checked:
        now = self.clock.now()
        if source.valid_until is not None and source.valid_until <= now:
            return self.failed(source, Refused("This metadata has expired (validUntil)."), actor=actor)
        seen = looked(source, now)
        with self.store.write(alone=True) as unit:
            if not _changed_meanwhile(unit, source):
                MetadataSources.save(unit, seen, actor=actor, at=now)
        return Checked(source=seen, outcome=Outcome.UNCHANGED)

    def failed(self, source: MetadataSource, refused: Refused, *, actor: Actor) -> Checked:
        """Note that nothing could be used; what is trusted stays as it is."""
        now = self.clock.now()
        seen = replace(source, checked_at=now, due_at=now + _AFTER_FAILURE, error=refused.public)
        if source.kind is Kind.ADDRESS:
            # The next look must not be a conditional one: what is there is not known yet.
            seen = replace(seen, etag="", modified="")
        with self.store.write(alone=True) as unit:
            if _changed_meanwhile(unit, source):
                return Checked(source=source, outcome=Outcome.UNCHANGED)
            MetadataSources.save(unit, seen, actor=actor, at=now)
            if source.error != seen.error:
                self.note(unit, Event.METADATA_REFUSED, seen, (), actor, detail=refused.detail)
        return Checked(source=seen, outcome=Outcome.FAILED)

    def note(
        self,
        unit: Unit,
        event: Event,
        source: MetadataSource,
        found: Sequence[Difference],
        actor: Actor,
        *,
        detail: str = "",
    ) -> None:
        """Record what happened to a source, and every difference in words."""
        said = {
            "source": source.id,
            "place": source.place,
            "problem": source.error,
            "detail": detail,
            "changes": [each.said for each in found],
            "lost": any(each.lost for each in found),
        }
        entry = Entry(
            event=event,
            partner=source.partner,
            detail={name: value for name, value in said.items() if value},
            actor=f"{actor.kind}:{actor.id}",
        )
        self.audit.record(unit, entry)


def _changed_meanwhile(unit: Unit, source: MetadataSource) -> bool:
    """Say whether a source is no longer what was looked at.

    A look takes a while, and must not undo what an administrator did to the source meanwhile.
    """
    stored = MetadataSources.locked(unit, source.id)
    if stored is None:
        return bool(source.partner)
    return stored.judged != source.judged


def must_wait(source: MetadataSource, document: Document, found: Sequence[Difference]) -> bool:
    """Say whether a change is held until an administrator approves it.

    Whoever takes over an application's web server must not take over its sign-ins without a
    trace: a grave change from an address needs the expected signature, or a look.
    """
    if source.mode is Mode.HOLD:
        return True
    unsigned = source.kind is Kind.ADDRESS and document.signature is not Signature.VERIFIED
    return unsigned and any(each.grave for each in found)


def pace(document: Document) -> int:
    """Return how many seconds to wait between two looks: as the publisher wants, within reason."""
    wanted = min(max(document.cache_for or _USUAL, _SHORTEST), _LONGEST)
    return int(wanted.total_seconds())


def looked(source: MetadataSource, now: datetime) -> MetadataSource:
    """Return the source after a look that went well; the next one is well before the metadata expires."""
    wait = timedelta(seconds=source.pace)
    if source.valid_until is not None:
        wait = min(wait, max((source.valid_until - now) / 2, _SHORTEST))
    return replace(source, checked_at=now, due_at=now + wait, error="")

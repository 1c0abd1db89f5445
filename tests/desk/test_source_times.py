"""When addresses are looked at, until when, and what a preview shows before anything is trusted."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from idp.core.errors import Refused
from idp.desk.watching import Outcome, Published
from idp.partners.sources import Mode
from idp.store import schema
from tests.desk.conftest import OWNER
from tests.desk.site import ENTITY, SIGNER, metadata, moved, refresh, source, trusted, watch
from tests.partners.test_documents import pin


# When, and no longer ------------------------------------------------------------------------------
def test_addresses_are_looked_at_when_their_time_has_come(desk, site, clock):
    site.data = metadata().replace(b" entityID", b' cacheDuration="PT1H" entityID', 1)
    watch(desk, site)
    assert desk.sources.refresh_due(actor=OWNER) == 0
    clock.advance(minutes=59)
    assert desk.sources.refresh_due(actor=OWNER) == 0
    clock.advance(minutes=2)
    assert desk.sources.refresh_due(actor=OWNER) == 1
    assert site.looks == 2
    site.status = "500 Broken"
    clock.advance(hours=1, minutes=1)
    assert desk.sources.refresh_due(actor=OWNER) == 1
    clock.advance(minutes=31)  # after a failure sooner
    assert desk.sources.refresh_due(actor=OWNER) == 1


@pytest.mark.parametrize(("wanted", "minutes"), [("PT1S", 15), ("P1Y", 24 * 60), ("", 6 * 60)])
def test_the_publisher_s_wish_counts_within_reason(desk, site, clock, wanted, minutes):
    site.data = metadata().replace(b" entityID", f' cacheDuration="{wanted}" entityID'.encode(), 1)
    watch(desk, site)
    assert (source(desk).source.due_at - clock.now()).total_seconds() == minutes * 60


def test_a_place_is_let_go_and_goes_with_its_application(desk, site, store):
    watch(desk, site)
    desk.sources.forget(ENTITY, actor=OWNER)
    assert source(desk) is None
    with pytest.raises(Refused, match="by hand"):
        refresh(desk)
    watch(desk, site)
    desk.partners.remove(ENTITY, actor=OWNER)
    with store.read() as connection:
        assert connection.execute(sa.select(schema.sources)).first() is None
        nouns = connection.execute(sa.select(schema.changes.c.noun, schema.changes.c.after)).all()
    assert [after is None for noun, after in nouns if noun == "source"] == [False, True, False, True]


def test_another_signer_has_everything_judged_again(desk, site):
    site.etag = "1"
    watch(desk, site)
    desk.sources.change(ENTITY, signer=pin(SIGNER), actor=OWNER)
    assert "not signed with" in refresh(desk).source.error
    desk.sources.change(ENTITY, signer="", mode=Mode.HOLD, actor=OWNER)
    assert refresh(desk).outcome is Outcome.UNCHANGED
    assert source(desk).source.mode is Mode.HOLD


def test_another_signer_drops_what_waits(desk, site):
    """What was held was not signed by the one that is expected now: nobody may approve it by habit."""
    watch(desk, site)
    site.data = moved("https://new.example/acs")
    assert refresh(desk).outcome is Outcome.HELD
    desk.sources.change(ENTITY, signer=pin(SIGNER), actor=OWNER)
    with pytest.raises(Refused, match="Nothing waits"):
        desk.sources.approve(ENTITY, actor=OWNER)


def test_what_waits_and_can_no_longer_be_read_is_told_and_can_be_dropped(desk, site, store):
    watch(desk, site)
    site.data = moved("https://new.example/acs")
    refresh(desk)
    with store.write() as unit:
        unit.connection.execute(sa.update(schema.sources).values(held=b"<x/>"))
    waiting = source(desk).waiting
    assert [each.grave for each in waiting] == [True]
    assert "not SAML metadata" in waiting[0].said
    with pytest.raises(Refused, match="not SAML metadata"):
        desk.sources.approve(ENTITY, actor=OWNER)
    desk.sources.reject(ENTITY, actor=OWNER)
    assert source(desk).waiting == ()


# Preview ------------------------------------------------------------------------------------------
def test_a_preview_trusts_nothing_and_says_what_is_wrong(desk):
    data = metadata().replace(b" entityID", b' validUntil="2199-01-01T00:00:00Z" entityID', 1)
    preview = desk.sources.preview(data, actor=OWNER)
    assert preview.entity_id == ENTITY
    assert preview.known is None
    assert preview.certificates[0].key == "RSA 2048"
    said = " ".join(preview.problems)
    assert "A certificate expired on 2020-01-10" in said
    assert "valid until 2199-01-01 only" in said
    assert desk.partners.listing(actor=OWNER) == ()
    watched = desk.sources.preview(metadata(), watched=True, actor=OWNER)
    assert "The metadata is not signed" in watched.problems[-1]


def test_a_preview_of_a_known_application_says_what_would_change(desk):
    desk.partners.import_metadata(metadata(), actor=OWNER)
    preview = desk.sources.preview(moved("https://new.example/acs"), actor=OWNER)
    assert preview.known is not None
    assert any("https://new.example/acs" in each.said for each in preview.differences)


def test_a_document_watched_is_the_one_that_was_shown(desk, site):
    shown = desk.sources.fetch(site.address, actor=OWNER)
    site.data = moved("https://evil.example/acs")
    desk.sources.watch(site.address, shown, actor=OWNER)
    assert trusted(desk).default_acs.location == "https://sp.example/acs"
    with pytest.raises(Refused):
        desk.sources.watch(site.address, Published(data=b"<x/>"), actor=OWNER)
